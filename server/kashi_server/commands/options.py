"""Options that every command shares."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.errors import InvalidValue
from kashi_server.services.two_officers import OfficersDecision

Directory = Annotated[
    Path,
    typer.Option(
        "--directory",
        "-d",
        envvar="KASHI_SERVER_DIRECTORY",
        help="服务器目录：设置、密钥及 SQLite 数据库。"
        "The server's directory: settings, keys and, with SQLite, the database.",
    ),
]

DEFAULT_DIRECTORY = Path("/var/lib/kashi-server")

Officer = Annotated[
    str,
    typer.Option(
        "--officer",
        help="办理的经办人账号，记入日志。Login of the officer who does this; it is recorded.",
    ),
]

Reason = Annotated[str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")]

HostId = Annotated[
    str, typer.Argument(help="主机编号，见 `hosts list`。The host's id, as `hosts list` shows it.")
]

AsJson = Annotated[
    bool, typer.Option("--json", help="输出数据，不输出表格。Print data instead of a table.")
]


def two_officers(officers: Sequence[str] | None, reason: str) -> OfficersDecision:
    """What two officers decide, from `--officer`, given twice, and `--reason`.

    Raises:
        InvalidValue: there are not two of them, or no reason is given.
    """
    named = list(officers or ())
    if len(named) > 2:
        raise InvalidValue(
            "须由两名经办人决定，请以 --officer 恰好注明两人。"
            "two officers decide; name just two with --officer"
        )
    first, second = (*named, "", "")[:2]
    return OfficersDecision(officers=(first, second), reason=reason)
