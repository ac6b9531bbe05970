"""Officers at the console prove that they are who they are named: a typed login is nobody."""

import secrets
import sys
import warnings
from collections.abc import Sequence
from getpass import GetPassWarning
from pathlib import Path
from typing import Annotated, Final

import typer

from kashi_server.bootstrap import Server
from kashi_server.errors import InvalidValue, NotFound
from kashi_server.services.two_officers import OfficersDecision, check_officers

PASSWORD_BYTES: Final = 15

OfficerPassword = Annotated[
    Path | None,
    typer.Option(
        "--password-file",
        help="经办人密码的文件；不给则询问。Holds the officer's password; else it is asked.",
    ),
]
OfficersPasswords = Annotated[
    list[Path] | None,
    typer.Option(
        "--password-file",
        help="各经办人密码的文件，依次对应 --officer。"
        "Holds an officer's password; one for each --officer, in order.",
    ),
]
Passwords = Annotated[
    list[Path] | None,
    typer.Option(
        "--password-file",
        help="密码的文件，依次对应各账号；不给则询问。"
        "Holds a password; one for each login named, in order; else it is asked.",
    ),
]


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


def typed_password(login: str, file: Path | None) -> str:
    """Somebody's password, from a file or asked for.

    Raises:
        InvalidValue: the file cannot be read, or nobody answered, as where no terminal is.
    """
    if file is not None:
        return password_of(file)[0]
    try:
        return _asked(f"{login} 的密码 Password of {login}")
    except typer.Abort as error:
        raise InvalidValue(
            f"没有输入 {login} 的密码；没有终端时请用 --password-file FILE 给出。"
            f"no password of {login} was typed; where there is no terminal, give it by"
            " --password-file FILE"
        ) from error


def _asked(question: str) -> str:
    """What is typed unseen on the terminal; without one, the next line of standard input."""
    try:
        with warnings.catch_warnings():
            # Python's own words on a missing terminal tell an officer nothing.
            warnings.simplefilter("error", GetPassWarning)
            return str(typer.prompt(question, hide_input=True))
    except GetPassWarning:
        line = sys.stdin.readline()
        if not line:
            raise typer.Abort from None
        return line.rstrip("\n")


def require_officer(server: Server, login: str) -> None:
    """Make sure that an act is recorded under an officer who exists.

    Raises:
        NotFound: there is no such officer, or the account is closed.
    """
    if login not in server.accounts.officers():
        raise NotFound(f"本服务器没有经办人“{login}”。there is no officer '{login}' on this server")


def prove(server: Server, login: str, password_file: Path | None, act: str = "") -> None:
    """Make sure that a login is at the console, by its password.

    Args:
        server: whose account it is.
        login: who acts.
        password_file: holds the password; None: it is asked for.
        act: what it is proved for, like `invoices import`, where nothing else that is stored
            names who acts: the audit trail does then.

    Raises:
        NotFound: there is no such account, or it is closed.
        Refused: the password is wrong.
    """
    server.accounts.check_password(login, typed_password(login, password_file), act)


def prove_officer(server: Server, login: str, password_file: Path | None, act: str = "") -> None:
    """Make sure that an act is an officer's, by the password of the portal; `act` as in `prove`.

    Raises:
        NotFound: there is no such officer, or the account is closed.
        Refused: the password is wrong.
    """
    require_officer(server, login)
    prove(server, login, password_file, act)


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
        prove(server, login, file)
