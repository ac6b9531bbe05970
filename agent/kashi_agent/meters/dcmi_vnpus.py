"""Partitions of Ascend chips, as the driver tells them: all by its one call for everything else."""

import ctypes
from ctypes import byref, c_uint
from dataclasses import dataclass
from fractions import Fraction
from typing import Final, TypeVar

from kashi_agent.meters.dcmi_codes import absent_for
from kashi_agent.meters.dcmi_layouts import SocTotal, VdevInfo, VdevQuery
from kashi_agent.meters.dcmi_library import DcmiLibrary, Place
from kashi_agent.meters.values import NOT_SUPPORTED
from kashi_agent.sample import Absent

VDEV: Final = 52
RESOURCE: Final = 0
TOTAL: Final = 1
ACTIVITY: Final = 5

NUMBERS: Final = range(100, 1_124)
CORES_MAX: Final = 1_024

Filled = TypeVar("Filled", bound=ctypes.Structure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Vnpu:
    """A partition of a chip: its part of the cores; None where what the driver tells is none."""

    number: int
    share: Fraction | Absent | None
    memory_mb: int


class Vnpus:
    """The partitions of one session."""

    def __init__(self, library: DcmiLibrary) -> None:
        self._library = library

    def on(self, place: Place) -> list[Vnpu] | Absent:
        """The partitions of a chip; none, where chips like it cannot be split."""
        total = self._asked(place, TOTAL, SocTotal())
        if total == NOT_SUPPORTED:
            return []
        if isinstance(total, Absent):
            return total
        whole = float(total.computing.aic)
        numbers = total.ids[: min(int(total.count), len(total.ids))]
        return [self._vnpu(place, number, whole) for number in numbers]

    def container(self, place: Place, number: int) -> str | Absent:
        """The beginning of the id of the container that has a partition; "" where none is told."""
        info = self._info(place, number, RESOURCE)
        if isinstance(info, Absent):
            return info
        return f"{info.container:012x}" if info.in_container == 1 else ""

    def percent(self, place: Place, number: int) -> int | Absent:
        """The utilisation of a partition; told of 310P, to root."""
        info = self._info(place, number, ACTIVITY)
        return info if isinstance(info, Absent) else int(info.computing.utilisation)

    def _vnpu(self, place: Place, number: int, whole: float) -> Vnpu:
        info = self._info(place, number, RESOURCE)
        if isinstance(info, Absent):
            return Vnpu(number=number, share=info, memory_mb=0)
        cores = float(info.computing.aic)
        # A number that is none compares as false: such a share is untold too.
        told = number in NUMBERS and 0 < cores <= whole <= CORES_MAX
        return Vnpu(
            number=number,
            share=Fraction(cores) / Fraction(whole) if told else None,
            memory_mb=int(info.computing.memory_mb),
        )

    def _info(self, place: Place, number: int, what: int) -> VdevInfo | Absent:
        query = self._asked(place, what, VdevQuery(id=number))
        return query if isinstance(query, Absent) else query.info

    def _asked(self, place: Place, what: int, answer: Filled) -> Filled | Absent:
        size = c_uint(ctypes.sizeof(answer))
        code = self._library.call("info", *place, VDEV, what, byref(answer), byref(size))
        return absent_for(code) if code else answer
