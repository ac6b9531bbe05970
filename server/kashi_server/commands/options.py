"""Options that every command shares."""

from pathlib import Path
from typing import Annotated

import typer

Directory = Annotated[
    Path,
    typer.Option(
        "--directory",
        "-d",
        envvar="KASHI_SERVER_DIRECTORY",
        help="The server's directory: settings, keys and, with SQLite, the database.",
    ),
]

DEFAULT_DIRECTORY = Path("/var/lib/kashi-server")

Officer = Annotated[
    str, typer.Option("--officer", help="Login of the officer who does this; it is recorded.")
]

Reason = Annotated[str, typer.Option("--reason", help="Why; it is recorded.")]

AsJson = Annotated[bool, typer.Option("--json", help="Print data instead of a table.")]
