"""Step 6: what a person reads on the pages is what a machine reads in the attachments.

Figures are spelled here again, from the attached data and by this file alone; each must stand in
the text of the pages. A page that shows another number does not hold this one. Whether it shows a
false one beside the true one, no text can tell: the attached data decides.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed
from kashi_verify.money import money_figures

Data = Mapping[str, Any]
_HOUR_MS: Final = 3_600_000
_HOURS: Final = ("card_hours", "leased_card_hours", "billed_card_hours")
_HASH: Final = re.compile("[0-9a-f]{64}")
_DEMO: Final = "DEMONSTRATION"
_NOTICE: Final = "neitheranentitlementtofundingnorametrologicalverification"


def check_pages(
    pages: Sequence[str], certificate: Data, statement: Data, summary: Data | None = None
) -> int:
    """Check every page's header and footer and every key figure; returns how many were found.

    Raises:
        CheckFailed: a figure of the data stands on no page.
    """
    figures = [*_figures(certificate, statement)]
    if summary is not None:
        figures += _summary_figures(summary)
    count, whole = _check_figures(pages, certificate, figures)
    for line in statement["lines"]:
        row = _plain(_line_row(line))
        if row not in whole:
            raise CheckFailed(
                f"第 {line['line']} 行在任何一页上都与所附数据不同。"
                f"Line {line['line']} stands on no page as the attached data has it"
            )
        count += 1
    return count


def check_period_pages(
    pages: Sequence[str], certificate: Data, statements: Sequence[Data], summary: Data
) -> int:
    """The same for the certificate of several months, which prints their subtotals and no lines.

    Raises:
        CheckFailed: a figure of the data stands on no page.
    """
    totals = summary["totals"]
    figures = [
        *_common_figures(certificate, statements[-1]),
        ("the months", f"{certificate['months']['first']}–{certificate['months']['last']}"),
        *((name, f"{_yuan(totals[name])}元") for name in ("amount_fen", "eligible_fen")),
        *((name, _grouped(_cut(exact(totals[name]), 4))) for name in _HOURS),
        ("the coverage", _percent(totals["coverage"])),
        *_summary_figures(summary),
    ]
    return _check_figures(pages, certificate, figures)[0]


def _check_figures(
    pages: Sequence[str], certificate: Data, figures: Sequence[tuple[str, str]]
) -> tuple[int, str]:
    for place, text in enumerate(pages, 1):
        _check_frame(place, len(pages), text, certificate)
    whole = "".join(pages)
    for name, figure in figures:
        if not stands(_plain(figure), whole):
            raise CheckFailed(
                f"所附数据的 {name}“{figure}”在任何一页上都没有。"
                f"{name} '{figure}' of the attached data stands on no page"
            )
    return len(figures), whole


def _summary_figures(summary: Data) -> Iterator[tuple[str, str]]:
    """Capitals, and the rows of the subtotals as they are printed."""
    totals = summary["totals"]
    yield "the amount in capitals", totals["amount_capitals"]
    yield "the eligible amount in capitals", totals["eligible_capitals"]
    for month in summary["months"]:
        named = f"{month['statement']['number']}r{month['statement']['revision']}"
        row = f"{month['month']}{named}{_sums(month)}{_percent(month['coverage'])}"
        yield f"the row of {month['month']}", row
    money = summary["stated"]["money"]
    if money is not None:
        yield "the day of the tie-out", money["tie_out"]["until_day"]
        yield from ((name, f"{_yuan(fen)}元") for name, fen in money_figures(money))
    for model in summary["models"]:
        yield f"the row of {model['model']}", f"{model['devices']}{_sums(model)}"


def _sums(row: Data) -> str:
    hours = "".join(
        _grouped(_cut(exact(row[name]), 4))
        for name in ("leased_card_hours", "card_hours", "billed_card_hours")
    )
    return f"{hours}{_yuan(row['amount_fen'])}{_yuan(row['eligible_fen'])}"


def _percent(coverage: str) -> str:
    return _cut(exact(coverage) * 100, 4) + "%"


def stands(figure: str, text: str) -> bool:
    """The text holds the figure; a number not as a part of a longer one: 12.50 is not in 912.50.

    A hash is no number: it may begin with a digit, and a date may stand right behind it.
    """
    if not figure[:1].isdigit() or _HASH.fullmatch(figure):
        return figure in text
    # What ends in a sign, like 99.5 %, may have the next row's date right behind it.
    after = r"(?!\d)" if figure[-1].isdigit() else ""
    return re.search(rf"(?<![\d.,-]){re.escape(figure)}{after}", text) is not None


def _check_frame(place: int, total: int, text: str, certificate: Data) -> None:
    if certificate["number"] not in text:
        raise CheckFailed(
            f"第 {place} 页没有编号 {certificate['number']}。"
            f"Page {place} does not carry the number {certificate['number']}"
        )
    if f"Page{place}of{total}" not in text:
        raise CheckFailed(
            f"第 {place} 页（共 {total} 页）页码不对。Page {place} of {total} is not numbered so"
        )
    if _NOTICE not in text:
        raise CheckFailed(
            f"第 {place} 页未写明是计量记录。"
            f"Page {place} does not say that it is a measurement record"
        )
    if certificate["demo"] and _DEMO not in text:
        raise CheckFailed(
            f"第 {place} 页未写明是演示。Page {place} does not say that this is a demonstration"
        )


def _common_figures(certificate: Data, statement: Data) -> Iterator[tuple[str, str]]:
    """What every generation prints of the document, the parties and the hashes."""
    yield "the verification code", certificate["verification"]["code"]
    yield "the time of issue", certificate["issued_at"][:10] + certificate["issued_at"][11:19]
    named = certificate["statement"]
    yield "the statement's number", f"{named['number']}·r{named['revision']}"
    for role in ("user", "provider"):
        if statement[role] is not None:
            yield f"the {role}'s code", statement[role]["party_id"]
            yield f"the {role}'s name", statement[role]["name_zh"]
    if statement["contract"] is not None:
        yield "the contract", statement["contract"]["contract_id"]
    yield "the statement's hash", certificate["statement"]["sha256"]
    yield "the evidence's hash", certificate["evidence"]["sha256"]
    if certificate.get("supersedes_sha256") is not None:
        yield "the superseded certificate", certificate["supersedes"]
        yield "the superseded certificate's hash", certificate["supersedes_sha256"]


def _figures(certificate: Data, statement: Data) -> Iterator[tuple[str, str]]:
    totals = statement["totals"]
    yield from _common_figures(certificate, statement)
    yield "the month", statement["period"]["month"]
    for name in ("amount_fen", "eligible_fen"):
        yield name, f"{_yuan(totals[name])}元"
    for name in _HOURS:
        yield name, _grouped(_cut(exact(totals[name]), 4))
    if statement["subsidy"]["estimate_fen"] is not None:
        yield "the estimate", f"{_yuan(statement['subsidy']['estimate_fen'])}元（估算estimate）"
    yield "the coverage", _percent(statement["quality"]["coverage"])


def _line_row(line: Data) -> str:
    share = None if line["share"] is None else exact(line["share"])
    counted = line["quantities"]
    cells = [
        f"{_minute(line['start'])}–{_minute(line['end'])}",
        line["share"] or "—",
        *(_hours(counted[name], share) for name in ("leased_ms", "observed_ms", "gap_ms")),
        _hours(line["billed_ms"], share),
        _price(line),
        _yuan(line["amount_fen"]),
    ]
    return "".join(cells)


def _price(line: Data) -> str:
    """The price as it was agreed: by the card-hour, the partition's hour or the month."""
    agreed = line.get("price")
    if agreed is None:
        return line["price_yuan_per_card_hour"] or "—"
    if agreed["unit"] == "partition_hour":
        return f"{agreed['yuan']}/片时"
    devices = agreed["devices"]
    among = "" if devices == "1" else f"÷({devices})" if "/" in devices else f"÷{devices}"
    return f"{agreed['yuan']}/月{among}"


def _minute(instant: str) -> str:
    return instant[5:10] + instant[11:16]


def _hours(ms: int, share: Fraction | None) -> str:
    return "—" if share is None else _grouped(_cut(share * ms / _HOUR_MS, 4))


def _yuan(amount_fen: int) -> str:
    sign = "-" if amount_fen < 0 else ""
    return f"{sign}{abs(amount_fen) // 100:,}.{abs(amount_fen) % 100:02d}"


def _cut(value: Fraction, places: int) -> str:
    scaled = value.numerator * 10**places // value.denominator
    return f"{scaled // 10**places}.{scaled % 10**places:0{places}d}"


def _grouped(text: str) -> str:
    whole, _, part = text.partition(".")
    return f"{int(whole):,}.{part}"


def _plain(text: str) -> str:
    return "".join(text.split())
