"""`account …`: who may sign in to the portal, as what, for which party."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.commands.proving import password_of, prove_logins, require_officer
from kashi_server.errors import Refused
from kashi_server.services.accounts import Account, Role, normal_login

Login = Annotated[str, typer.Argument(help="What the person signs in with.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Holds the password; else one is made.")
]
ActingOfficers = Annotated[
    list[str] | None,
    typer.Option(
        "--officer",
        help="Login of the officer who does this; twice for an officer's account. 办理人",
    ),
]
ActingPasswords = Annotated[
    list[Path] | None,
    typer.Option(
        "--officer-password-file",
        help="Holds that officer's own password, in the same order; else it is asked. 办理人密码",
    ),
]


def create(
    login: Login,
    role: Annotated[Role, typer.Option("--role", help="What the account may do.")],
    party: Annotated[
        str | None, typer.Option("--party", help="统一社会信用代码, for companies and providers.")
    ] = None,
    password_file: PasswordFile = None,
    officer: ActingOfficers = None,
    officer_password_file: ActingPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Make an account: an officer does, by the own password. 建立账号；由经办人凭密码办理。

    An officer's account takes two officers, where there are two. 经办人账号须由两名经办人办理。
    """
    password, shown = password_of(password_file)
    with opened(directory) as server:
        weighty = role is Role.OFFICER and _others(server, login) > 1
        by = _acting(server, officer, officer_password_file, weighty=weighty)
        account = server.accounts.create(login, password, role, party, by=by)
    print(
        f"账号 {account.login}（{account.role}）已建立。"
        f"Account {account.login} ({account.role}) is made.{shown}"
    )


def set_password(
    login: Login,
    password_file: PasswordFile = None,
    officer: ActingOfficers = None,
    officer_password_file: ActingPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Replace a password; the account's sessions end. 更换密码，该账号的会话随即结束。

    An officer does it by the own password; another officer's takes two where there are two, the own
    one's the old password alone. The only officer's is replaced without, and the log says so.
    由经办人凭本人密码办理；更换其他经办人的密码须由两名经办人办理，更换本人的凭原密码即可；
    仅剩一名经办人且其忘记密码时除外，日志照记。
    """
    password, shown = password_of(password_file)
    with opened(directory) as server:
        weighty = _takes_two(server, login) and not _names(officer, login)
        by = _acting(server, officer, officer_password_file, weighty=weighty, besides=login)
        server.accounts.set_password(login, password, by=by)
    print(f"账号 {login} 的密码已更换。The password of {login} is replaced.{shown}")


def disable(
    login: Login,
    officer: ActingOfficers = None,
    officer_password_file: ActingPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Close an account; its sessions end. 停用账号，其会话随即结束；由经办人凭本人密码办理。

    An officer's account takes two officers, where there are two. 经办人账号须由两名经办人办理。
    """
    with opened(directory) as server:
        weighty = _takes_two(server, login)
        by = _acting(server, officer, officer_password_file, weighty=weighty)
        server.accounts.disable(login, by=by)
    print(f"账号 {login} 已停用。Account {login} is closed.")


def list_accounts(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON for a program.")] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Show the accounts. 列出账号。"""
    with opened(directory) as server:
        accounts = server.accounts.all()
    if as_json:
        print(json.dumps([_facts(account) for account in accounts], ensure_ascii=False))
        return
    table = Table("登录名 login", "角色 role", "单位 party", "停用 closed")
    for account in accounts:
        closed = "closed" if account.disabled else ""
        table.add_row(account.login, account.role.value, account.party_id or "", closed)
    Console().print(table)


def _acting(
    server: Server,
    named: Sequence[str] | None,
    files: Sequence[Path] | None,
    *,
    weighty: bool,
    besides: str = "",
) -> tuple[str, ...]:
    """The officers who act upon an account, proved by password; none where nobody could be.

    Args:
        server: whose accounts they are.
        named: the logins that the command names.
        files: hold the officers' passwords, in that order; without any they are asked for.
        weighty: two officers are needed: by one officer's word alone one person would be two.
        besides: the account whose forgotten password is replaced: it can prove nothing.

    Raises:
        Refused: too few officers are named, and this server has those who could act.
    """
    officers = tuple(dict.fromkeys(normal_login(login) for login in named or ()))
    if weighty and len(officers) < 2:
        raise Refused(
            "经办人账号须由两名不同的经办人办理，请以 --officer 分别注明两人，并各凭其密码办理。"
            "An officer's account takes two different officers: name both with --officer, twice;"
            " their passwords prove them"
        )
    if not officers and server.accounts.officers() - {normal_login(besides)}:
        raise Refused(
            "以哪位经办人的身份办理？请用 --officer 指明，并凭其密码办理。"
            "Which officer does this? Name the login with --officer; the password proves it"
        )
    for login in officers:
        require_officer(server, login)
    prove_logins(server, officers, files)
    return officers


def _takes_two(server: Server, login: str) -> bool:
    """Whether an account is an officer's, open or closed, and two others could act upon it."""
    roles = {one.login: one.role for one in server.accounts.all()}
    return roles.get(normal_login(login)) is Role.OFFICER and _others(server, login) > 1


def _others(server: Server, login: str) -> int:
    """How many officers there are besides an account."""
    return len(server.accounts.officers() - {normal_login(login)})


def _names(named: Sequence[str] | None, login: str) -> bool:
    """Whether the account itself is among those who act: its old password proves it."""
    return normal_login(login) in [normal_login(one) for one in named or ()]


def _facts(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "role": account.role.value,
        "party_id": account.party_id,
        "disabled": account.disabled,
    }
