"""Two officers who decide together: what changes money after the fact takes both, and a reason.

A name on paper is nobody: each must be able to sign in here as an officer.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.accounts import Account, Role, normal_login

REASON_CHARACTERS_MAX = 2_000


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficersDecision:
    """Who decided together, by login, and why."""

    officers: tuple[str, str]
    reason: str

    def __post_init__(self) -> None:
        """Refuse one officer twice, and a decision without a reason."""
        first, second = (normal_login(login) for login in self.officers)
        if not first or not second or first == second:
            raise InvalidValue(
                "须由两名不同的经办人共同决定，请以 --officer 分别注明两人。"
                "two different officers decide together; name both with --officer, twice"
            )
        if not self.reason.strip():
            raise InvalidValue(
                "决定须说明理由，请以 --reason 注明。"
                "the decision needs a reason; give one with --reason"
            )
        if len(self.reason) > REASON_CHARACTERS_MAX:
            raise InvalidValue(
                f"理由不得超过 {REASON_CHARACTERS_MAX} 个字符。"
                f"a reason has at most {REASON_CHARACTERS_MAX} characters"
            )
        object.__setattr__(self, "officers", (first, second))


class AccountsRead(Protocol):
    """What is asked of the accounts."""

    def all(self) -> Sequence[Account]:
        """Every account."""


def officers_of(accounts: AccountsRead) -> frozenset[str]:
    """Logins of all who are officers now."""
    return frozenset(
        account.login
        for account in accounts.all()
        if account.role is Role.OFFICER and not account.disabled
    )


def check_officers(accounts: AccountsRead, decision: OfficersDecision) -> None:
    """Make sure that both who decided are officers here.

    Raises:
        Refused: one of them is not, or the account is closed.
    """
    known = {account.login: account for account in accounts.all()}
    for login in decision.officers:
        account = known.get(login)
        if account is None or account.disabled or account.role is not Role.OFFICER:
            raise Refused(
                f"账号“{login}”不是本服务器的经办人；须由两名经办人以各自账号决定，"
                "请用 account list 查看。"
                f"'{login}' is no officer here; two officers decide, by their logins:"
                " list them with: account list"
            )
