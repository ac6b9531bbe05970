"""A device as the running agent shows it."""

from collections.abc import Sequence

from kashi_agent.live import LiveDevice


def device(holders: Sequence[str] | None, absent: str = "") -> LiveDevice:
    """An idle card, held by these; None: unknown, for a reason."""
    return LiveDevice(
        hardware_id="GPU-1",
        parent_hardware_id="",
        model="Test card",
        share_numerator=1,
        share_denominator=1,
        absent="",
        utilisation_ppm=0,
        memory_used_bytes=0,
        memory_bytes=1,
        power_mw=0,
        holders=None if holders is None else list(holders),
        holders_absent=absent,
        observed_ms=0,
        gap_ms=0,
        held_ms=0,
        utilised_ns=0,
    )
