"""What a driver's values may be, and what an observation without any value is."""

from typing import Final

from kashi_agent.sample import Absent, AbsentReason, Observation

PERCENT_MAX: Final = 100
PPM_PER_PERCENT: Final = 10_000
POWER_MW_MAX: Final = 10_000_000
"""Ten kilowatts: more than any board draws, less than any sentinel."""

COUNTER_MAX: Final = 1 << 62
"""Sentinels stand at the top of 63 and 64 bits."""

NOT_ASKED: Final = Absent(AbsentReason.NOT_RECORDED)
NOT_SUPPORTED: Final = Absent(AbsentReason.NOT_SUPPORTED)
NOT_READY: Final = Absent(AbsentReason.NOT_READY)
LOST: Final = Absent(AbsentReason.DEVICE_LOST)
OUT_OF_RANGE: Final = Absent(AbsentReason.OUT_OF_RANGE)
GONE: Final = Absent(AbsentReason.NOT_FOUND)
ASLEEP: Final = Observation(
    utilisation_ppm=0,
    energy_counter_mj=NOT_ASKED,
    power_mw=NOT_ASKED,
    memory_used_bytes=NOT_ASKED,
    holders=NOT_ASKED,
)
"""A device without power runs nothing; what else there is to know, only its driver knows."""


def times(value: int | Absent, factor: int) -> int | Absent:
    """A value in another unit; what is absent stays so."""
    return value if isinstance(value, Absent) else value * factor


def whole_absence(observation: Observation) -> Absent | None:
    """Why a device that answered nothing answered nothing; None when it answered anything."""
    values = (
        observation.utilisation_ppm,
        observation.energy_counter_mj,
        observation.power_mw,
        observation.memory_used_bytes,
        observation.holders,
    )
    absences = [value for value in values if isinstance(value, Absent)]
    if len(absences) < len(values):
        return None
    telling = [absent for absent in absences if absent not in (NOT_ASKED, NOT_SUPPORTED)]
    return (telling or absences)[0]
