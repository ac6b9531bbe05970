"""What the commands of papers share: reading files, and who acts."""

from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server
from kashi_server.commands.proving import prove_officer
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.errors import ConfigurationError
from kashi_server.services.acting import Acting
from kashi_server.services.paper_files import PaperFiles, contracts_of
from kashi_server.services.paper_mapping import PaperMapping, read_mapping

CONSOLE = Acting(actor="console")
"""Who only looks: whoever may read the server's directory."""

MappingFile = Annotated[
    Path | None,
    typer.Option(
        "--mapping", help="对照文件，TOML。A TOML file that names columns, words and parts."
    ),
]


def content_of(file: Path) -> bytes:
    """The bytes of a file.

    Raises:
        ConfigurationError: it cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error


def mapping_of(file: Path | None) -> PaperMapping:
    """What a mapping file says; nothing without one.

    Raises:
        ConfigurationError: it cannot be read.
        MistakesFound: every mistake in it.
    """
    if file is None:
        return PaperMapping()
    try:
        return read_mapping(content_of(file).decode("utf-8"), str(file))
    except UnicodeDecodeError as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error


def paper_files(server: Server) -> PaperFiles:
    """The reader of papers' files, for the contracts of this server."""
    return PaperFiles(read_xlsx, contracts_of(server.work))


def acting_officer(server: Server, officer: str, password_file: Path | None, act: str) -> Acting:
    """An officer who acts for the office, proved by the password; the audit trail names the act.

    Raises:
        NotFound: there is no such officer.
        Refused: the password is wrong.
    """
    prove_officer(server, officer, password_file, act)
    return Acting(actor=officer)
