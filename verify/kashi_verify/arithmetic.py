"""Step 7: the statement's own arithmetic, in integers and fractions.

1. every line: observed + gap = end - start, to the millisecond; leased is nothing or all of it;
2. every line: billed is the quantity its basis names, never beyond leased and observed;
3. every line: amount = billed x share x price / 3 600 000, cut to one fen; where the price was
   agreed by the month or for a partition, its equal per card-hour is exactly that;
4. totals: every quantity and amount is the sum over the lines, card-hours as exact fractions;
5. no device is counted twice for one minute by two hosts, nor billed for a minute that a provider
   states of it, however it spells it, unless what was measured leaves a gap that is long enough;
6. days: leased, observed, gap and amount add up to the totals, and no day stands twice.
"""

import re
from calendar import monthrange
from collections.abc import Mapping, Sequence
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from kashi_verify.detail import Detail, line_named
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed
from kashi_verify.line_evidence import COUNTED, check_line_evidence
from kashi_verify.spelling import hardware, measured_device, stated_device

Data = Mapping[str, Any]
_HOUR_MS: Final = 3_600_000
_RENT: Final = "flat_rent"
_MONTHLY: Final = ("device_month", "contract_month")
_PRICE: Final = re.compile(r"\d{1,30}(\.\d{1,30}|/[1-9]\d{0,29})?")
_SHARE: Final = re.compile(r"\d{1,6}(/[1-9]\d{0,5})?")
SUMMED: Final = (
    "leased_ms",
    "observed_ms",
    "gap_ms",
    "held_known_ms",
    "held_ms",
    "utilisation_known_ms",
    "active_ms",
    "utilised_ns",
    "unattributed_ms",
)
_PARTS: Final = (
    ("held_known_ms", "observed_ms", 1),
    ("held_ms", "held_known_ms", 1),
    ("utilisation_known_ms", "observed_ms", 1),
    ("active_ms", "utilisation_known_ms", 1),
    ("utilised_ns", "active_ms", 1_000_000),
    ("unattributed_ms", "active_ms", 1),
)


def check_arithmetic(statement: Data) -> None:
    """Check everything the module says.

    Raises:
        CheckFailed: an equation does not hold; the message names the line or the total.
    """
    lines = statement["lines"]
    devices = {device["hardware_id"] for device in statement["devices"]}
    for place, line in enumerate(lines, 1):
        if line["line"] != place or line["hardware_id"] not in devices:
            raise CheckFailed(
                f"第 {place} 行次序不对，或所指设备未列出。"
                f"Line {place} is out of order or names a device that is not listed"
            )
        _check_line(line)
    _check_overlap(lines)
    _check_totals(statement["totals"], lines)
    _check_days(statement["days"], statement["totals"])


def span_ms(line: Data) -> tuple[int, int]:
    """Start and end of a line in UTC milliseconds."""
    return instant_ms(line["start"]), instant_ms(line["end"])


def instant_ms(text: str) -> int:
    """UTC milliseconds of an ISO 8601 instant on a whole minute."""
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise CheckFailed(f"“{text}”不是时刻。'{text}' is not an instant") from error
    if instant.tzinfo is None or instant.second or instant.microsecond:
        raise CheckFailed(
            f"“{text}”不是带时差的整分钟。'{text}' is not a whole minute with an offset"
        )
    return int(instant.timestamp()) * 1000


def _check_line(line: Data) -> None:
    name = line_named(line["line"])
    counted = line["quantities"]
    start_ms, end_ms = span_ms(line)
    elapsed_ms = end_ms - start_ms
    if elapsed_ms <= 0 or counted["observed_ms"] + counted["gap_ms"] != elapsed_ms:
        raise CheckFailed(
            f"{name.zh}：观测 {counted['observed_ms']} + 缺口 {counted['gap_ms']} 毫秒，不等于"
            f"经过的 {elapsed_ms} 毫秒。"
            f"{name.en}: observed {counted['observed_ms']} + gap {counted['gap_ms']} is not the "
            f"elapsed {elapsed_ms} ms"
        )
    if counted["leased_ms"] not in (0, elapsed_ms):
        raise CheckFailed(
            f"{name.zh}：租用 {counted['leased_ms']} 毫秒，共 {elapsed_ms} 毫秒，只能为全部或无。"
            f"{name.en}: leased {counted['leased_ms']} of {elapsed_ms} ms"
        )
    for part, whole, factor in _PARTS:
        if not 0 <= counted[part] <= counted[whole] * factor:
            raise CheckFailed(
                f"{name.zh}：{part} {counted[part]} 超过 {whole} {counted[whole]}。"
                f"{name.en}: {part} {counted[part]} exceeds {whole} {counted[whole]}"
            )
    check_line_evidence(name, line)
    _check_billed(name, line)
    _check_amount(name, line)
    _check_agreed(name, line)


