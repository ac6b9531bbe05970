"""`batch …`: application rounds, and the four tables an office publishes of one."""

from collections.abc import Iterator
from datetime import datetime
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import Server, opened
from kashi_server.commands.claim_keeping import OptionalReason, Second, office_reader
from kashi_server.commands.claim_printing import print_batches
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Officer, Reason
from kashi_server.commands.proving import Passwords, prove_logins
from kashi_server.documents.table_files import FORMATS, write_table
from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import ConfigurationError, NotFound, Refused
from kashi_server.log.sequencer import sequence
from kashi_server.services.batches import Batches, batch_under, outside_windows
from kashi_server.services.claim_words import BATCHES
from kashi_server.services.claims import Acting, Claims, Why
from kashi_server.services.office_tables import (
    DEFAULT_COLUMNS,
    TABLES,
    ClaimRow,
    office_table,
    read_columns,
)
from kashi_server.services.rulebook import Rulebook, read_rules, shipped_rules
from kashi_server.services.two_officers import OfficersDecision, check_officers

BatchId = Annotated[str, typer.Argument(metavar="BATCH", help="批次编号。The batch.")]
_DAYS = ["%Y-%m-%d"]


def open_batch(
    batch: BatchId,
    officer: Officer,
    programme: Annotated[str, typer.Option("--programme", help="项目编号。The programme.")],
    first: Annotated[
        datetime, typer.Option("--from", formats=_DAYS, help="受理起始日。First day of handing in.")
    ],
    last: Annotated[
        datetime, typer.Option("--until", formats=_DAYS, help="受理截止日（含）。Last day, inside.")
    ],
    document: Annotated[
        list[str],
        typer.Option("--document", help="通知文号，可多次。What announces it, once or more."),
    ],
    year: Annotated[
        int | None,
        typer.Option(
            "--year",
            help="计入哪一年度的额度与资金池；不给即首日所在年。"
            "The year whose caps and pool count; else the first day's.",
        ),
    ] = None,
    rules_version: Annotated[
        str | None,
        typer.Option("--version", help="规则版本；不给即最新。Rules version; else the latest."),
    ] = None,
    rules: Annotated[
        Path | None,
        typer.Option("--rules", help="要登记的规则文件，TOML。A TOML file of rules to register."),
    ] = None,
    second: Second = "",
    reason: OptionalReason = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """按某一规则版本开批，全批申报均适用。
    Open an application round under a rules version, which holds for all its claims.

    既未登记、也未随服务器发布的规则文本，须两名经办人各凭本人密码办理。
    A text that is neither registered nor shipped takes two officers, each by the own password.
    """
    with opened(directory) as server:
        prove_logins(server, (officer, second), password_file)
        chosen = rules_named(server, programme, rules_version, rules)
        if chosen.programme_id != programme:
            raise Refused(
                f"{rules} 是 {chosen.programme_id} 的规则，不是 {programme} 的。"
                f"{rules} holds rules of {chosen.programme_id}, not of {programme}"
            )
        _check_decided(server, chosen)
        _check_text(server, chosen, officer, second)
        made = batch_under(
            chosen,
            batch_id=batch,
            year=first.year if year is None else year,
            opens_on=first.date(),
            closes_on=last.date(),
            documents=tuple(document),
        )
        outside_windows(made, chosen)  # a round that is refused registers no rules
        Rulebook(server.work, server.clock).register([chosen])
        open_points = Batches(server.work, server.clock).open(
            Acting(login=officer), made, chosen, Why(reason=reason)
        )
        sequence(server.work, server.keyring, server.clock)
    print(f"{batch}: {chosen.name_zh} {chosen.version}, {made.opens_on} – {made.closes_on}")
    for point in open_points:
        print(f"    {point}")


def close_batch(
    batch: BatchId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """关批，不再受理。Take no more applications."""
    with opened(directory) as server:
        prove_logins(server, (officer,), password_file)
        keeping = Batches(server.work, server.clock)
        closed = keeping.close(Acting(login=officer), batch, Why(reason=reason))
        sequence(server.work, server.keyring, server.clock)
    print(f"{closed.batch_id}: {BATCHES[closed.status]}")


def list_batches(
    programme: Annotated[
        str | None, typer.Option("--programme", help="仅此项目。Only of this programme.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出申报批次。List batches."""
    with opened(directory) as server:
        found = Batches(server.work, server.clock).all(programme)
    print_batches(found, as_json=as_json)


def export_batch(
    batch: BatchId,
    table: Annotated[
        str,
        typer.Argument(
            help="表名：受理、形式审查、公示、资金安排。"
            "Of intake, form_check, publicity or funding."
        ),
    ],
    file: Annotated[
        Path, typer.Argument(help="输出文件，.xlsx、.csv 或 .json。Where to: .xlsx, .csv or .json.")
    ],
    columns: Annotated[
        Path | None, typer.Option("--columns", help="列配置文件，TOML。The office's columns, TOML.")
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """导出批次的表：受理清单、形式审查表、公示、资金安排。
    Write one of a batch's tables: intake, check of form, publicity, funding.
    """
    if table not in TABLES:
        raise ConfigurationError(
            f"没有表“{table}”，可用：{', '.join(TABLES)}。"
            f"there is no table '{table}'; there are {', '.join(TABLES)}"
        )
    if file.suffix not in FORMATS:
        raise ConfigurationError(
            f"{file} 的扩展名须为 {', '.join(FORMATS)} 之一。"
            f"{file} must end in {', '.join(FORMATS)}"
        )
    chosen = read_columns(columns or DEFAULT_COLUMNS)
    if table not in chosen:
        chosen = read_columns(DEFAULT_COLUMNS)
    with opened(directory) as server:
        Batches(server.work, server.clock).get(batch)
        made = office_table(table, chosen[table], list(claim_rows(server, batch)))
        try:
            count = write_table(made, file, _about(server, batch))
        except OSError as error:
            raise ConfigurationError(
                f"无法写入 {file}。{file} cannot be written: {error}"
            ) from error
    print(f"{file}: {count} 行 rows")


def claim_rows(server: Server, batch_id: str) -> Iterator[ClaimRow]:
    """A batch's claims with the names of their parties, by id."""
    claims, reader = Claims(server.work, server.clock), office_reader()
    with server.work.begin(writes=False) as unit:
        parties = {one.party_id: one for one in unit.expense.parties()}
        contracts = {one.contract_id: one for one in unit.expense.contracts()}
    for place, stored in enumerate(claims.all(reader, batch_id), 1):
        claim = stored.claim
        contract = contracts[stored.content.contract_ids[0]]
        company = parties[claim.company_id]
        yield ClaimRow(
            place=place,
            shown=claims.show(reader, claim.claim_id),
            company=company.name_zh,
            payee=parties[claim.payee_id].name_zh,
            provider=parties[contract.provider_id].name_zh,
            district=company.district,
        )


def rules_named(
    server: Server, programme: str, rules_version: str | None, file: Path | None
) -> RulesVersion:
    """Rules of a file, or registered or shipped ones: of a version, or the latest.

    Raises:
        NotFound: there are none.
    """
    if file is not None:
        return read_rules(file)
    with server.work.begin(writes=False) as unit:
        known = list(unit.expense.rules(programme))
    known += [one for one in shipped_rules() if one.programme_id == programme]
    found = [one for one in known if rules_version in (None, one.version)]
    if not found:
        raise NotFound(
            f"“{programme}”没有这样的规则，请用 rules list 查看。"
            f"there are no such rules of '{programme}'; list them with: rules list"
        )
    return max(found, key=lambda one: one.in_force.start)


def _check_decided(server: Server, chosen: RulesVersion) -> None:
    """A file may say that two officers decided; here they only said so where they proved it.

    Raises:
        Refused: the rules hold decisions and are not registered.
    """
    decided = [one.name for one in chosen.parameters if one.decision is not None]
    decided += [] if chosen.ended is None else ["ended"]
    with server.work.begin(writes=False) as unit:
        known = {one.sha256 for one in unit.expense.rules(chosen.programme_id)}
    if decided and chosen.sha256 not in known:
        raise Refused(
            f"规则 {chosen.programme_id} {chosen.version} 称 {', '.join(decided)} 由"
            "两名经办人决定；须由两人以 rules decide 自行登记。"
            f"rules {chosen.programme_id} {chosen.version} say of {', '.join(decided)} that two"
            " officers decided; they say so themselves with: rules decide"
        )


def _check_text(server: Server, chosen: RulesVersion, officer: str, second: str) -> None:
    """A new text is two officers' to bring in: what it says is what public money is paid by.

    Raises:
        InvalidValue: one officer is named twice, or no second one.
        Refused: the second is no officer here.
    """
    with server.work.begin(writes=False) as unit:
        known = {one.sha256 for one in unit.expense.rules(chosen.programme_id)}
    if chosen.sha256 in known | {one.sha256 for one in shipped_rules()}:
        return
    if not second:
        raise Refused(
            f"规则 {chosen.programme_id} {chosen.version} 既未登记，"
            "也非随服务器发布；新文本须由两名经办人各凭密码登记，"
            "请以 --second 注明另一人。"
            f"rules {chosen.programme_id} {chosen.version} are neither registered nor shipped; two"
            " officers bring in a new text: name the other with --second, each with the own"
            " password"
        )
    decision = OfficersDecision(officers=(officer, second), reason=chosen.document)
    check_officers(server.accounts, decision)


def _about(server: Server, batch_id: str) -> dict[str, str]:
    now = datetime.fromtimestamp(server.clock() // 1000, SHANGHAI)
    return {
        "batch": batch_id,
        "time_zone": "Asia/Shanghai (+08:00)",
        "written_at": now.isoformat(),
        "generator": f"kashi-server {version('kashi-server')}",
        "demo": "true" if server.config.demo else "false",
    }
