"""`import`, `close` and `statements`: from agreements to statements."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.bootstrap import Server, agreement_watch, opened
from kashi_server.closing_settings import read_calendar
from kashi_server.commands.options import (
    DEFAULT_DIRECTORY,
    AsJson,
    Directory,
    Officer,
    two_officers,
)
from kashi_server.commands.plain import PlainConsole
from kashi_server.commands.proving import (
    OfficerPassword,
    OfficersPasswords,
    prove_officer,
    prove_officers,
)
from kashi_server.domain.interval import Month
from kashi_server.domain.money import truncate_places, yuan_text
from kashi_server.errors import ConfigurationError, NotFound
from kashi_server.log.sequencer import sequence
from kashi_server.services.closing import ClosedMonth, MonthClosing
from kashi_server.services.closing_days import wait_for_day
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.importing import ImportFile, Importing
from kashi_server.services.known_statements import instant_utc_ms, known_statements
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.services.two_officers import OfficersDecision

CARD_HOUR_PLACES = 4
"""How card-hours are shown; data keeps them exact."""

MonthText = Annotated[
    str, typer.Argument(metavar="MONTH", help="月份，如 2026-10。A month, like 2026-10.")
]


def import_files(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="TOML 文件，一个或多个。TOML files.")
    ],
    officer: Officer,
    reason: Annotated[
        str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")
    ] = "",
    password_file: OfficerPassword = None,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """导入主体、产权、合同、指派与单价；要么全部，要么全不。
    Take parties, tenures, contracts, assignments and prices from files: all of them or none.

    由经办人凭门户密码办理；记录经办人、时间与文件哈希。
    The officer who takes them in proves it by the password of the portal; who, when and each
    file's SHA-256 are kept.
    """
    texts = [ImportFile(str(file), read_text(file)) for file in files]
    with opened(directory) as server:
        prove_officer(server, officer, password_file)
        importing = Importing(server.work, server.clock, agreement_watch(server))
        done = importing.take(texts, officer, reason)
    print(
        f"新增 {done.added} 项，变更 {done.changed} 项，未变 {done.unchanged} 项。"
        f"{done.added} added, {done.changed} changed, {done.unchanged} stood so already."
    )


def read_text(file: Path) -> str:
    """The text of a file that somebody named; what cannot be read is told with its name."""
    try:
        # Its line ends stay as they are: the hash that is kept is that of the file.
        return file.read_bytes().decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error


def close(
    month: MonthText,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    empty: Annotated[
        bool,
        typer.Option(
            "--empty",
            help="已知该月为空，不产生结算单。The month is known to be empty: no statement arises.",
        ),
    ] = False,
    officer: Annotated[
        list[str] | None,
        typer.Option(
            "--officer", help="提前关账须两名经办人。To close before its day: two officers."
        ),
    ] = None,
    reason: Annotated[
        str, typer.Option("--reason", help="提前关账的理由。Why it closes early.")
    ] = "",
    password_file: OfficersPasswords = None,
    as_json: AsJson = False,
) -> None:
    """关账：写入缺口、计价明细与结算单；不可撤销。
    Close a month: gaps of silence, rated lines, statements. It cannot be undone.

    到关账日方可关账（见 `closing-day`）；两名经办人各凭门户密码可提前。
    A month waits for its closing day (`closing-day`); two officers may close it earlier, each
    with the password of the portal.
    """
    wanted = Month.parse(month)
    early = two_officers(officer, reason) if officer else None
    with opened(directory) as server:
        if early is not None:
            prove_officers(server, early, password_file)
        closed = close_month(server, wanted, empty=empty, early=early)
        statements = _stored(server, wanted)
    if as_json:
        print(json.dumps([_data(statement) for statement in statements], ensure_ascii=False))
        return
    size, root = closed.close.cut_off.checkpoint_size, closed.close.cut_off.checkpoint_root
    print(
        f"{wanted} 已关账，日志长度 {size}，根 {root.hex()[:16]}…。"
        f"{wanted} is closed at log size {size}, root {root.hex()[:16]}…."
    )
    print(
        f"{len(closed.silences)} 段无人上报的时间已记为缺口。"
        f"{len(closed.silences)} stretches in which nobody reported were written as gaps."
    )
    _print(statements)


def closing_day(
    month: MonthText, directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False
) -> None:
    """显示某月的关账日。
    Tell on which day a month closes: working days after it, as closing.toml counts them.
    """
    wanted = Month.parse(month)
    calendar = read_calendar(directory)
    day = calendar.day_of(wanted)
    if as_json:
        print(json.dumps({"month": str(wanted), "closes_on": day.isoformat()}))
    else:
        print(f"{wanted} 自 {day} 起关账 closes on {day} (UTC+08:00).")


def close_month(
    server: Server, month: Month, *, empty: bool = False, early: OfficersDecision | None = None
) -> ClosedMonth:
    """Register the shipped rules and close a month, on an opened server.

    Raises:
        Refused: its closing day has not come, and no two officers close it earlier.
    """
    if not server.config.demo:
        calendar = read_calendar(server.directory)
        wait_for_day(server.work, calendar, month, server.clock(), early)
    Rulebook(server.work, server.clock).register(shipped_rules())
    closing = MonthClosing(
        server.work,
        lambda: sequence(server.work, server.keyring, server.clock),
        server.clock,
        demo=server.config.demo,
    )
    return closing.close(month, empty=empty)


def statements(
    month: Annotated[str | None, typer.Option("--month", help="仅此月份。Only this month.")] = None,
    number: Annotated[
        str | None,
        typer.Option(
            "--number", help="输出该结算单的规范数据。Print one statement's canonical data."
        ),
    ] = None,
    revision: Annotated[
        int | None,
        typer.Option("--revision", help="与 --number 同用：修订号。With --number: this revision."),
    ] = None,
    known_at: Annotated[
        str | None,
        typer.Option(
            "--known-at",
            help="截至某一时刻，如 2026-11-20T09:00+08:00。As they stood at that instant.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出结算单，或输出其规范数据；可查任一版本与时点。
    List statements, or print the canonical data of one; any revision, as known at any time.
    """
    with opened(directory) as server:
        if number is not None:
            typer.echo(_content(server, number, revision), nl=False)
            return
        wanted = None if month is None else Month.parse(month)
        if known_at is None:
            found = _stored(server, wanted)
        else:
            with server.work.begin(writes=False) as unit:
                found = known_statements(unit, wanted, instant_utc_ms(known_at))
    if as_json:
        print(json.dumps([_data(statement) for statement in found], ensure_ascii=False))
    else:
        _print(found)