def _check_billed(name: Detail, line: Data) -> None:
    counted, billed_ms = line["quantities"], line["billed_ms"]
    if line["basis"] == _RENT:
        # A rent bills whole leased days as far as they were observed at all; of what a provider
        # states, no more than is stated: many short jobs share the days of one card.
        most_ms = counted["leased_ms"] if counted["observed_ms"] else 0
        if "stated" in line:
            most_ms = min(most_ms, counted["observed_ms"])
        if not 0 <= billed_ms <= most_ms:
            raise CheckFailed(
                f"{name.zh}：月租 {billed_ms} 毫秒，超出租用且观测到的日子。"
                f"{name.en}: {billed_ms} ms of rent, beyond the days leased and seen"
            )
        return
    if not 0 <= billed_ms <= min(counted["leased_ms"], counted["observed_ms"]):
        raise CheckFailed(
            f"{name.zh}：计费 {billed_ms} 毫秒，超出租用且观测的时间。"
            f"{name.en}: billed {billed_ms} ms, beyond what was leased and observed"
        )
    named = {
        "leased_observed": min(counted["leased_ms"], counted["observed_ms"]),
        "held": counted["held_ms"],
        "utilised": counted["utilised_ns"] // 1_000_000,
    }
    basis = line["basis"]
    if billed_ms and (basis not in named or billed_ms != named[basis]):
        raise CheckFailed(
            f"{name.zh}：计费 {billed_ms} 毫秒，不是其依据 {basis}。"
            f"{name.en}: billed {billed_ms} ms is not its basis {basis}"
        )


def _check_amount(name: Detail, line: Data) -> None:
    price, share, amount_fen = line["price_yuan_per_card_hour"], line["share"], line["amount_fen"]
    expected = 0
    if price is not None and share is not None:
        if _PRICE.fullmatch(price) is None or _SHARE.fullmatch(share) is None:
            raise CheckFailed(
                f"{name.zh}：单价“{price}”或比例“{share}”写法不规范。"
                f"{name.en}: price '{price}' or share '{share}' is not spelled plainly"
            )
        expected = cut_to_fen(line["billed_ms"] * exact(share) * exact(price) / _HOUR_MS)
    whole = "stated" not in line  # what a provider states may stand for several cards
    if share is not None and not (
        _SHARE.fullmatch(share) and exact(share) > 0 and (exact(share) <= 1 or not whole)
    ):
        raise CheckFailed(
            f"{name.zh}：比例“{share}”不是一张卡的一部分。"
            f"{name.en}: a share of '{share}' is no part of a card"
        )
    if amount_fen != expected:
        raise CheckFailed(
            f"{name.zh}：{amount_fen} 分；计费×比例×单价得 {expected}。"
            f"{name.en}: {amount_fen} fen; billed x share x price gives {expected}"
        )


def _check_agreed(name: Detail, line: Data) -> None:
    """The price as it was agreed, and its equal per card-hour, are the same money."""
    agreed = line.get("price")
    if agreed is None:
        if line["basis"] == _RENT:
            raise CheckFailed(
                f"{name.zh}：月租没有月金额。{name.en}: a rent without the month's amount"
            )
        return
    price, share, yuan = line["price_yuan_per_card_hour"], line["share"], agreed["yuan"]
    if price is None or share is None or _PRICE.fullmatch(yuan) is None:
        raise CheckFailed(
            f"{name.zh}：约定价“{yuan}”没有对应的每卡时单价。"
            f"{name.en}: the agreed price '{yuan}' has no equal per card-hour"
        )
    cards = exact(share)
    if agreed["unit"] == "partition_hour":
        comes_to = exact(price) * cards
    elif agreed["unit"] in _MONTHLY and line["basis"] == _RENT:
        hours = _month_hours(name, agreed, line["start"])
        # A card's rent is the same for its parts; only a partition's own is for what it is.
        part = cards if "profile" in agreed else Fraction(1)
        comes_to = exact(price) * part * hours * exact(agreed["devices"])
    else:
        raise CheckFailed(
            f"{name.zh}：按 {agreed['unit']} 的价格，依据却是 {line['basis']}。"
            f"{name.en}: a price for a {agreed['unit']} with the basis {line['basis']}"
        )
    if comes_to != exact(yuan):
        raise CheckFailed(
            f"{name.zh}：约定的 {yuan} 元不等于每卡时 {price}。"
            f"{name.en}: the agreed {yuan} yuan are not {price} per card-hour"
        )


def _month_hours(name: Detail, agreed: Data, start: str) -> int:
    year, month = map(int, agreed["month"].split("-"))
    if not start.startswith(agreed["month"]) or agreed["month_days"] != str(
        monthrange(year, month)[1]
    ):
        month, days = agreed["month"], agreed["month_days"]
        raise CheckFailed(
            f"{name.zh}：{days} 日的 {month} 不是它所在的月份。"
            f"{name.en}: {month} of {days} days is not the month it is in"
        )
    return int(agreed["month_days"]) * 24


def cut_to_fen(yuan: Fraction) -> int:
    """A non-negative amount of yuan in whole fen, the rest cut off."""
    fen = yuan * 100
    return fen.numerator // fen.denominator


