"""`export`: tables for spreadsheets and programs."""

from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.documents.table_files import FORMATS, write_table
from kashi_server.domain.interval import SHANGHAI, Month
from kashi_server.errors import ConfigurationError
from kashi_server.services.accounts import Role
from kashi_server.services.charge_rows import Sides, charges_export
from kashi_server.services.claim_rows import claims_export, claims_of
from kashi_server.services.export_rows import (
    COLUMNS,
    Export,
    ledger_export,
    lines_export,
    statements_export,
    usage_export,
)
from kashi_server.services.sight import Reader
from kashi_server.services.views import Views


def export(
    table: Annotated[
        str,
        typer.Argument(
            help="表名：用量、结算单、明细、费用、申报、台账。"
            "Of usage, statements, lines, charges, claims or ledger."
        ),
    ],
    file: Annotated[
        Path,
        typer.Argument(
            help="输出文件，.csv、.xlsx 或 .json。Where to: a name ending in .csv, .xlsx or .json."
        ),
    ],
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    month: Annotated[
        str | None,
        typer.Option(
            "--month",
            help="月份，如 2026-10；表为 usage 时必填。"
            "A month, like 2026-10; of usage it must be given.",
        ),
    ] = None,
) -> None:
    """导出表格；列名与含义固定，见 docs/exports.md。
    Write a table; its columns are listed in docs/exports.md and never change their meaning.
    """
    if table not in COLUMNS:
        raise ConfigurationError(
            f"没有表“{table}”，可用：{', '.join(COLUMNS)}。"
            f"there is no table '{table}'; there are {', '.join(COLUMNS)}"
        )
    if file.suffix not in FORMATS:
        raise ConfigurationError(
            f"{file} 的扩展名须为 {', '.join(FORMATS)} 之一。"
            f"{file} must end in {', '.join(FORMATS)}"
        )
    if table == "usage" and month is None:
        raise ConfigurationError(
            "用量按月导出，请加 --month 2026-10。usage is exported by month: add --month 2026-10"
        )
    wanted = None if month is None else Month.parse(month)
    with opened(directory) as server, server.work.begin(writes=False) as unit:
        match table:
            case "usage":
                made = _usage(server, wanted)
            case "ledger":
                made = ledger_export(unit.ledger.movements())
            case "claims":
                names_zh = {one.party_id: one.name_zh for one in unit.expense.parties()}
                made = claims_export(claims_of(unit.claims.claims(), wanted), names_zh)
            case "charges":
                names_zh = {one.party_id: one.name_zh for one in unit.expense.parties()}
                providers = {one.contract_id: one.provider_id for one in unit.expense.contracts()}
                sides = Sides(names_zh=names_zh, providers=providers)
                found = unit.expense.statements(month=wanted)
                made = charges_export(found, unit.corrections, sides, wanted)
            case "lines":
                made = lines_export(unit.expense.statements(month=wanted))
            case _:
                made = statements_export(unit.expense.statements(month=wanted))
        try:
            count = write_table(made, file, _about(server, wanted))
        except OSError as error:
            raise ConfigurationError(
                f"无法写入 {file}。{file} cannot be written: {error}"
            ) from error
    print(f"{file}: {count} 行 rows")


def _usage(server: Server, month: Month | None) -> Export:
    assert month is not None
    office = Reader(account_id=0, role=Role.OFFICER, party_id=None)
    return usage_export(Views(server.work, server.clock).month_usage(office, None, month))


def _about(server: Server, month: Month | None) -> dict[str, str]:
    now = datetime.fromtimestamp(server.clock() // 1000, SHANGHAI)
    return {
        "month": "all" if month is None else str(month),
        "time_zone": "Asia/Shanghai (+08:00)",
        "written_at": now.isoformat(),
        "generator": f"kashi-server {version('kashi-server')}",
        "demo": "true" if server.config.demo else "false",
    }