def _stored(server: Server, month: Month | None) -> list[StoredStatement]:
    with server.work.begin(writes=False) as unit:
        return list(unit.expense.statements(month=month))


def _content(server: Server, number: str, revision: int | None) -> str:
    with server.work.begin(writes=False) as unit:
        found = unit.expense.statement(number, revision)
    if found is None:
        which = "" if revision is None else f" of revision {revision}"
        raise NotFound(
            f"没有结算单“{number}”（或没有所指版本），请用 statements 查看。"
            f"there is no statement '{number}'{which}; list them with: statements"
        )
    return found.content.decode()


def _data(statement: StoredStatement) -> dict[str, object]:
    return {
        "number": statement.number,
        "revision": statement.revision,
        "month": str(statement.month),
        "user": statement.user_id,
        "provider": statement.provider_id,
        "contract": statement.contract_id,
        "card_hours": statement.card_hours,
        "amount_fen": statement.amount_fen,
        "eligible_fen": statement.eligible_fen,
        "estimate_fen": statement.estimate_fen,
        "sha256": statement.sha256.hex(),
        "demo": statement.demo,
    }


def _print(found: list[StoredStatement]) -> None:
    # A narrow terminal cuts nothing: the number is what `statements --number` takes.
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("结算单与企业\nstatement, user", overflow="fold", min_width=31)
    for title in ("卡时\ncard-hours", "金额 元\namount", "合格 元\neligible", "估算 元\nestimate"):
        table.add_column(title, justify="right", overflow="fold")
    for statement in found:
        estimate_fen = statement.estimate_fen
        table.add_row(
            f"{statement.number}/{statement.revision}\n{statement.user_id}",
            truncate_places(Fraction(statement.card_hours), CARD_HOUR_PLACES),
            yuan_text(statement.amount_fen),
            yuan_text(statement.eligible_fen),
            "未知 unknown" if estimate_fen is None else f"约 ~ {yuan_text(estimate_fen)}",
        )
    PlainConsole().print(table)
    print(
        "“约”为补贴估算，申报与核定以项目规则为准；“未知”：规则尚缺参数，无法估算。"
        "~ is an estimate of the subsidy, what is paid is decided on a claim; unknown: the rules"
        " lack what it takes."
    )
