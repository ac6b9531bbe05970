"""Which acts in the log cover erased names, and how often the log is read for that."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.services.acts import LOG_KIND
from kashi_server.services.fsck_names import ErasingActs
from kashi_server.services.log_port import Entry, LogHead, PendingEntry
from kashi_server.services.name_erasing import ERASED_ACT, end_utc_ms

DAY = date(2026, 10, 31)
BY_DAY = [(end_utc_ms(DAY), (1, 1))]
AFTER = [(end_utc_ms(DAY) + 1, (1, 2))]


@dataclass(slots=True)
class CountedLog:
    """A log in memory that counts what is read of it."""

    stored: list[Entry] = field(default_factory=list)
    waiting: list[PendingEntry] = field(default_factory=list)
    read_count: int = 0

    def head(self) -> LogHead:
        """The head as it stands."""
        return LogHead(size=len(self.stored), peaks=())

    def entries(self, start: int, end: int) -> Sequence[Entry]:
        """Entries with an index in [start, end)."""
        self.read_count += end - start
        return self.stored[start:end]

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Entries without an index."""
        return self.waiting[:count_max]

    def act(self, host_id: str, actor: str, act: str = ERASED_ACT) -> None:
        """An officer's act of a host up to the day."""
        said = canonical_bytes({"act": act, "actor": actor})
        self.stored.append(Entry(len(self.stored), LOG_KIND, f"{host_id}/{DAY}", said))

    def sequenced(self) -> None:
        """What waits gets its index."""
        for one in self.waiting:
            self.stored.append(Entry(len(self.stored), one.kind, one.reference, one.entry))
        self.waiting.clear()


def erased_by(log: CountedLog, *host_ids: str) -> None:
    """Two officers erase names of hosts."""
    for host_id in host_ids:
        log.act(host_id, "first")
        log.act(host_id, "second")


def test_the_log_is_read_once_for_however_many_hosts() -> None:
    """Two hundred hosts with erased names, half of them covered by no act: each entry is read once,
    and what is found is what each host's own reading would find."""
    log, acts = CountedLog(), ErasingActs()
    covered = [f"host-{place}" for place in range(100)]
    erased_by(log, *covered)
    size = len(log.stored)

    found = {
        host_id: acts.uncovered(log, host_id, BY_DAY)
        for host_id in (*covered, *(f"other-{place}" for place in range(100)))
    }

    assert log.read_count == size == 200
    assert {host_id for host_id, said in found.items() if said is None} == set(covered)
    assert "in 1 reports that no act of two officers" in str(found["other-7"])
    assert str(found["other-7"]).endswith("the first of them epoch 1 sequence 1")


def test_an_act_that_comes_while_hosts_are_looked_at_is_found() -> None:
    """Names are erased meanwhile: only what is new of the log is read for it, waiting or indexed,
    and one officer who stands in both is still one."""
    log, acts = CountedLog(), ErasingActs()
    erased_by(log, "host-1")
    assert acts.uncovered(log, "host-2", BY_DAY) is not None
    for actor in ("first", "second"):
        said = canonical_bytes({"act": ERASED_ACT, "actor": actor})
        log.waiting.append(PendingEntry(1, LOG_KIND, f"host-2/{DAY}", said))
    log.waiting.append(
        PendingEntry(
            2, LOG_KIND, f"host-3/{DAY}", canonical_bytes({"act": ERASED_ACT, "actor": "x"})
        )
    )

    assert acts.uncovered(log, "host-2", BY_DAY) is None
    assert acts.uncovered(log, "host-3", BY_DAY) is not None
    log.sequenced()
    assert acts.uncovered(log, "host-3", BY_DAY) is not None
    assert log.read_count == 5


def test_what_ended_after_the_day_is_covered_by_no_act_up_to_it() -> None:
    """Nor by an act of another kind; a host without erased names asks nothing of the log."""
    log, acts = CountedLog(), ErasingActs()
    assert acts.uncovered(log, "host-1", []) is None
    assert log.read_count == 0
    erased_by(log, "host-1")
    for actor in ("first", "second"):
        log.act("host-2", actor, "names-looked-at")

    assert acts.uncovered(log, "host-1", BY_DAY) is None
    assert "sequence 2" in str(acts.uncovered(log, "host-1", BY_DAY + AFTER))
    assert acts.uncovered(log, "host-2", BY_DAY) is not None
