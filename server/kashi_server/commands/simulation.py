"""`simulate`: certified history under other rules, for each company and for the budget."""

import json
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.claim_simulation import print_claims, signed
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.plain import PlainConsole
from kashi_server.documents.table_files import FORMATS, write_table
from kashi_server.domain.interval import Month
from kashi_server.domain.money import yuan_text
from kashi_server.domain.replayed_companies import ClaimSimulation
from kashi_server.domain.rules import RulesVersion, version_over
from kashi_server.domain.rules_difference import Difference, differences
from kashi_server.domain.simulated_outcome import Outcome
from kashi_server.domain.simulated_rules import Period
from kashi_server.errors import ConfigurationError
from kashi_server.services.claim_simulation import ClaimSimulator
from kashi_server.services.claim_simulation_data import claim_simulation_export
from kashi_server.services.rulebook import read_rules
from kashi_server.services.simulation import CompanySimulation, Simulation, Simulator
from kashi_server.services.simulation_data import simulation_data


def simulate(
    rules: Annotated[Path, typer.Option("--rules", help="试用的规则文件。The rules to try.")],
    period: Annotated[
        str,
        typer.Option(
            "--period",
            help="模拟期间（同一年度），首尾均含。"
            "Months of one year, both inside, like 2026-01..2026-10.",
        ),
    ],
    against: Annotated[
        Path | None,
        typer.Option(
            "--against",
            help="对比的规则文件；不给即已登记者。"
            "Rules to compare with; left out: those that are registered.",
        ),
    ] = None,
    table: Annotated[
        Path | None,
        typer.Option(
            "--table",
            help="另存逐笔申报的表格。Also write one row a claim: .csv, .xlsx or .json.",
        ),
    ] = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """以另一套规则重算结算单与申报，显示差异；不改动数据。
    Replay statements and claims under other rules and show what would change; nothing is
    stored.

    逐企业差额、触及上限之日、资金池用尽之日与全年预测。
    Each company's difference, the days on which caps and the pool run out, and the year's
    estimate.
    """
    if table is not None and table.suffix not in FORMATS:
        raise ConfigurationError(
            f"{table} 须以 {'、'.join(FORMATS)} 结尾。{table} must end in {', '.join(FORMATS)}"
        )
    new, months = read_rules(rules), _period(period)
    old = None if against is None else read_rules(against)
    with opened(directory) as server:
        with server.work.begin(writes=False) as unit:
            standing = list(unit.expense.rules(new.programme_id))
        with _progress("申报步骤 steps of claims") as told:
            claims = ClaimSimulator(server.work).simulate(new, months, against=old, progress=told)
        with _progress("企业 companies") as told:
            found = Simulator(server.work).simulate(
                new, months, against=old, may_be_empty=bool(claims.companies), progress=told
            )
    base = old or version_over(standing, months.last.interval())
    changed = [] if base is None else differences(base, new)
    if table is not None:
        _write(table, claims, months, new)
    with_claims = claims if claims.companies else None
    if as_json:
        data = simulation_data(found, base, new, changed, with_claims)
        print(json.dumps(data, ensure_ascii=False))
    else:
        _print(found, base, new, changed, with_claims)


def _write(file: Path, claims: ClaimSimulation, period: Period, new: RulesVersion) -> None:
    about = {
        "period": f"{period.first}..{period.last}",
        "programme_id": new.programme_id,
        "rules_sha256": new.sha256,
        "generator": f"kashi-server {version('kashi-server')}",
    }
    try:
        write_table(claim_simulation_export(claims), file, about)
    except OSError as error:
        raise ConfigurationError(
            f"无法写入 {file}：{error}。{file} cannot be written: {error}"
        ) from error


def _period(text: str) -> Period:
    first, _, last = text.partition("..")
    return Period(first=Month.parse(first), last=Month.parse(last or first))


class _Told:
    """Tells a person how far it is, on a terminal only: the output itself stays clean."""

    def __init__(self, progress: Progress, title: str) -> None:
        self._progress = progress
        self._task = progress.add_task(title, total=None)

    def __call__(self, done: int, of: int) -> None:
        """Done, of how many."""
        self._progress.update(self._task, completed=done, total=of)


@contextmanager
def _progress(title: str) -> Iterator[_Told]:
    console = Console(file=sys.stderr)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        yield _Told(progress, title)


def _iso(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _print(
    found: Simulation,
    base: RulesVersion | None,
    new: RulesVersion,
    changed: Sequence[Difference],
    claims: ClaimSimulation | None,
) -> None:
    console = PlainConsole()
    old = "—" if base is None else base.version
    console.print(
        f"{new.name_zh} {new.name_en}\n{found.period.first} – {found.period.last}:"
        f" 现行 old {old} → 试算 new {new.version}"
    )
    for one in changed:
        console.print(f"    {one.name}: {one.old or '—'} → {one.new or '—'}")
    for line in _open_lines(found):
        console.print(line)
    console.print("")
    for line in _company_lines(found):
        console.print(line)
    console.print(_budgets(found))
    if found.stored_fen != found.old.subsidy_fen and base is not None:
        print(
            f"结算单出具时共估算 {yuan_text(found.stored_fen)} 元；其后更正或另作比较的以重算为准。"
            f"\nWhen they were made, the statements were estimated at {yuan_text(found.stored_fen)}"
            " yuan in all; what was corrected since, or is compared otherwise, is replayed."
        )
    for title, names in (
        ("规则未知 unknown", found.new.unknown),
        ("缺少事实 missing", found.new.missing),
    ):
        if names:
            print(f"{title}: {', '.join(names)}")
    if claims is not None:
        print_claims(claims)
    print(
        "均为估算，预测按所注方法推算；未写入任何数据。\n"
        "All of it is an estimate, forecasts go by the methods named; nothing was written."
    )


def _open_lines(found: Simulation) -> Iterator[str]:
    """What is not counted because it is not closed."""
    if found.open_months:
        months = [str(month) for month in found.open_months]
        yield f"尚未关账，未计入：{'、'.join(months)}；预测自已关账的末月起推算。"
        yield (
            f"Not closed and not counted: {', '.join(months)}; forecasts go on from the last closed"
            " month."
        )


def _company_lines(found: Simulation) -> Iterator[str]:
    """A block for each company for which something changes; the others are counted."""
    changed = [one for one in found.companies if one.old != one.new]
    for one in changed:
        yield f"{one.name_zh} {one.user_id}"
        yield f"    合格 eligible      {_change(one, lambda side: yuan_text(side.eligible_fen))} 元"
        yield (
            f"    资助 subsidy       {_change(one, _subsidy)} 元"
            f"  差额 difference {signed(one.difference_fen)}"
        )
        yield f"    触及上限 cap hit   {_change(one, lambda side: _iso(side.cap_hit) or '—')}"
        yield (
            "    全年预测 forecast  按已过天数 by days elapsed"
            f" {_change(one, lambda side: _yuan(side.forecast.by_days_fen))}"
        )
        yield (
            "                       按末月 by the last month"
            f" {_change(one, lambda side: _yuan(side.forecast.by_last_month_fen))}"
        )
    same = len(found.companies) - len(changed)
    yield f"{same} 家企业不变 companies unchanged, {len(changed)} 家有变化 changed."


def _change(company: CompanySimulation, of: Callable[[Outcome], str]) -> str:
    return f"{of(company.old)} → {of(company.new)}"


def _budgets(found: Simulation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("预算 budget", overflow="fold")
    for title in ("现行 old", "试算 new"):
        table.add_column(title, justify="right", overflow="fold")
    both = (found.old, found.new)
    table.add_row("合格费用 eligible, 元", *(yuan_text(one.eligible_fen) for one in both))
    table.add_row("资助 subsidy, 元", *(yuan_text(one.subsidy_fen) for one in both))
    table.add_row("差额 difference, 元", "", signed(both[1].subsidy_fen - both[0].subsidy_fen))
    table.add_row("触及上限的企业 companies at their cap", *(str(one.at_cap) for one in both))
    table.add_row("资金池 pool of the year, 元", *(_yuan(one.pool_fen) for one in both))
    table.add_row("本年需从资金池支出 asked of it, 元", *(yuan_text(one.year_fen) for one in both))
    table.add_row("资金池余额 left of it, 元", *(_yuan(one.left_fen) for one in both))
    table.add_row("资金池用尽 exhausted on", *(_iso(one.exhausted_on) or "—" for one in both))
    table.add_row(
        "全年预测 按已过天数 forecast by days elapsed, 元",
        *(yuan_text(one.forecast_by_days_fen) for one in both),
    )
    table.add_row(
        "全年预测 按末月 forecast by the last month, 元",
        *(yuan_text(one.forecast_by_last_month_fen) for one in both),
    )
    if any(one.without_amount for one in both):
        table.add_row(
            "无法计算的企业月 months without an amount", *(str(one.without_amount) for one in both)
        )
    return table


def _subsidy(side: Outcome) -> str:
    known = len(side.months) > side.without_amount
    return yuan_text(side.subsidy_fen) if known else "—"


def _yuan(fen: int | None) -> str:
    return "—" if fen is None else yuan_text(fen)
