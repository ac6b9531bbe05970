"""What a certificate says of how well a period was observed."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from kashi_server.documents.printed import Printed
from kashi_server.documents.proof import evidence_section

HOUR_MS = 3_600_000


def printed(unattributed_ms: int = 0, clock_offsets_ms: Sequence[int | None] = (None,)) -> Printed:
    """Months in which a device was active for an hour of two."""
    summary = {
        "totals": {"coverage": "1"},
        "gaps": {"treatment": "not_filled", "reasons": []},
        "evidence_levels": [],
        "reading": None,
    }
    months = tuple(_month(unattributed_ms, offset_ms) for offset_ms in clock_offsets_ms)
    return Printed(statements=months, evidence=(), summary=summary, names=())


def _month(unattributed_ms: int, clock_offset_ms: int | None) -> dict[str, Any]:
    return {
        "quality": {"max_clock_offset_ms": clock_offset_ms},
        "totals": {
            "observed_ms": 2 * HOUR_MS,
            "held_ms": HOUR_MS,
            "held_known_ms": 2 * HOUR_MS,
            "active_ms": HOUR_MS,
            "utilised_ns": 0,
            "utilisation_known_ms": 2 * HOUR_MS,
            "unattributed_ms": unattributed_ms,
        },
        "flags": [],
    }


def clock_printed(months: Printed) -> str:
    """What the certificate prints of the clock."""
    rows = {row["label"]["zh"]: row["value"] for row in evidence_section(months)["rows"]}
    return str(rows["最大时钟偏差"])


def test_an_unknown_clock_is_printed_as_unknown() -> None:
    """Of one month in a year as well; a month that observed nothing has no clock to ask for."""
    silent = _month(0, None)
    silent["totals"]["observed_ms"] = 0
    known = printed(clock_offsets_ms=(3, 40))
    with_silent = replace(known, statements=(*known.statements, silent))

    assert clock_printed(printed(clock_offsets_ms=(0,))) == "0 ms"
    assert clock_printed(known) == clock_printed(with_silent) == "40 ms"
    for offsets_ms in ((None,), (3, None), (None, 3)):
        assert clock_printed(printed(clock_offsets_ms=offsets_ms)) == "未知 unknown"
    assert clock_printed(replace(known, statements=(silent,))) == "未知 unknown"


def test_activity_without_a_holder_is_shown_beside_the_activity() -> None:
    """As it was measured, out of the active time it is part of; zero is said as well."""
    shown = []
    for unattributed_ms in (0, HOUR_MS // 4):
        section = evidence_section(printed(unattributed_ms))
        rows = {row["label"]["zh"]: row["value"] for row in section["rows"]}
        shown.append(rows["活跃"])

    assert shown == [
        "1.0000 / 已知 known 2.0000，无占用者 without a holder 0.0000",
        "1.0000 / 已知 known 2.0000，无占用者 without a holder 0.2500",
    ]
