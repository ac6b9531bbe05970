"""What a certificate says of how well a period was observed."""

from kashi_server.documents.printed import Printed
from kashi_server.documents.proof import evidence_section

HOUR_MS = 3_600_000


def printed(unattributed_ms: int) -> Printed:
    """One month in which a device was active for an hour of two."""
    statement = {
        "quality": {"max_clock_offset_ms": None},
        "totals": {
            "held_ms": HOUR_MS,
            "held_known_ms": 2 * HOUR_MS,
            "active_ms": HOUR_MS,
            "utilised_ns": 0,
            "utilisation_known_ms": 2 * HOUR_MS,
            "unattributed_ms": unattributed_ms,
        },
        "flags": [],
    }
    summary = {
        "totals": {"coverage": "1"},
        "gaps": {"treatment": "not_filled", "reasons": []},
        "evidence_levels": [],
        "reading": None,
    }
    return Printed(statements=(statement,), evidence=(), summary=summary, names=())


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
