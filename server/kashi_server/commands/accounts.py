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
from kashi_server.commands.proving import password_of, prove_logins
from kashi_server.errors import Refused
from kashi_server.services.accounts import Account, Role, normal_login

Login = Annotated[str, typer.Argument(help="登录账号。What the person signs in with.")]
PasswordFile = Annotated[
    Path | None,
    typer.Option(
        "--password-file", help="密码的文件；不给则生成。Holds the password; else one is made."
    ),
]
ActingOfficers = Annotated[
    list[str] | None,
    typer.Option(
        "--officer",
        help="办理人账号；经办人账号须两名。"
        "Login of the officer who does this; twice for an officer's account.",
    ),
]
ActingPasswords = Annotated[
    list[Path] | None,
    typer.Option(
        "--officer-password-file",
        help="办理人密码的文件，依次对应；不给则询问。"
        "Holds that officer's own password, in the same order; else it is asked.",
    ),
]


def create(
    login: Login,
    role: Annotated[Role, typer.Option("--role", help="账号的角色。What the account may do.")],
    party: Annotated[
        str | None,
        typer.Option(
            "--party",
            help="统一社会信用代码，企业与服务机构须给。Credit code, for companies and providers.",
        ),
    ] = None,
    password_file: PasswordFile = None,
    officer: ActingOfficers = None,
    officer_password_file: ActingPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """建立账号；由经办人凭本人密码办理。Make an account: an officer does, by the own password.

    已有两名经办人时，经办人账号须由两名经办人办理。
    An officer's account takes two officers, where there are two.
    """
    password, shown = password_of(password_file)
    with opened(directory) as server:
        named = _named(officer)
        server.accounts.check_acting(login, named, role=role)
        by = _proved(server, named, officer_password_file)
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
    """更换密码，该账号的会话随即结束。Replace a password; the account's sessions end.

    由经办人凭本人密码办理；另有两名经办人时，更换其他经办人的密码须由这样的两名办理；
    仅有两名经办人时，一名即可更换另一名的；更换本人的凭原密码即可。仅剩一名经办人且其忘记密码时除外。
    日志均记明由谁办理。
    An officer does it by the own password; another officer's takes two where there are two
    others, and one where there is one. The own one's takes the old password alone, the only
    officer's none. The log says who did it.
    """
    password, shown = password_of(password_file)
    with opened(directory) as server:
        named = _named(officer)
        server.accounts.check_acting(login, named, own_proves=True)
        by = _proved(server, named, officer_password_file, besides=login)
        server.accounts.set_password(login, password, by=by)
    print(f"账号 {login} 的密码已更换。The password of {login} is replaced.{shown}")


def disable(
    login: Login,
    officer: ActingOfficers = None,
    officer_password_file: ActingPasswords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """停用账号，其会话随即结束；由经办人凭本人密码办理。
    Close an account; its sessions end. An officer does it by the own password.

    已有两名经办人时，停用经办人账号须由两名经办人办理。
    An officer's account takes two officers, where there are two.
    """
    with opened(directory) as server:
        named = _named(officer)
        server.accounts.check_acting(login, named)
        by = _proved(server, named, officer_password_file)
        server.accounts.disable(login, by=by)
    print(f"账号 {login} 已停用。Account {login} is closed.")


def list_accounts(
    as_json: Annotated[
        bool, typer.Option("--json", help="以 JSON 输出。Print JSON for a program.")
    ] = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """列出账号。Show the accounts."""
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


def _named(logins: Sequence[str] | None) -> tuple[str, ...]:
    """The officers that a command names, each once."""
    return tuple(dict.fromkeys(normal_login(login) for login in logins or ()))


def _proved(
    server: Server, officers: tuple[str, ...], files: Sequence[Path] | None, besides: str = ""
) -> tuple[str, ...]:
    """The officers who act upon an account, proved by password; none where nobody could be.

    Args:
        server: whose accounts they are.
        officers: their logins.
        files: hold the officers' passwords, in that order; without any they are asked for.
        besides: the account whose forgotten password is replaced: it can prove nothing.

    Raises:
        Refused: nobody is named, and this server has officers who could act.
    """
    if not officers and server.accounts.officers() - {normal_login(besides)}:
        raise Refused(
            "以哪位经办人的身份办理？请用 --officer 指明，并凭其密码办理。"
            "Which officer does this? Name the login with --officer; the password proves it"
        )
    prove_logins(server, officers, files)
    return officers


def _facts(account: Account) -> dict[str, object]:
    return {
        "login": account.login,
        "role": account.role.value,
        "party_id": account.party_id,
        "disabled": account.disabled,
    }
