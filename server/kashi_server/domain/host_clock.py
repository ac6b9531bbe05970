"""What is known of the clock behind a host's labels, from its signed reports. Pure.

A host states how far its wall clock stood from its time axis. Nobody vouches for that clock unless
the kernel called it synchronised, so the distance of any other report from true time is unknown,
whatever offset stands beside it: unknown is not zero.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from kashi_server.domain.form import COUNT_MAX
from kashi_server.domain.host_event import HostEventKind
from kashi_server.domain.report import ReportFacts

SYNCHRONISED: Final = 2
"""The contract's `ClockSync` of a clock that a time source disciplines; any other is unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HostClock:
    """The clock behind some counted reports: time, not reports, so that the same readings say the
    same however they are cut into reports.

    Attributes:
        labelled_ms: how long they are together.
        unvouched_ms: for how much of it nobody's time source vouches.
        known_ms_max: largest distance of wall clock and axis where one does; 0 without any.
    """

    labelled_ms: int = 0
    unvouched_ms: int = 0
    known_ms_max: int = 0

    @classmethod
    def of(cls, report: ReportFacts, within_ms: tuple[int, int] | None = None) -> "HostClock":
        """Of one report, as far as its labels lie within [start, end) UTC milliseconds."""
        start, end = within_ms or (report.start_utc_ms, report.end_utc_ms)
        labelled_ms = max(0, min(report.end_utc_ms, end) - max(report.start_utc_ms, start))
        synchronised = report.clock_sync == SYNCHRONISED
        return cls(
            labelled_ms=labelled_ms,
            unvouched_ms=0 if synchronised else labelled_ms,
            known_ms_max=abs(axis_offset_ms(report)) if synchronised else 0,
        )

    @classmethod
    def together(cls, clocks: Iterable["HostClock"]) -> "HostClock":
        """Of several, in any order."""
        found = list(clocks)
        return cls(
            labelled_ms=sum(one.labelled_ms for one in found),
            unvouched_ms=sum(one.unvouched_ms for one in found),
            known_ms_max=max((one.known_ms_max for one in found), default=0),
        )

    @property
    def offset_ms_max(self) -> int | None:
        """Largest distance of wall clock and axis; None: not known of all the time, or of none."""
        known = self.labelled_ms > 0 and self.unvouched_ms == 0
        return self.known_ms_max if known else None


def axis_offset_ms(report: ReportFacts) -> int:
    """How far the wall clock stood from the axis that the report's labels are on: as stated, or as
    far as the axis gave way at its end, whichever is more.

    The report that ends where a new segment begins states its distance to the new axis, and by the
    event that begins it how far the old one, on which its labels stand, was off.
    """
    moved = (value for _at, kind, _detail, value in report.events if kind == _REANCHORED)
    farthest = max((report.clock_offset_ms, *moved), key=abs)
    return max(-COUNT_MAX, min(farthest, COUNT_MAX))


_REANCHORED: Final = int(HostEventKind.REANCHORED)
