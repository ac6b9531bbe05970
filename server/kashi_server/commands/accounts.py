"""`account …`: who may sign in to the portal, as what, for which party."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.commands.proving import password_of, prove_officer
from kashi_server.errors import Refused
from kashi_server.services.accounts import Account, Role, normal_login

Login = Annotated[str, typer.Argument(help="What the person signs in with.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Holds the password; else one is made.")
]
ActingOfficer = Annotated[
    str,
    typer.Option("--officer", help="Login of the officer who does this; it is recorded. 办理人"),
]
ActingPassword = Annotated[
    Path | None,
    typer.Option(
        "--officer-password-file",
        help="Holds that officer's own password; else it is asked. 办理人密码",
    ),
]


def create(
    login: Login,
    role: Annotated[Role, typer.Option("--role", help="What the account may do.")],
    party: Annotated[
        str | None, typer.Option("--party", help="统一社会信用代码, for companies and providers.")
    ] = None,
    password_file: PasswordFile = None,
    officer: ActingOfficer = "",
    officer_password_file: ActingPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Make an account: an officer does, by the own password. 建立账号；由经办人凭密码办理。"""
    password, shown = password_of(password_file)
    with opened(directory) as server:
        by = _acting(server, officer, officer_password_file)
        account = server.accounts.create(login, password, role, party, by=by)
    print(
        f"账号 {account.login}（{account.role}）已建立。"
        f"Account {account.login} ({account.role}) is made.{shown}"
    )


def set_password(
    login: Login,
    password_file: PasswordFile = None,
    officer: ActingOfficer = "",
    officer_password_file: ActingPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Replace a password; the account's sessions end. 更换密码，该账号的会话随即结束。

    An officer does it by the own password; the only officer's is replaced without, and the audit
    trail says so. 由经办人凭本人密码办理；仅剩一名经办人且其忘记密码时除外，审计记录照记。
    """
    password, shown = password_of(password_file)
    with opened(directory) as server:
        by = _acting(server, officer, officer_password_file, besides=login)
        server.accounts.set_password(login, password, by=by)
    print(f"账号 {login} 的密码已更换。The password of {login} is replaced.{shown}")


def disable(
    login: Login,
    officer: ActingOfficer = "",
    officer_password_file: ActingPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Close an account; its sessions end. 停用账号，其会话随即结束；由经办人凭本人密码办理。"""
    with opened(directory) as server:
        by = _acting(server, officer, officer_password_file)
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


def _acting(server: Server, officer: str, file: Path | None, *, besides: str = "") -> str:
    """The officer who acts upon an account, proved by the password; "" where nobody could be.

    Args:
        server: whose accounts they are.
        officer: the login that the command names.
        file: holds the officer's password; None: it is asked for.
        besides: the account whose forgotten password is replaced: it can prove nothing.

    Raises:
        Refused: no officer is named, and this server has one who could act.
    """
    if officer:
        prove_officer(server, officer, file)
        return officer
    if server.accounts.officers() - {normal_login(besides)}:
        raise Refused(
            "以哪位经办人的身份办理？请用 --officer 指明，并凭其密码办理。"
            "Which officer does this? Name the login with --officer; the password proves it"
        )
    return ""


def _facts(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "role": account.role.value,
        "party_id": account.party_id,
        "disabled": account.disabled,
    }
