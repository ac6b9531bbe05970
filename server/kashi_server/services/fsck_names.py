"""Names that are erased without an act of two officers in the log: fsck names them.

Nothing that was signed tells whether names may be gone; only the log tells who let them go.
"""

import json
from collections import defaultdict
from collections.abc import Iterator, Sequence
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


class ErasingActs:
    """Up to which day two officers erased names of which host: the log is read once for all hosts.

    Of a host that no known act covers only what is new in the log is read besides: names may be
    erased while hosts are looked at, and the act stands in the log before that.
    """

    def __init__(self) -> None:
        """Nothing is read yet."""
        self._size = 0
        self._officers: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
        """By host and day: who erased."""

    def uncovered(
        self, log: ActsLog, host_id: str, erased: Sequence[tuple[int, Place]]
    ) -> str | None:
        """A host's reports whose names are gone and no act covers; None: all are covered.

        Args:
            log: has the acts, those of every erasing that `erased` shows included.
            host_id: whose reports.
            erased: when the reports without names ended, and their places.
        """
        places = self._beyond(host_id, erased)
        if places:
            self._read(log)
            places = self._beyond(host_id, erased)
        if not places:
            return None
        return (
            f"有 {len(places)} 份报告的姓名已抹除，而日志中没有两名经办人的决定与之相应，"
            f"第一份为第 {places[0][0]} 纪元第 {places[0][1]} 号。"
            f"names are erased in {len(places)} reports that no act of two officers in the log"
            f" covers, the first of them epoch {places[0][0]} sequence {places[0][1]}"
        )

    def _beyond(self, host_id: str, erased: Sequence[tuple[int, Place]]) -> list[Place]:
        days = self._officers.get(host_id, {})
        covered_utc_ms = max(
            (
                end_utc_ms(date.fromisoformat(day))
                for day, actors in days.items()
                if len(actors) >= OFFICERS
            ),
            default=0,
        )
        return [place for ended_utc_ms, place in erased if ended_utc_ms > covered_utc_ms]

    def _read(self, log: ActsLog) -> None:
        for one in self._news(log):
            if one.kind != LOG_KIND:
                continue
            host_id, slash, day = one.reference.rpartition("/")
            said = json.loads(one.entry) if slash else {}
            if said.get("act") == ERASED_ACT:
                self._officers[host_id][day].add(said["actor"])

    def _news(self, log: ActsLog) -> Iterator[Entry | PendingEntry]:
        # The sequencer moves entries in the meantime: waiting ones first, then none is missed.
        yield from log.pending_entries(2**31 - 1)
        size = log.head().size
        for start in range(self._size, size, ENTRIES_AT_ONCE):
            yield from log.entries(start, min(size, start + ENTRIES_AT_ONCE))
        self._size = size
