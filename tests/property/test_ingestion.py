"""Ingestion against a naive oracle: whatever is sent, in whatever order and grouping.

The oracle knows the sequence rules in their plainest form and adds up minutes in a dictionary; it
shares no code with the server. After every history the projection equals its sums, fsck and the
audit of the log find nothing, and rebuilding from the stored bytes gives the same again.
"""

import copy
import hashlib
import tempfile
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from fixtures_identity import START_UTC_MS as CLOCK_UTC_MS
from fixtures_ingest import MinuteSums, ReportingHost, enrol, stored_sums, sums_of
from hypothesis import HealthCheck, event, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from kashi.limits import EPOCHS_PER_DAY_MAX
from kashi.v1 import report_pb2
from kashi_server.domain.sequence import Verdict
from kashi_server.domain.usage import Quantities
from kashi_server.log.audit import check_log
from kashi_server.log.sequencer import sequence
from kashi_server.services.fsck import check_facts
from kashi_server.services.hosts import HostStanding
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.rebuilding import rebuilt_hours
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from released_hosts import release

SERVER_KEY = ec.generate_private_key(ec.SECP256R1())
HOSTS = 3


@dataclass(frozen=True, slots=True)
class Keys:
    """The key the sequencer signs with."""

    checkpoint_key: ec.EllipticCurvePrivateKey = SERVER_KEY


def clock() -> int:
    """The server's clock stands still."""
    return CLOCK_UTC_MS


def fresh(directory: str) -> Work:
    """A fresh database in a folder."""
    engine = open_engine(f"sqlite:///{directory}/kashi.sqlite")
    migrate(engine)
    return Work(engine)


def new_host(number: int) -> ReportingHost:
    """A host with one or two devices."""
    devices = [f"GPU-{number}-{slot}" for slot in range(1 + number % 2)]
    return ReportingHost(f"{number:08d}-0000-4000-8000-000000000000", devices)


def header_of(wire: bytes) -> report_pb2.ReportHeader:
    """What a report's header says."""
    return report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)


def previous_of(wire: bytes) -> bytes:
    """The hash a report names as the one before it."""
    return header_of(wire).previous_sha256


def sha256_of(wire: bytes) -> bytes:
    """The hash that names a report, by the contract's words: over the prefix and the header."""
    header = report_pb2.Report.FromString(wire).header
    return hashlib.sha256(b"kashi/v1/report\n" + header).digest()


@dataclass(slots=True)
class Oracle:
    """What must become of one host's reports, in the plainest terms."""

    stored: dict[tuple[int, int], bytes] = field(default_factory=dict)
    counted: list[bytes] = field(default_factory=list)
    waiting: list[bytes] = field(default_factory=list)
    head: tuple[int, int] = (0, 0)
    held: bool = False
    receipts: dict[bytes, bytes] = field(default_factory=dict)

    def expect(self, place: tuple[int, int], wire: bytes) -> Verdict:
        """The verdict on a sound report at a place of the chain; remembers what it does."""
        if place in self.stored:
            same = self.stored[place] == wire
            self.held = self.held or not same
            return Verdict.DUPLICATE if same else Verdict.FORK
        epoch, number = self.head
        if place not in ((epoch, number + 1), (epoch + 1, 1)):
            return Verdict.GAP if place > self.head else Verdict.REJECTED
        if place[1] > 1 and previous_of(wire) != sha256_of(self.stored[self.head]):
            return Verdict.REJECTED
        many = place[0] > 1 and place[1] == 1 and self.head[0] > EPOCHS_PER_DAY_MAX
        self.stored[place], self.head = wire, place
        if self.held:
            self.waiting.append(wire)
            return Verdict.QUARANTINED
        if many or self._overlaps(wire):
            return Verdict.QUARANTINED
        self.counted.append(wire)
        return Verdict.ACCEPTED

    def release(self) -> None:
        """Two officers release the host: what waited counts, unless it would count twice."""
        self.held = False
        for wire in self.waiting:
            if not self._overlaps(wire):
                self.counted.append(wire)
        self.waiting = []

    def _overlaps(self, wire: bytes) -> bool:
        minutes = set(sums_of([wire]))
        return bool(minutes & set(sums_of(self.counted)))


