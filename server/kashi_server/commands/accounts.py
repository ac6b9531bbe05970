"""`account …`: who may sign in to the portal, as what, for which party."""

import json
import secrets
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.table import Table

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.accounts import Account, Role

PASSWORD_BYTES: Final = 15

Login = Annotated[str, typer.Argument(help="What the person signs in with.")]
PasswordFile = Annotated[
    Path | None, typer.Option("--password-file", help="Holds the password; else one is made.")
]


def create(
    login: Login,
    role: Annotated[Role, typer.Option("--role", help="What the account may do.")],
    party: Annotated[
        str | None, typer.Option("--party", help="统一社会信用代码, for companies and providers.")
    ] = None,
    password_file: PasswordFile = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Make an account. 建立账号。"""
    password, shown = password_of(password_file)
    with opened(directory) as server:
        account = server.accounts.create(login, password, role, party)
    print(
        f"账号 {account.login}（{account.role}）已建立。"
        f"Account {account.login} ({account.role}) is made.{shown}"
    )


def set_password(
    login: Login, password_file: PasswordFile = None, directory: Directory = DEFAULT_DIRECTORY
) -> None:
    """Replace a password; the account's sessions end. 更换密码，该账号的会话随即结束。"""
    password, shown = password_of(password_file)
    with opened(directory) as server:
        server.accounts.set_password(login, password)
    print(f"账号 {login} 的密码已更换。The password of {login} is replaced.{shown}")


def disable(login: Login, directory: Directory = DEFAULT_DIRECTORY) -> None:
    """Close an account; its sessions end. 停用账号，其会话随即结束。"""
    with opened(directory) as server:
        server.accounts.disable(login)
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


def password_of(file: Path | None) -> tuple[str, str]:
    """A password from a file, or a fresh one; and, of a fresh one, what to show of it, once.

    Raises:
        InvalidValue: the file cannot be read.
    """
    if file is None:
        fresh = secrets.token_urlsafe(PASSWORD_BYTES)
        return fresh, f" 密码（仅显示一次） Password (shown once): {fresh}"
    try:
        return file.read_text(encoding="utf-8").strip(), ""
    except OSError as error:
        raise InvalidValue(f"无法读取密码文件。--password-file {file}: {error.strerror}") from error


def require_officer(server: Server, login: str) -> None:
    """Make sure that an act is recorded under an officer who exists.

    Raises:
        NotFound: there is no such officer, or the account is closed.
    """
    for account in server.accounts.all():
        if account.login == login and account.role is Role.OFFICER and not account.disabled:
            return
    raise NotFound(f"本服务器没有经办人“{login}”。there is no officer '{login}' on this server")


def _facts(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "role": account.role.value,
        "party_id": account.party_id,
        "disabled": account.disabled,
    }
