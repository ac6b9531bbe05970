"""Who may act upon an account: officers, and upon an officer's account two where two others are.

Whoever has an officer's account decides over money; were one officer enough to make another, or to
give one another password, one person would be two.
"""

from collections.abc import Collection, Iterable

from kashi_server.errors import NotFound, Refused


def check_acting(
    open_officers: Collection[str],
    login: str,
    by: Collection[str],
    *,
    upon_officer: bool,
    own_proves: bool = False,
) -> None:
    """Refuse those who may not act upon an account.

    Args:
        open_officers: logins of all officers whose accounts are open.
        login: the account that is made, changed or closed.
        by: different logins of those who act, each proved by a password.
        upon_officer: the account is an officer's, or will be.
        own_proves: the account's own old password does in the place of two officers.

    Raises:
        Refused: it takes two officers, and fewer act.
        NotFound: one of them is no officer here, or the account is closed.
    """
    own = own_proves and login in by
    if upon_officer and not own and len(by) < 2 and _others(open_officers, login) > 1:
        raise Refused(
            "经办人账号须由两名不同的经办人办理，请以 --officer 分别注明两人，并各凭其密码办理。"
            "An officer's account takes two different officers: name both with --officer, twice;"
            " their passwords prove them"
        )
    for one in by:
        if one not in open_officers:
            raise NotFound(f"本服务器没有经办人“{one}”。there is no officer '{one}' on this server")


def proof(login: str, by: tuple[str, ...]) -> str:
    """How an act upon an officer's account was proved, in the words of the log."""
    if not by:
        return "nobody proved it by a password"
    if by == (login,):
        return "proved by the account's own old password"
    return "proved by one officer alone" if len(by) == 1 else "proved by two officers"


def _others(open_officers: Iterable[str], login: str) -> int:
    return sum(one != login for one in open_officers)
