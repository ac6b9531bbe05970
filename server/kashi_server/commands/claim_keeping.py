"""What the commands of claims share: an opened server's claims, and the log after a step."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.proving import prove_logins
from kashi_server.log.sequencer import sequence
from kashi_server.services.accounts import Role
from kashi_server.services.claims import Acting, Claims, Why
from kashi_server.services.sight import Reader

Second = Annotated[
    str,
    typer.Option(
        "--second",
        help="第二名经办人账号，或由其再执行一次。Login of the second officer; or run it again.",
    ),
]
Document = Annotated[str, typer.Option("--document", help="文件号。Number of the paper.")]
OptionalReason = Annotated[
    str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")
]


@contextmanager
def acting_on(
    directory: Path, by: Acting, password_files: Sequence[Path] | None
) -> Iterator[Claims]:
    """The claims of a server, once everybody who acts has proved to be who they say.

    Raises:
        NotFound: there is no such account, or it is closed.
        Refused: a password is wrong.
    """
    with opened(directory) as server:
        prove_logins(server, (by.login, by.second), password_files)
        yield Claims(server.work, server.clock)
        sequence(server.work, server.keyring, server.clock)


@contextmanager
def clock_on(directory: Path) -> Iterator[Claims]:
    """The claims of a server for what days bring about by themselves; nobody is named."""
    with opened(directory) as server:
        yield Claims(server.work, server.clock)
        sequence(server.work, server.keyring, server.clock)


def office_reader() -> Reader:
    """Whoever sits at the server's console reads as the office."""
    return Reader(account_id=0, role=Role.OFFICER, party_id=None)


def officers(officer: str, second: str = "") -> Acting:
    """One officer or two."""
    return Acting(login=officer, second=second)


def why(reason: str = "", document: str = "", key: str = "") -> Why:
    """Why, on what paper."""
    return Why(reason=reason, document=document, key=key)
