"""Names that are erased without an act of two officers in the log: fsck names them.

Nothing that was signed tells whether names may be gone; only the log tells who let them go.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from typing import Final, Protocol

from kashi_server.services.acts import LOG_KIND
from kashi_server.services.facts_port import Place
from kashi_server.services.log_port import Entry, LogHead, PendingEntry
from kashi_server.services.name_erasing import ERASED_ACT, end_utc_ms

ENTRIES_AT_ONCE: Final = 4096
OFFICERS: Final = 2


class ActsLog(Protocol):
    """What is asked of the log."""

    def head(self) -> LogHead:
        """The head as it stands."""

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end), in order."""

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Committed entries without an index, oldest first."""


def erased_without_act(
    log: ActsLog, host_id: str, erased: Sequence[tuple[int, Place]]
) -> str | None:
    """The first of a host's reports whose names are gone and no act covers; None: all are covered.

    Args:
        log: has the acts.
        host_id: whose reports.
        erased: when the reports without names ended, and their places.
    """
    if not erased:
        return None
    covered_utc_ms = max((end_utc_ms(day) for day in _days(log, host_id)), default=0)
    places = [place for ended_utc_ms, place in erased if ended_utc_ms > covered_utc_ms]
    if not places:
        return None
    return (
        f"names are erased in {len(places)} reports that no act of two officers in the log covers,"
        f" the first of them epoch {places[0][0]} sequence {places[0][1]}"
    )


def _days(log: ActsLog, host_id: str) -> Iterator[date]:
    """Days up to which two officers erased names of the host."""
    officers: dict[str, set[str]] = defaultdict(set)
    for one in _acts(log):
        if one.kind == LOG_KIND and one.reference.startswith(f"{host_id}/"):
            said = json.loads(one.entry)
            if said["act"] == ERASED_ACT:
                officers[one.reference].add(said["actor"])
    for reference, actors in officers.items():
        if len(actors) >= OFFICERS:
            yield date.fromisoformat(reference.removeprefix(f"{host_id}/"))


def _acts(log: ActsLog) -> Iterable[Entry | PendingEntry]:
    # The sequencer moves entries in the meantime: waiting ones first, then none is missed.
    yield from log.pending_entries(2**31 - 1)
    size = log.head().size
    for start in range(0, size, ENTRIES_AT_ONCE):
        yield from log.entries(start, min(size, start + ENTRIES_AT_ONCE))