class IngestionMachine(RuleBasedStateMachine):
    """Hosts seal, send, repeat, reorder, forge, fork and begin anew; the server restarts."""

    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        self.work = fresh(self.directory.name)
        self.hosts = [new_host(number) for number in range(HOSTS)]
        self.oracles = [Oracle() for _ in self.hosts]
        self.sealed: list[list[tuple[tuple[int, int], bytes]]] = [[] for _ in self.hosts]
        self.restart()

    @initialize()
    def enrolled(self) -> None:
        """All hosts are known."""
        for host in self.hosts:
            enrol(self.work, host)

    @rule()
    def restart(self) -> None:
        """The server's memory is lost."""
        self.ingestion = Ingestion(self.work, SERVER_KEY, clock, demo=False)

    @rule(
        number=st.integers(0, HOSTS - 1),
        minutes=st.integers(1, 90),
        gap=st.none() | st.tuples(st.integers(0, 50_000), st.integers(1, 70_000)),
    )
    def seal(self, number: int, minutes: int, gap: tuple[int, int] | None) -> None:
        """A host seals its next report."""
        host = self.hosts[number]
        gaps = [] if gap is None or sum(gap) > minutes * 60_000 else [gap]
        wire = host.report(minutes, gaps=gaps)
        self.sealed[number].append(((host.epoch, host.sequence), wire))

    @rule(numbers=st.sets(st.integers(0, HOSTS - 1), min_size=1), minutes=st.integers(1, 90))
    def live(self, numbers: set[int], minutes: int) -> None:
        """Hosts report as time goes by: each sends all that the server lacks, in one group."""
        for number in sorted(numbers):
            self.seal(number, minutes, None)
        self._send([(number, self._later(number)) for number in sorted(numbers)])

    @rule(number=st.integers(0, HOSTS - 1))
    def open_epoch(self, number: int) -> None:
        """A host that distrusts its spool begins the next epoch after what the server holds."""
        oracle, host = self.oracles[number], self.hosts[number]
        wire = host.open_epoch(max(oracle.head[0] + 1, 2))
        self.sealed[number].append(((host.epoch, host.sequence), wire))

    @rule(number=st.integers(0, HOSTS - 1))
    def roll_back(self, number: int) -> None:
        """A host set back by an hour begins a new epoch and tells of that hour again."""
        oracle, host = self.oracles[number], self.hosts[number]
        host.boot_ms -= min(3_600_000, host.boot_ms - host.segment_start_ms)
        wire = host.open_epoch(max(oracle.head[0] + 1, 2))
        self.sealed[number].append(((host.epoch, host.sequence), wire))

    @rule(
        picks=st.lists(
            st.tuples(st.integers(0, HOSTS - 1), st.lists(st.integers(0, 10_000), max_size=6)),
            min_size=1,
            max_size=4,
        )
    )
    def send_any(self, picks: list[tuple[int, list[int]]]) -> None:
        """A group of calls with any sealed reports, in any order, repeated or not."""
        group = [
            (number, [self.sealed[number][pick % len(self.sealed[number])] for pick in chosen])
            for number, chosen in picks
            if self.sealed[number]
        ]
        self._send(group)

    @rule(number=st.integers(0, HOSTS - 1), count=st.integers(1, 10))
    def send_next(self, number: int, count: int) -> None:
        """A host sends what follows the server's head, as an agent does."""
        self._send([(number, self._later(number)[:count])])

    @rule(number=st.integers(0, HOSTS - 1))
    def fork(self, number: int) -> None:
        """A clone of the host sends other bytes for a sequence that is taken."""
        oracle = self.oracles[number]
        if not oracle.stored:
            return
        place = min(oracle.stored)
        clone = copy.copy(self.hosts[number])
        clone.counters = copy.deepcopy(clone.counters)
        clone.epoch, clone.sequence = place[0], place[1] - 1
        wire = clone.open_epoch(place[0]) if place[0] > 1 else clone.report(1)
        if wire != oracle.stored[place]:
            self._send([(number, [(place, wire)])])

    @rule(number=st.integers(0, HOSTS - 1))
    def forge(self, number: int) -> None:
        """Somebody without the host's key signs a next report: rejected, and nothing changes."""
        host = copy.copy(self.hosts[number])
        host.counters = copy.deepcopy(host.counters)
        host.key = SERVER_KEY
        before = stored_sums(self.work)

        (answer,) = self.ingestion.ingest([Submission(self._standing(number), [host.report(1)])])

        assert isinstance(answer, Answer)
        assert answer.results[0].judgement.verdict is Verdict.REJECTED
        assert stored_sums(self.work) == before

    @rule(number=st.integers(0, HOSTS - 1))
    def release(self, number: int) -> None:
        """Two officers release a held host and what it sent meanwhile counts."""
        oracle, host_id = self.oracles[number], self.hosts[number].host_id
        if not oracle.held:
            return
        release(self.work, clock, host_id)
        oracle.release()

    @rule()
    def give_indices(self) -> None:
        """The sequencer runs; rebuilding the log's prefix gives what counts now."""
        checkpoint = sequence(self.work, Keys(), clock)
        sums: MinuteSums = {}
        with self.work.begin(writes=False) as unit:
            for hour in rebuilt_hours(unit.facts, unit.log, checkpoint.size):
                for minute in range(hour.hour * 60, hour.hour * 60 + 60):
                    if hour.minute(minute) != Quantities():
                        sums[hour.host_id, hour.hardware_id, minute] = hour.minute(minute)
        assert sums == self._expected()

    @invariant()
    def projection_is_what_counts(self) -> None:
        """Every minute equals the oracle's sum."""
        assert stored_sums(self.work) == self._expected()

    def teardown(self) -> None:
        """Nothing stored differs from what was signed."""
        sequence(self.work, Keys(), clock)
        facts = check_facts(self.work, SERVER_KEY.public_key())
        log = check_log(self.work, SERVER_KEY.public_key())
        self.work.engine.dispose()
        self.directory.cleanup()
        assert facts.differences == []
        assert log.differences == []
        assert log.size >= sum(len(oracle.stored) for oracle in self.oracles)

    def _later(self, number: int) -> list[tuple[tuple[int, int], bytes]]:
        return [one for one in self.sealed[number] if one[0] > self.oracles[number].head]

    def _send(self, group: list[tuple[int, list[tuple[tuple[int, int], bytes]]]]) -> None:
        group = [(number, reports) for number, reports in group if reports]
        if not group:
            return
        submissions = [
            Submission(self._standing(number), [wire for _place, wire in reports])
            for number, reports in group
        ]
        answers = self.ingestion.ingest(submissions)
        for (number, reports), answer in zip(group, answers, strict=True):
            assert isinstance(answer, Answer)
            assert len(answer.results) == len(reports)
            for (place, wire), result in zip(reports, answer.results, strict=True):
                self._compare(number, place, wire, result.judgement.verdict, result.receipt)
            head = self.oracles[number].head
            assert (answer.head.epoch, answer.head.sequence) == head
        for number, answer in {
            number: answer for (number, _), answer in zip(group, answers, strict=True)
        }.items():
            assert isinstance(answer, Answer)
            assert (answer.head.epoch, answer.head.sequence) == self.oracles[number].head

    def _compare(
        self, number: int, place: tuple[int, int], wire: bytes, verdict: Verdict, receipt: bytes
    ) -> None:
        oracle = self.oracles[number]
        expected = oracle.expect(place, wire)
        event(verdict.name)
        assert verdict is expected, (place, oracle.head)
        if verdict in (Verdict.ACCEPTED, Verdict.QUARANTINED):
            oracle.receipts[wire] = receipt
        elif verdict is Verdict.DUPLICATE:
            assert receipt == oracle.receipts[wire]
        else:
            assert receipt == b""

    def _standing(self, number: int) -> HostStanding:
        with self.work.begin(writes=False) as unit:
            standing = unit.identity.standing(self.hosts[number].host_id)
        assert standing is not None
        return standing

    def _expected(self) -> MinuteSums:
        return sums_of([wire for oracle in self.oracles for wire in oracle.counted])


TestIngestion = IngestionMachine.TestCase
TestIngestion.settings = settings(
    max_examples=20,
    stateful_step_count=30,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
