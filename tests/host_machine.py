"""A host that is killed, loses power, runs out of disk, loses calls and is served by a server that
goes back to its backup: whatever happens, in any order, its books agree with a naive model.

The model knows nothing of frames, journals or epochs: it is the list of instants at which the meter
read, and the instants at which something was torn down.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise

from driven_host import CALLS_MAX, UTILISATION_PPM, Driven, driven
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule
from kashi_agent.errors import AgentError
from kashi_agent.reading import GapReason

GAP_LIMIT_MS = 5_000
FLUSH_MS = 10_000
SAMPLE_MS = 2_000
WRITING = ("append", "sync", "overwrite", "sync_folder", "remove", "rename")
FAULTS = st.lists(st.sampled_from(["", "lose_request", "lose_answer"]), max_size=4)


SEGMENT_BYTES = (1 << 10, 1 << 12, 1 << 16)
"""Small segments are closed and removed often: what a report let go of is then gone for good."""


class PowerLost(BaseException):
    """The machine stops here. No code of the agent may catch it."""


class HostMachine(RuleBasedStateMachine):
    """One boot of one host, its disk and its server."""

    host: Driven

    @initialize(seed=st.integers(0, 1 << 16), segment_bytes=st.sampled_from(SEGMENT_BYTES))
    def begin(self, seed: int, segment_bytes: int) -> None:
        """A host on a whole hour."""
        self.host = driven(seed, segment_bytes)
        self.samples: list[int] = []
        self.torn_down: list[tuple[int, int]] = []
        self.refused_since: int | None = None
        self.measure(4)

    @rule(count=st.integers(1, 200))
    def measure(self, count: int) -> None:
        """The meter reads every two seconds; the agent writes when it is due."""
        for _ in range(count):
            self.host.clock.advance(SAMPLE_MS)
            self.host.sample()
            self.samples.append(self.host.clock.boottime)
            due = self.host.agent.recorder.due(self.host.clock.boottime)
            if due and self.host.agent.record():
                self.refused_since = None

    @rule(away_ms=st.integers(0, 90_000))
    def kill(self, away_ms: int) -> None:
        """kill -9, and a restart some time later."""
        self.host.kill()
        self._restart(away_ms)

    @rule(away_ms=st.integers(0, 90_000))
    def lose_power(self, away_ms: int) -> None:
        """The disk keeps a random legal part of what was not synchronised. The boot goes on here:
        a reboot would hide on another axis what the same axis must account for."""
        self.host.disk.power_cut()
        self._restart(away_ms)

    @rule(
        operations=st.integers(0, 40),
        count=st.integers(1, 60),
        away_ms=st.integers(0, 90_000),
    )
    def lose_power_within(self, operations: int, count: int, away_ms: int) -> None:
        """The power goes before some disk operation of measuring, sealing, sending and freeing:
        between any two writes there is an instant at which a machine may stop."""
        with self._power_for(operations):
            self.measure(count)
            self.ship([])
        self.lose_power(away_ms)

    @rule(
        operations=st.lists(st.integers(0, 30), min_size=1, max_size=3),
        away_ms=st.integers(0, 90_000),
    )
    def lose_power_at_every_start(self, operations: list[int], away_ms: int) -> None:
        """The power goes, and goes again while the spool is opened, mended and first written."""
        down_ms = self.host.clock.boottime
        for count in operations:
            self.host.disk.power_cut()
            with self._power_for(count):
                self.host.start()
                self.host.agent.record()
        self.host.disk.power_cut()
        self._restart(away_ms, down_ms)

    @rule(faults=FAULTS)
    def ship(self, faults: list[str]) -> None:
        """Some calls are lost on the way there or back."""
        self.host.server.faults = list(faults)
        for _ in range(len(faults) + 1):
            try:
                assert self.host.agent.ship(self.host.server, calls_max=CALLS_MAX) < CALLS_MAX
            except AgentError:
                continue
        self.host.server.faults = []

    @rule(data=st.data())
    def restore_server(self, data: st.DataObject) -> None:
        """The server goes back to a backup: the host still has what is missing."""
        stored = self.host.server.stored
        kept = {entry.position for entry in self.host.agent.spool.sealed.entries()}
        lost = [
            n for n, one in enumerate(stored) if (one.head.epoch, one.head.sequence) not in kept
        ]
        oldest = lost[-1] + 1 if lost else 0  # a disk that was full let go of what the server had
        count = data.draw(st.integers(oldest, len(stored)), label="reports in the backup")
        self.host.server.restore(count)

    @rule(operation=st.sampled_from(["sync", "append"]), count=st.integers(1, 3))
    def disk_fails(self, operation: str, count: int) -> None:
        """The next writes or synchronisations fail with EIO; measuring goes on."""
        with self._refusing(operation, skipped=0, count=count):
            self.measure(8)
        self.measure(8)

    @rule(operation=st.sampled_from(WRITING), skipped=st.integers(0, 8), count=st.integers(1, 4))
    def disk_fails_while_shipping(self, operation: str, skipped: int, count: int) -> None:
        """Some operations of sealing, of keeping receipts and of freeing fail with EIO. No call of
        the agent ends otherwise than the daemon expects, and none uses a number twice."""
        self.measure(160)
        with self._refusing(operation, skipped=skipped, count=count):
            for _ in range(4):
                self._ship_as_the_daemon_does()
                self.measure(4)
        self.ship([])

    @rule(
        operation=st.sampled_from(["sync", "append"]),
        count=st.integers(1, 60),
        away_ms=st.integers(0, 90_000),
    )
    def lose_power_while_the_disk_refuses(self, operation: str, count: int, away_ms: int) -> None:
        """What no disk took is in memory alone and goes with the power; nothing older goes."""
        with self._refusing(operation, skipped=0, count=1_000):
            self.measure(count)
        self.lose_power(away_ms)

    @rule(room=st.integers(0, 3_000), away_ms=st.integers(0, 90_000))
    def start_on_a_full_disk(self, room: int, away_ms: int) -> None:
        """A full disk keeps no agent from starting, and what it then measures is not lost."""
        self._meet_server()
        self.host.disk.bytes_max = self.host.disk.used + room
        self.host.kill()
        self._restart(away_ms)
        self.measure(30)
        self.host.disk.bytes_max = None
        self.measure(8)

    @rule(room=st.integers(0, 3_000))
    def disk_fills(self, room: int) -> None:
        """The disk takes no more for a while, then it does again."""
        self._meet_server()
        self.host.disk.bytes_max = self.host.disk.used + room
        self.measure(60)
        assert self.host.agent.spool.disk_full or self.host.disk.used <= self.host.disk.bytes_max
        self.host.disk.bytes_max = None
        self.measure(8)

    @invariant()
    def server_books_are_true(self) -> None:
        """At every instant: what the server holds tiles time once and claims nothing unobserved."""
        if hasattr(self, "samples"):
            self._check()

    def teardown(self) -> None:
        """In the end everything arrives, and only what was torn down is missing."""
        if not hasattr(self, "samples"):
            return
        self.measure(160)
        self.host.ship()
        self._check()
        self._check_complete()
        self.host.agent.close()

    @contextmanager
    def _power_for(self, operations: int) -> Iterator[None]:
        """So many disk operations are done, and none after them."""
        left = operations

        def stop(_operation: str, _name: str) -> None:
            nonlocal left
            left -= 1
            if left < 0:
                raise PowerLost

        self.host.disk.fail = stop
        try:
            with suppress(PowerLost):
                yield
        finally:
            self.host.disk.fail = lambda _operation, _name: None

    @contextmanager
    def _refusing(self, operation: str, *, skipped: int, count: int) -> Iterator[None]:
        """Some of the disk's operations of a kind are done, then as many fail with EIO."""
        left = skipped + count

        def fail(called: str, _name: str) -> OSError | None:
            nonlocal left
            if called != operation or left == 0:
                return None
            left -= 1
            if left >= count:
                return None
            if self.refused_since is None:
                self.refused_since = self.host.clock.boottime
            return OSError(5, "simulated input/output error")

        self.host.disk.fail = fail
        yield
        self.host.disk.fail = lambda _operation, _name: None

    def _meet_server(self) -> None:
        """A server set back gets what it lacks again: a disk that then fills lets go of what the
        server said that it had, and both at once are more than anybody promises."""
        self.host.agent.shipper.failed(AgentError("it was down"))
        self.ship([])

    def _ship_as_the_daemon_does(self) -> None:
        """Whatever the disk does, only errors that the daemon waits out."""
        try:
            assert self.host.agent.ship(self.host.server, calls_max=CALLS_MAX) < CALLS_MAX
        except (AgentError, OSError) as error:
            self.host.agent.shipper.failed(error)

    def _restart(self, away_ms: int, since_ms: int | None = None) -> None:
        """Whatever the disk has refused and not taken since goes down with the machine."""
        down_ms = self.host.clock.boottime if since_ms is None else since_ms
        if self.refused_since is not None:
            down_ms, self.refused_since = min(down_ms, self.refused_since), None
        self.host.clock.advance(away_ms)
        self.host.start()
        self.torn_down.append((down_ms, self.host.clock.boottime))
        self.measure(2)

    def _check(self) -> None:
        assert not self.host.server._forks, "a number was used twice"
        sealed = self.host.agent.spool.sealed
        receipted = {position for position, _ in sealed.receipts()}
        kept = {entry.position for entry in sealed.entries()}
        assert sealed.acknowledged not in kept - receipted, "the cursor ran ahead of its receipts"
        truth = _observed(self.samples)
        for account in self.host.server.accounts().values():
            assert [spans[1:] for spans in account.spans] == _tiled(account.spans)
            elapsed = sum(end - start for _, start, end in account.spans)
            assert account.observed_ms + account.gap_ms == elapsed
            assert account.utilised_ns == account.observed_ms * UTILISATION_PPM
            claimed = _without(account.spans, account.gaps)
            assert all(_within(span, truth) for span in claimed)

    def _check_complete(self) -> None:
        """Every gap is one that was torn down, and no longer than 10 s and the restart."""
        lost_ms = sum(up - down + FLUSH_MS + SAMPLE_MS for down, up in self.torn_down)
        for account in self.host.server.accounts().values():
            first = account.spans[0][1]  # a device is known once a reading of it was durable
            assert first == self.samples[0] or self._explained(self.samples[0], first)
            assert account.gap_ms <= lost_ms
            reasons = {reason for _, _, _, reason in account.gaps}
            assert reasons <= {GapReason.AGENT_DOWN, GapReason.SPOOL_LOST}
            for _, start, span_ms, _ in account.gaps:
                assert self._explained(start, start + span_ms), (start, span_ms, self.torn_down)

    def _explained(self, start: int, end: int) -> bool:
        """Whether restarts that follow each other closely cover a gap but for 10 s before each."""
        reached = start
        for down, up in self.torn_down:
            if down - FLUSH_MS - SAMPLE_MS <= reached:
                reached = max(reached, up + SAMPLE_MS)
        return reached >= end


def _observed(samples: list[int]) -> list[tuple[int, int]]:
    return [(a, b) for a, b in pairwise(samples) if b - a <= GAP_LIMIT_MS]


def _tiled(spans: list[tuple[bytes, int, int]]) -> list[tuple[int, int]]:
    """The same spans, each begun where the one before ended."""
    edges = [spans[0][1], *(end for _, _, end in spans)]
    return list(pairwise(edges))


def _without(
    spans: list[tuple[bytes, int, int]], gaps: list[tuple[bytes, int, int, int]]
) -> list[tuple[int, int]]:
    """What is left of the spans when the gaps are taken out."""
    left = []
    holes = sorted((start, start + span_ms) for _, start, span_ms, _ in gaps)
    for _, start, end in spans:
        position = start
        for low, high in holes:
            if start <= low < end:
                if low > position:
                    left.append((position, low))
                position = high
        if position < end:
            left.append((position, end))
    return left


def _within(span: tuple[int, int], truth: list[tuple[int, int]]) -> bool:
    """Whether observed stretches, which touch each other, cover a span."""
    position = span[0]
    for low, high in truth:
        if low <= position < high:
            position = high
    return position >= span[1]
