"""The summary of a certificate: what its statements come to, and what stands beside them.

Format `kashi/v1/summary`. Everything but `stated` and `reading` follows from the statements
alone, so that whoever has them recomputes it: totals with their amounts in capitals 大写, one row a
month, one a model of device, one a level of evidence, and how what nobody observed was treated.
`stated` is what papers say (contract, listing, invoices, payments); null where nobody stated it.
Card-hours are exact text, money is fen, time milliseconds.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from fractions import Fraction
from typing import Any, Final

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.capital_amount import capital_amount
from kashi_server.domain.interval import HOUR_MS
from kashi_server.domain.money import truncate_places
from kashi_server.domain.statement_line import COUNTED_GAPS
from kashi_server.domain.statement_quality import COVERAGE_PLACES

FORMAT: Final = "kashi/v1/summary"
NOT_FILLED: Final = "not_filled"

Data = Mapping[str, Any]
Line = Mapping[str, Any]


def summary_of(
    statements: Sequence[Data],
    hashes: Sequence[str],
    *,
    stated: Mapping[str, object],
    reading: Mapping[str, object] | None,
) -> dict[str, object]:
    """The summary as plain data.

    Args:
        statements: the certified statements in the order of their months.
        hashes: SHA-256 of each one's canonical bytes, in hexadecimal.
        stated: what papers say, by kind.
        reading: how the reports were read, None where no report stands behind the statements.
    """
    lines = [line for statement in statements for line in statement["lines"]]
    return {
        "format": FORMAT,
        "totals": _totals(lines),
        "months": [
            _month(statement, named) for statement, named in zip(statements, hashes, strict=True)
        ],
        "models": _models(statements),
        "evidence_levels": _levels(lines),
        "gaps": _gaps(statements, lines),
        "reading": reading,
        "stated": dict(stated),
    }


def _totals(lines: Sequence[Line]) -> dict[str, object]:
    sums = _sums(lines)
    for name in ("amount_fen", "eligible_fen"):
        amount = sums[name]
        assert isinstance(amount, int)
        sums[name.replace("_fen", "_capitals")] = capital_amount(amount)
    return sums | {"coverage": _coverage(lines)}


def _sums(lines: Sequence[Line]) -> dict[str, object]:
    return {
        "leased_card_hours": _card_hours(lines, lambda line: line["quantities"]["leased_ms"]),
        "card_hours": _card_hours(lines, lambda line: line["quantities"]["observed_ms"]),
        "billed_card_hours": _card_hours(lines, lambda line: line["billed_ms"]),
        "gap_ms": sum(line["quantities"]["gap_ms"] for line in lines),
        "amount_fen": sum(line["amount_fen"] for line in lines),
        "eligible_fen": sum(line["amount_fen"] for line in lines if line["eligible"]),
    }


def _card_hours(lines: Iterable[Line], device_ms: Callable[[Line], int]) -> str:
    total = sum(
        (Fraction(line["share"]) * device_ms(line) for line in lines if line["share"] is not None),
        Fraction(0),
    )
    return decimal_text(total / HOUR_MS)


def _coverage(lines: Iterable[Line]) -> str:
    observed_ms = gap_ms = 0
    for line in lines:
        observed_ms += line["quantities"]["observed_ms"]
        gap_ms += line["quantities"]["gap_ms"]
    elapsed_ms = observed_ms + gap_ms
    share = Fraction(observed_ms, elapsed_ms) if elapsed_ms else Fraction(0)
    return truncate_places(share, COVERAGE_PLACES)


def _month(statement: Data, named: str) -> dict[str, object]:
    lines = statement["lines"]
    return {
        "month": statement["period"]["month"],
        "statement": {
            "number": statement["statement"]["number"],
            "revision": statement["statement"]["revision"],
            "sha256": named,
        },
        **_sums(lines),
        "coverage": _coverage(lines),
        "flags": len(statement["flags"]),
    }


def _models(statements: Sequence[Data]) -> list[dict[str, object]]:
    """One row a kind of device: vendor, model, memory, form and share; in their order."""
    devices: dict[tuple[Any, ...], set[str]] = {}
    lines: dict[tuple[Any, ...], list[Line]] = {}
    for statement in statements:
        kinds = {device["hardware_id"]: _kind(device) for device in statement["devices"]}
        for hardware_id, kind in kinds.items():
            devices.setdefault(kind, set()).add(hardware_id)
        for line in statement["lines"]:
            lines.setdefault(kinds[line["hardware_id"]], []).append(line)
    return [
        {
            "vendor": kind[0],
            "model": kind[1],
            "memory_bytes": kind[2] or None,
            "form": kind[3],
            "share": kind[4] or None,
            "domestic": {"true": True, "false": False}.get(kind[5]),
            "devices": len(devices[kind]),
            **_sums(lines.get(kind, [])),
        }
        for kind in sorted(devices)
    ]


def _kind(device: Data) -> tuple[Any, ...]:
    return (
        device["vendor"],
        device["model"],
        device["memory_bytes"] or 0,
        "whole" if device["parent_hardware_id"] is None else "partition",
        device["share"] or "",
        str(device["domestic"]).lower(),
    )


def _levels(lines: Sequence[Line]) -> list[dict[str, object]]:
    return [
        {
            "level": level,
            "lines": len(of_level),
            "card_hours": _card_hours(of_level, lambda line: line["quantities"]["observed_ms"]),
            "amount_fen": sum(line["amount_fen"] for line in of_level),
        }
        for level in sorted({line["evidence_level"] for line in lines})
        for of_level in [[line for line in lines if line["evidence_level"] == level]]
    ]


def _gaps(statements: Sequence[Data], lines: Sequence[Line]) -> dict[str, object]:
    """What nobody observed: it stays a gap, and no part of it is billed as if it had been seen."""
    spans: dict[str, int] = {}
    for statement in statements:
        for gap in statement["quality"]["gaps"]:
            spans[gap["reason"]] = spans.get(gap["reason"], 0) + gap["span_ms"]
    observed_ms = sum(line["quantities"]["observed_ms"] for line in lines)
    gap_ms = sum(line["quantities"]["gap_ms"] for line in lines)
    return {
        "elapsed_ms": observed_ms + gap_ms,
        "observed_ms": observed_ms,
        "gap_ms": gap_ms,
        # Parts of the gap that a rule counts by evidence or by officers' word, in columns of
        # their own; they are never observed time, and never billed.
        **{name: sum(line["quantities"].get(name, 0) for line in lines) for name in COUNTED_GAPS},
        "treatment": NOT_FILLED,
        "reasons": [{"reason": reason, "span_ms": spans[reason]} for reason in sorted(spans)],
    }
