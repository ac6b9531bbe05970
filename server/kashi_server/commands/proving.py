"""Officers at the console prove that they are who they are named: a typed login is nobody."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server
from kashi_server.commands.accounts import require_officer
from kashi_server.commands.hosts import typed_password
from kashi_server.errors import InvalidValue
from kashi_server.services.two_officers import OfficersDecision, check_officers

OfficerPassword = Annotated[
    Path | None,
    typer.Option("--password-file", help="Holds the officer's password; else it is asked. 密码"),
]
OfficersPasswords = Annotated[
    list[Path] | None,
    typer.Option(
        "--password-file",
        help="Holds an officer's password; one for each --officer, in order. 各经办人密码",
    ),
]
Passwords = Annotated[
    list[Path] | None,
    typer.Option(
        "--password-file",
        help="Holds a password; one for each login named, in order; else it is asked. 各账号密码",
    ),
]


def prove_officer(server: Server, login: str, password_file: Path | None) -> None:
    """Make sure that an act is an officer's, by the password of the portal.

    Raises:
        NotFound: there is no such officer, or the account is closed.
        Refused: the password is wrong.
    """
    require_officer(server, login)
    server.accounts.check_password(login, typed_password(login, password_file))


def prove_officers(
    server: Server, decision: OfficersDecision, password_files: Sequence[Path] | None
) -> None:
    """Make sure that both who decide are at the console, each by the own password.

    Args:
        server: whose officers they are.
        decision: who decides.
        password_files: one for each officer in the order they are named; without any, both are
            asked.

    Raises:
        InvalidValue: there is a file for one of them alone.
        Refused: one is no officer here, or a password is wrong.
    """
    check_officers(server.accounts, decision)
    prove_logins(server, decision.officers, password_files)


def prove_logins(
    server: Server, logins: Sequence[str], password_files: Sequence[Path] | None
) -> None:
    """Make sure that everybody an act names is at the console, each by the own password.

    What the account may do is for the act to judge: an officer's login proves an officer, a
    company's a company.

    Args:
        server: whose accounts they are.
        logins: who acts, in the order of the command; an empty one names nobody.
        password_files: one for each login in that order; without any, all are asked.

    Raises:
        InvalidValue: there are fewer files than logins, or more.
        NotFound: there is no such account, or it is closed.
        Refused: a password is wrong.
    """
    named = [login for login in logins if login]
    files: list[Path | None] = [*(password_files or ())] or [None] * len(named)
    if len(files) != len(named):
        raise InvalidValue(
            "请为每个 --officer（--second、--by）各给出一次 --password-file，"
            "顺序一致。"
            "give --password-file once for each --officer (--second, --by), in the same order"
        )
    for login, file in zip(named, files, strict=True):
        server.accounts.check_password(login, typed_password(login, file))