def _check_overlap(lines: Sequence[Data]) -> None:
    """One device is never counted twice for one minute, whichever hosts report it by whichever id
    of its hardware, and what a provider states of it is billed only where a measured line has a
    gap."""
    spans: dict[tuple[str, bool], list[tuple[int, int, int]]] = {}
    # A second spelling that earns nothing may stand beside the first; billed, it is the same card.
    named: dict[str, list[tuple[int, int, int]]] = {}
    for line in lines:
        # Of one UUID no two partitions are there at once, whatever share each id names.
        is_stated, name = "stated" in line, line["hardware_id"]
        source = (name if is_stated else hardware(name), is_stated)
        spans.setdefault(source, []).append((*span_ms(line), line["line"]))
        if "stated" in line and line["billed_ms"]:
            named.setdefault(stated_device(line), []).append((*span_ms(line), line["line"]))
    for found in (*spans.values(), *named.values()):
        found.sort()
        for (_, end_ms, earlier), (start_ms, _, later) in pairwise(found):
            if start_ms < end_ms:
                raise CheckFailed(
                    f"第 {earlier} 行与第 {later} 行重复计入相同的分钟。"
                    f"Lines {earlier} and {later} count the same minutes twice"
                )
    _check_stated_in_gaps(lines)


def _check_stated_in_gaps(lines: Sequence[Data]) -> None:
    """Which minutes were measured, only the reports tell (step 13); how many there can be that a
    provider's statement bills beside a measured line, its gap tells."""
    billed: dict[str, list[tuple[int, int, int]]] = {}
    for line in lines:
        if "stated" in line and line["billed_ms"]:
            billed.setdefault(stated_device(line), []).append((*span_ms(line), line["line"]))
    for line in lines:
        if "stated" in line:
            continue
        low_ms, high_ms = span_ms(line)
        beside = [
            (min(high_ms, end_ms) - max(low_ms, start_ms), number)
            for name in measured_device(line["hardware_id"])
            for start_ms, end_ms, number in billed.get(name, ())
            if start_ms < high_ms and low_ms < end_ms
        ]
        if sum(common_ms for common_ms, _ in beside) > line["quantities"]["gap_ms"]:
            raise CheckFailed(
                f"第 {line['line']} 行与第 {beside[0][1]} 行重复计入相同的分钟：一行是声明的，另一"
                "行没有为它留下缺口。"
                f"Lines {line['line']} and {beside[0][1]} count the same minutes twice: one is "
                "stated, and the other leaves no gap for it"
            )


def _check_totals(totals: Data, lines: Sequence[Data]) -> None:
    sums: dict[str, object] = {
        name: sum(line["quantities"][name] for line in lines) for name in SUMMED
    }
    sums["billed_ms"] = sum(line["billed_ms"] for line in lines)
    sums["amount_fen"] = sum(line["amount_fen"] for line in lines)
    sums["eligible_fen"] = sum(line["amount_fen"] for line in lines if line["eligible"])
    for name, expected in sums.items():
        if totals[name] != expected:
            raise CheckFailed(
                f"合计 {name} 为 {totals[name]}；各行得 {expected}。"
                f"Total {name} is {totals[name]}; the lines give {expected}"
            )
    for name in COUNTED:
        counted_ms = sum(line["quantities"].get(name, 0) for line in lines)
        if totals.get(name, 0) != counted_ms:
            raise CheckFailed(
                f"合计 {name} 为 {totals.get(name, 0)}；各行得 {counted_ms}。"
                f"Total {name} is {totals.get(name, 0)}; the lines give {counted_ms}"
            )
    for name, source in (("card_hours", "observed_ms"), ("leased_card_hours", "leased_ms")):
        _check_hours(name, totals, ((line, line["quantities"][source]) for line in lines))
    _check_hours("billed_card_hours", totals, ((line, line["billed_ms"]) for line in lines))
    if totals["rounding"] != "truncate_to_fen":
        raise CheckFailed(
            f"取整方式名为 {totals['rounding']}。The rounding is called {totals['rounding']}"
        )


def _check_hours(name: str, totals: Data, parts: Any) -> None:
    expected = sum(
        (exact(line["share"]) * ms for line, ms in parts if line["share"] is not None),
        Fraction(0),
    )
    if exact(totals[name]) != expected / _HOUR_MS:
        raise CheckFailed(
            f"合计 {name} 为 {totals[name]}；各行得 {expected / _HOUR_MS}。"
            f"Total {name} is {totals[name]}; the lines give {expected / _HOUR_MS}"
        )


def _check_days(days: Sequence[Data], totals: Data) -> None:
    dates = [day["date"] for day in days]
    if sorted(set(dates)) != dates:
        raise CheckFailed(
            "各日次序不对，或有一日重复。The days are not in order, or one stands twice"
        )
    for name in ("leased_ms", "observed_ms", "gap_ms", "amount_fen"):
        total = sum(day[name] for day in days)
        if total != totals[name]:
            raise CheckFailed(
                f"各日的 {name} 相加为 {total}，合计为 {totals[name]}。"
                f"The days' {name} add up to {total}, the total says {totals[name]}"
            )
