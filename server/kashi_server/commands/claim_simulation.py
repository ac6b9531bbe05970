"""The part of `simulate` that is told of claims."""

from collections.abc import Callable, Iterator
from datetime import date

from rich.box import SIMPLE_HEAD
from rich.table import Table

from kashi_server.commands.plain import PlainConsole
from kashi_server.domain.evaluation.evaluate import Status
from kashi_server.domain.money import yuan_text
from kashi_server.domain.replayed_budget import ClaimOutcome, ClaimSide, ClaimsSum
from kashi_server.domain.replayed_companies import ClaimSimulation, CompanyClaims
from kashi_server.services.claim_words import STATES


def print_claims(found: ClaimSimulation) -> None:
    """A block for each company whose claims change, and the budget."""
    console = PlainConsole()
    console.print("\n申报 claims")
    for line in _company_lines(found):
        console.print(line)
    console.print(_budgets(found))
    if found.stands_fen != found.old.sums.computed_fen:
        print(
            f"所列申报现核算共 {yuan_text(found.stands_fen)} 元；另作比较的以重算为准。\n"
            f"These claims stand computed at {yuan_text(found.stands_fen)} yuan; what is compared"
            " otherwise is replayed."
        )
    if found.kept:
        print(f"申报材料仍按原参数归集 papers stay gathered by the former {', '.join(found.kept)}")
    for title, names in (
        ("申报：规则未知 claims: unknown", found.new.sums.unknown),
        ("申报：缺少事实 claims: missing", found.new.sums.missing),
    ):
        if names:
            print(f"{title}: {', '.join(names)}")


def _company_lines(found: ClaimSimulation) -> Iterator[str]:
    changed = [one for one in found.companies if one.old != one.new]
    for one in changed:
        yield f"{one.name_zh} {one.company_id}"
        for claim in one.claims:
            if claim.old != claim.new:
                yield f"    {claim.claim_id} {STATES[claim.state]}  {_claim(claim)}"
        yield (
            f"    核算 computed      {_change(one, _computed)} 元"
            f"  差额 difference {signed(one.difference_fen)}"
        )
        yield f"    核定 awarded       {_change(one, lambda side: yuan_text(side.awarded_fen))} 元"
        yield f"    触及上限 cap hit   {_change(one, lambda side: _iso(side.cap_hit))}"
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


def _claim(claim: ClaimOutcome) -> str:
    return f"{_amount(claim.old)} → {_amount(claim.new)}"


def _amount(side: ClaimSide) -> str:
    mark = " (估算 estimate)" if side.figures.status is Status.ESTIMATE else ""
    return f"{_yuan(side.figures.amount_fen)}{mark}"


def _change(company: CompanyClaims, of: Callable[[ClaimsSum], str]) -> str:
    return f"{of(company.old)} → {of(company.new)}"


def _computed(side: ClaimsSum) -> str:
    told = yuan_text(side.computed_fen)
    if side.without_amount:
        told += f" (无金额 without an amount: {side.without_amount})"
    return told


def _budgets(found: ClaimSimulation) -> Table:
    table = Table(box=SIMPLE_HEAD, pad_edge=False)
    table.add_column("申报预算 budget of claims", overflow="fold")
    for title in ("现行 old", "试算 new"):
        table.add_column(title, justify="right", overflow="fold")
    both = (found.old, found.new)
    sums = (found.old.sums, found.new.sums)
    table.add_row("核算 computed, 元", *(yuan_text(one.computed_fen) for one in sums))
    table.add_row("差额 difference, 元", "", signed(sums[1].computed_fen - sums[0].computed_fen))
    table.add_row("核定 awarded, 元", *(yuan_text(one.awarded_fen) for one in sums))
    table.add_row("估算 estimates", *(str(one.estimates) for one in sums))
    table.add_row("无金额 without an amount", *(str(one.without_amount) for one in sums))
    table.add_row("触及上限的企业 companies at their cap", *(str(one.at_cap) for one in both))
    table.add_row("资金池 pool of the year, 元", *(_yuan(one.pool_fen) for one in both))
    table.add_row("本年需从资金池支出 asked of it, 元", *(yuan_text(one.year_fen) for one in sums))
    table.add_row("资金池余额 left of it, 元", *(_yuan(one.left_fen) for one in both))
    table.add_row("资金池用尽 exhausted on", *(_iso(one.exhausted_on) for one in both))
    table.add_row(
        "全年预测 按已过天数 forecast by days elapsed, 元",
        *(_yuan(one.forecast.by_days_fen) for one in sums),
    )
    table.add_row(
        "全年预测 按末月 forecast by the last month, 元",
        *(_yuan(one.forecast.by_last_month_fen) for one in sums),
    )
    return table


def signed(fen: int) -> str:
    """Yuan with a plus where it is more."""
    return f"+{yuan_text(fen)}" if fen > 0 else yuan_text(fen)


def _yuan(fen: int | None) -> str:
    return "—" if fen is None else yuan_text(fen)


def _iso(day: date | None) -> str:
    return "—" if day is None else day.isoformat()
