"""A statement whose arithmetic holds, to be broken one equation at a time."""

from fractions import Fraction
from typing import Any

HOUR_MS = 3_600_000


def line(number: int, device: str, start: str, end: str, elapsed_ms: int) -> dict[str, Any]:
    """A leased line with a second of gap; 3/7 of a card at 12.34."""
    observed_ms = elapsed_ms - 1000
    amount = int(observed_ms * Fraction(3, 7) * Fraction("12.34") / HOUR_MS * 100)
    return {
        "line": number,
        "hardware_id": device,
        "host_id": "h",
        "start": start,
        "end": end,
        "basis": "leased_observed",
        "price_yuan_per_card_hour": "12.34",
        "share": "3/7",
        "evidence_level": "E2",
        "quantities": {
            "leased_ms": elapsed_ms,
            "observed_ms": observed_ms,
            "gap_ms": 1000,
            "held_known_ms": observed_ms,
            "held_ms": observed_ms - 1,
            "utilisation_known_ms": observed_ms,
            "active_ms": observed_ms // 2,
            "utilised_ns": observed_ms * 1000,
            "unattributed_ms": 3,
        },
        "billed_ms": observed_ms,
        "amount_fen": amount,
        "eligible": True,
    }


def sound() -> dict[str, Any]:
    """A statement whose arithmetic holds."""
    lines = [
        line(1, "a", "2026-10-01T00:00:00+08:00", "2026-10-01T10:20:00+08:00", 37_200_000),
        line(2, "b", "2026-10-01T00:00:00+08:00", "2026-10-02T00:00:00+08:00", 86_400_000),
    ]
    totals: dict[str, Any] = {
        name: sum(one["quantities"][name] for one in lines) for name in lines[0]["quantities"]
    }
    amount = sum(one["amount_fen"] for one in lines)
    observed = str(Fraction(3, 7) * totals["observed_ms"] / HOUR_MS)
    totals |= {
        "billed_ms": sum(one["billed_ms"] for one in lines),
        "amount_fen": amount,
        "eligible_fen": amount,
        "card_hours": observed,
        "billed_card_hours": observed,
        "leased_card_hours": str(Fraction(3, 7) * totals["leased_ms"] / HOUR_MS),
        "rounding": "truncate_to_fen",
    }
    names = ("leased_ms", "observed_ms", "gap_ms")
    days = [
        {"date": "2026-10-01", "amount_fen": amount - 7, **{n: totals[n] - 5 for n in names}},
        {"date": "2026-10-02", "amount_fen": 7, **dict.fromkeys(names, 5)},
    ]
    devices = [{"hardware_id": "a"}, {"hardware_id": "b"}]
    return {"devices": devices, "lines": lines, "totals": totals, "days": days}
