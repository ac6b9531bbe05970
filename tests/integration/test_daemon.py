"""The daemon's loop over a real socket and a real disk: meters that crash, hang, are released and
come back, an outage of the server, the service manager, the end."""

import errno
import os
import socket
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import DEVICES, HOST_ID, SEEN
from fixtures_spool import VerdictServer
from kashi.v1 import report_pb2
from kashi_agent.agent import Agent, Signing
from kashi_agent.clock import SystemClock
from kashi_agent.daemon import Daemon, Pace
from kashi_agent.errors import UnreachableError
from kashi_agent.meter_link import (
    AgentMessage,
    Hello,
    Notice,
    NoticeKind,
    Release,
    Resume,
    decode_agent_message,
    decode_meter_message,
    encode_message,
)
from kashi_agent.meter_socket import CommandListener, MeterListener
from kashi_agent.meter_watch import SILENT_MS, MeterView, MeterWatch
from kashi_agent.naming import HolderNaming
from kashi_agent.notify import Notifier
from kashi_agent.reading import DeviceEventKind, GapReason
from kashi_agent.released import ReleaseBook
from kashi_agent.sample import DeviceEvent, Meter, MeterKind, Sample, SampleBatch
from kashi_agent.shipping import Answer
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.status import AgentStatus, Setting, read_status, status_of

WAIT_SECONDS = 20
CADENCE_MS = 50
GAP_LIMIT_SECONDS = 5.5
"""Within 5 s the last sample holds, where nothing became of the meter in between."""

IMPATIENT_MS = 700
"""A meter that is silent for so long hangs, in tests of just that: on a busy machine any does."""


@dataclass(slots=True)
class Outage:
    """A wire that can be cut, and counts what went over it."""

    server: VerdictServer
    cut: bool = False
    tries: int = 0

    def submit(self, reports: Sequence[bytes]) -> Answer:
        """Over to the server, unless cut."""
        self.tries += 1
        if self.cut:
            raise UnreachableError("simulated outage")
        return self.server.submit(reports)

    def renew(self, csr: bytes) -> tuple[bytes, ...]:
        """Not part of these tests."""
        raise UnreachableError(f"no renewal for {len(csr)} bytes")


class StubbornDisk(RealDisk):
    """A real folder that takes nothing while `refuses` names an error."""

    refuses = 0

    def append(self, name: str, content: bytes) -> None:
        """Refused, or written."""
        self._refuse()
        super().append(name, content)

    def sync(self, name: str) -> None:
        """Refused, or durable."""
        self._refuse()
        super().sync(name)

    def _open(self, name: str, flags: int) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR) and name != "lock":
            self._refuse()
        return super()._open(name, flags)

    def _refuse(self) -> None:
        if self.refuses:
            raise OSError(self.refuses, os.strerror(self.refuses))


@dataclass(slots=True)
class Running:
    """A daemon in a thread, and the meter's end of its socket."""

    folder: Path
    wire: Outage
    agent: Agent
    daemon: Daemon
    view: list[MeterView]
    thread: threading.Thread
    notes: socket.socket
    disk: "StubbornDisk"
    meter: socket.socket | None = None
    clock: SystemClock = field(default_factory=SystemClock)

    def connect(self) -> None:
        """The meter comes, anew if it was there."""
        if self.meter is not None:
            self.disconnect()
        self.meter = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.meter.connect(os.fspath(self.folder / "meter.sock"))
        hello = Hello(pid=os.getpid(), kind=MeterKind.NVML, cadence_ms=CADENCE_MS)
        self.meter.sendall(encode_message(hello))

    def disconnect(self) -> None:
        """The meter crashes."""
        assert self.meter is not None
        self.meter.close()
        self.meter = None

    def note_with(self, words: bytes, without: bytes = b"\0") -> bytes:
        """The next word to the service manager that says this, and not that."""
        while True:
            note = self.notes.recv(4096)
            if words in note and without not in note:
                return note

    def heard(self) -> AgentMessage:
        """What the agent says to the meter that has come."""
        assert self.meter is not None
        self.meter.settimeout(WAIT_SECONDS)
        return decode_agent_message(self.meter.recv(4096).strip())

    def tell(self, kind: NoticeKind, detail: str = "") -> None:
        """The meter says what keeps it."""
        assert self.meter is not None
        notice = Notice(boottime_ms=self.clock.boottime_ms(), kind=kind, detail=detail)
        self.meter.sendall(encode_message(notice))

    def measure(self, seconds: float) -> None:
        """The meter reads for a while, and the agent has heard all of it, however busy the machine
        is."""
        assert self.meter is not None
        until, heard = time.monotonic() + seconds, self.daemon.watch.view.samples
        while time.monotonic() < until:
            batch = SampleBatch(
                boottime_ms=self.clock.boottime_ms(),
                meter=Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS),
                samples=tuple(Sample(device=device, seen=SEEN) for device in DEVICES),
            )
            self.meter.sendall(encode_message(batch))
            heard += len(batch.samples)
            time.sleep(CADENCE_MS / 1000)
        self.await_that(lambda: self.daemon.watch.view.samples >= heard, "the samples are heard")

    def await_that(self, holds: Callable[[], bool], what: str) -> None:
        """Wait for something the loop does."""
        until = time.monotonic() + WAIT_SECONDS
        while not holds():
            assert time.monotonic() < until, f"not in time: {what}"
            time.sleep(0.02)

    def end(self) -> dict[int, int]:
        """SIGTERM, drained and delivered: gap milliseconds of the first device by reason."""
        if not self.wire.cut:
            self.await_that(lambda: self.agent.shipper.knows_server, "the server is known")
        self.daemon.stop()
        self.thread.join(WAIT_SECONDS)
        assert not self.thread.is_alive()
        if self.meter is not None:
            self.disconnect()
        account = self.wire.server.accounts()[DEVICES[0].hardware_id]
        sums: dict[int, int] = {}
        for _, _, span_ms, reason in account.gaps:
            sums[reason] = sums.get(reason, 0) + span_ms
        return sums

    def events(self) -> list[int]:
        """Kinds of host events that were delivered."""
        server = self.wire.server
        return [e.kind for stored in server.stored for e in server.header(stored).events]


@pytest.fixture
def silent_ms() -> int:
    """How long a daemon waits for its meter; tests of a silent one say less."""
    return SILENT_MS


@pytest.fixture
def running(silent_ms: int) -> Iterator[Running]:
    """A daemon that runs, with a meter connected."""
    with tempfile.TemporaryDirectory(prefix="kashi-daemon-") as name:
        made = begin(Path(name), silent_ms=silent_ms)
        made.connect()
        yield made
        made.daemon.stop()
        made.thread.join(WAIT_SECONDS)
        made.notes.close()
        if made.meter is not None:
            made.disconnect()


def begin(
    folder: Path, refuses: int = 0, flush_ms: int = 1_600, silent_ms: int = SILENT_MS
) -> Running:
    """Start a daemon."""
    key = ec.generate_private_key(ec.SECP256R1())
    wire = Outage(VerdictServer(key.public_key(), HOST_ID))
    clock = SystemClock()
    notes = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    notes.bind(os.fspath(folder / "notify"))
    notes.settimeout(WAIT_SECONDS)
    disk = StubbornDisk(folder / "spool")
    disk.refuses = refuses
    agent = Agent(
        spool=Spool(disk, HOST_ID),
        clock=clock,
        naming=HolderNaming(bytes(32)),
        signing=Signing(host_id=HOST_ID, report_key=key, receipt_key=wire.server.receipt_key),
        random=Random(1),
        random_bytes=os.urandom,
        flush_ms=flush_ms,
    )
    views: list[MeterView] = []
    publish = _publisher(folder, agent, views)
    daemon = Daemon(
        agent=agent,
        watch=begin_watch(folder, agent, publish, silent_ms),
        wire=wire,
        notifier=Notifier({"NOTIFY_SOCKET": os.fspath(folder / "notify")}),
        publish=publish,
        pace=Pace(interval_ms=60_000, tick_seconds=0.05, random=Random(1)),
    )
    thread = threading.Thread(target=daemon.run)
    thread.start()
    return Running(
        folder=folder,
        wire=wire,
        agent=agent,
        daemon=daemon,
        view=views,
        thread=thread,
        notes=notes,
        disk=disk,
    )


def begin_watch(
    folder: Path,
    agent: Agent,
    publish: Callable[[MeterView], AgentStatus],
    silent_ms: int = SILENT_MS,
) -> MeterWatch:
    """Both sockets of an agent, and its release if one stands."""
    return MeterWatch(
        metering=agent.metering,
        clock=agent.clock,
        listener=MeterListener(folder / "meter.sock"),
        commands=CommandListener(folder / "meter.release"),
        book=ReleaseBook(folder / "release.json", agent.clock),
        silent_ms=silent_ms,
        publish=publish,
    )


def _publisher(
    folder: Path, agent: Agent, views: list[MeterView]
) -> Callable[[MeterView], AgentStatus]:
    setting = Setting(
        pid=os.getpid(),
        version="test",
        host_id=HOST_ID,
        operator_party_id="party",
        metering_address="localhost:1",
        demo=False,
        started_utc_ms=agent.clock.utc_ms(),
    )

    def publish(view: MeterView) -> AgentStatus:
        views[:] = [view]
        status = status_of(agent, setting, view, None)
        status.write(folder / "status.json")
        return status

    return publish


def test_ready_comes_first_and_alive_follows_what_is_durable(running: Running) -> None:
    """READY after the first flush, WATCHDOG with later ones, STOPPING at the end; all delivered."""
    running.measure(1.0)

    assert running.notes.recv(4096).startswith(b"READY=1\nSTATUS=")
    assert running.notes.recv(4096).startswith(b"WATCHDOG=1\nSTATUS=")
    status = read_status(running.folder / "status.json")
    assert (status.meter_state, status.meter_kind) == ("measuring", "nvml")
    assert running.end() == {}
    assert running.events()[0] == report_pb2.HOST_EVENT_KIND_AGENT_STARTED
    assert running.events()[-1] == report_pb2.HOST_EVENT_KIND_AGENT_STOPPED
    left = b""
    while not left.startswith(b"STOPPING=1"):
        left = running.notes.recv(4096)


def test_a_disk_that_turns_read_only_is_told_and_does_not_end_the_agent(running: Running) -> None:
    """The service manager goes on hearing that the agent lives, with the disk's own reason; when
    the disk takes something again, everything is delivered and no time is missing."""
    running.measure(0.5)
    assert running.notes.recv(4096).startswith(b"READY=1\nSTATUS=")

    running.disk.refuses = errno.EROFS
    notes = []
    for _ in range(2):
        notes.append(running.note_with(b"Read-only file system"))
        running.measure(1.0)
    running.disk.refuses = 0
    running.note_with(b"server at", without=b"Read-only")

    assert all(note.startswith(b"WATCHDOG=1\n") for note in notes)
    assert running.end() == {}
    assert report_pb2.HOST_EVENT_KIND_DISK_FULL in running.events()


def test_an_agent_on_a_full_disk_is_ready_when_it_has_tried() -> None:
    """A disk that is full from the start keeps no service from being started: it would be started
    for ever, and measure nothing."""
    with tempfile.TemporaryDirectory(prefix="kashi-daemon-") as name:
        running = begin(Path(name), refuses=errno.ENOSPC)
        running.connect()
        running.measure(0.3)

        first = running.notes.recv(4096)
        running.disk.refuses = 0
        running.note_with(b"server at", without=b"takes nothing")

        assert first.startswith(b"READY=1\nSTATUS=")
        assert b"takes nothing" in first
        assert running.end() == {}
        running.notes.close()


def test_a_meter_that_crashes_leaves_a_gap_and_may_come_back(running: Running) -> None:
    """METER_DOWN from its last sample to the next one of a new process."""
    running.measure(0.6)
    running.disconnect()
    running.await_that(lambda: "gone" in _state(running), "the crash is seen")
    time.sleep(GAP_LIMIT_SECONDS)
    running.connect()
    running.measure(0.6)

    gaps = running.end()

    assert set(gaps) == {GapReason.METER_DOWN}
    assert gaps[GapReason.METER_DOWN] >= GAP_LIMIT_SECONDS * 1000
    assert report_pb2.HOST_EVENT_KIND_METER_CRASHED in running.events()


def test_a_new_meter_is_told_where_the_last_one_stopped_reading(running: Running) -> None:
    """Up to that record the kernel's log was told; a batch without a number changes nothing."""
    for sequence in (76, 77, 0):
        assert running.meter is not None
        batch = SampleBatch(
            boottime_ms=running.clock.boottime_ms(),
            meter=Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS),
            samples=tuple(Sample(device=device, seen=SEEN) for device in DEVICES),
            kernel_sequence=sequence,
        )
        running.meter.sendall(encode_message(batch))
    assert running.heard() == Resume(kernel_sequence=0)
    taken = 3 * len(DEVICES)
    running.await_that(lambda: bool(running.view) and running.view[0].samples == taken, "taken")
    running.connect()

    assert running.heard() == Resume(kernel_sequence=77)


@pytest.mark.parametrize("silent_ms", [IMPATIENT_MS])
def test_a_release_nobody_asked_for_excuses_nothing(running: Running) -> None:
    """A meter that says so of itself and measures no more is one that hangs."""
    running.measure(0.6)
    running.tell(NoticeKind.RELEASED)
    running.await_that(lambda: _state(running) == "silent", "the silence is seen")
    time.sleep(GAP_LIMIT_SECONDS)
    running.measure(0.6)

    assert set(running.end()) == {GapReason.METER_HUNG}
    assert report_pb2.HOST_EVENT_KIND_METER_RELEASED not in running.events()


def test_a_missing_driver_is_logged_once_and_with_its_cause(
    running: Running, caplog: pytest.LogCaptureFixture
) -> None:
    """A meter that begins anew every few seconds fills no log: the cause stands there once."""
    cause = "libnvidia-ml.so.1 cannot be opened"
    for _ in range(3):
        running.tell(NoticeKind.DRIVER, cause)
        running.await_that(lambda: cause in _state(running), "the cause is taken")
        running.tell(NoticeKind.RESUMED)
        running.disconnect()
        running.await_that(lambda: "gone" in _state(running), "the end is seen")
        running.connect()
        running.await_that(lambda: _state(running) == "connected", "the next one is heard")

    told = [one.getMessage() for one in caplog.records if "meter" in one.getMessage()]
    assert told == [f"没有在计量。The meter does not measure: driver: {cause}"]

    running.measure(0.3)
    running.await_that(lambda: _state(running) == "measuring", "it measures")
    running.tell(NoticeKind.DRIVER, cause)
    running.await_that(lambda: cause in _state(running), "the cause is taken again")
    assert [one.getMessage() for one in caplog.records].count(told[0]) == 2


def test_a_meter_that_hangs_in_the_driver_leaves_a_gap(running: Running) -> None:
    """METER_HUNG, by the meter's own word."""
    running.measure(0.4)
    running.tell(NoticeKind.HUNG, "nvmlDeviceGetUtilizationRates")
    running.await_that(lambda: "hung" in _state(running), "the notice is taken")
    time.sleep(GAP_LIMIT_SECONDS)
    running.measure(0.4)

    gaps = running.end()

    assert set(gaps) == {GapReason.METER_HUNG}
    assert report_pb2.HOST_EVENT_KIND_METER_HUNG in running.events()


def test_an_error_beside_a_hang_does_not_end_it(running: Running) -> None:
    """What the kernel tells while a call hangs is kept, and nothing is taken for measured."""
    running.measure(0.4)
    running.tell(NoticeKind.HUNG, "nvmlDeviceGetUtilizationRates")
    running.await_that(lambda: "hung" in _state(running), "the notice is taken")
    assert running.meter is not None
    now_ms = running.clock.boottime_ms()
    xid = DeviceEvent(
        hardware_id=DEVICES[0].hardware_id,
        boottime_ms=now_ms,
        kind=DeviceEventKind.XID,
        detail="XID 119 (kernel)",
        value=119,
    )
    meter = Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS)
    alone = SampleBatch(boottime_ms=now_ms, meter=meter, samples=(), events=(xid,))
    running.meter.sendall(encode_message(alone))
    time.sleep(GAP_LIMIT_SECONDS)

    state = _state(running)
    running.measure(0.4)
    gaps = running.end()

    told = [
        (event.kind, event.value)
        for stored in running.wire.server.stored
        for block in report_pb2.Report.FromString(stored.wire).blocks
        if block.kind == report_pb2.BLOCK_KIND_DEVICE
        for event in report_pb2.DeviceBlock.FromString(block.content).events
    ]
    assert "hung" in state
    assert set(gaps) == {GapReason.METER_HUNG}
    assert told.count((report_pb2.DEVICE_EVENT_KIND_XID, 119)) == 1


@pytest.mark.parametrize("silent_ms", [IMPATIENT_MS])
def test_a_meter_that_falls_silent_is_noticed(running: Running) -> None:
    """Connected and saying nothing for long: hung, without its own word."""
    running.measure(0.4)
    running.await_that(lambda: _state(running) == "silent", "the silence is seen")

    running.measure(0.3)
    running.end()

    assert report_pb2.HOST_EVENT_KIND_METER_HUNG in running.events()


def released(running: Running, duration_ms: int) -> None:
    """Somebody asks for the devices, and the meter has let go of them."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as command:
        command.connect(os.fspath(running.folder / "meter.release"))
        command.sendall(encode_message(Release(duration_ms=duration_ms)))
        view = running.daemon.watch.view
        running.await_that(lambda: view.released_until_utc_ms is not None, "it is asked")
        running.tell(NoticeKind.RELEASED)
        running.await_that(lambda: "released" in _state(running), "the devices are free")


def test_released_devices_are_a_gap_of_their_own(running: Running) -> None:
    """RELEASED, and the connection that ends with it is no crash."""
    running.measure(0.4)
    released(running, 60_000)
    running.disconnect()
    running.await_that(lambda: "gone" in _state(running), "the end is seen")
    running.connect()
    running.await_that(lambda: _state(running) == "connected", "the next one is heard")
    running.measure(0.4)

    gaps = running.end()

    assert set(gaps) == {GapReason.RELEASED}
    assert report_pb2.HOST_EVENT_KIND_METER_CRASHED not in running.events()


def asked(running: Running, message: AgentMessage) -> Callable[[], NoticeKind]:
    """Say this to the agent as `kashi-agent release` does; call what comes back for its answer."""
    command = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    command.settimeout(WAIT_SECONDS)
    command.connect(os.fspath(running.folder / "meter.release"))
    command.sendall(encode_message(message))

    def answer() -> NoticeKind:
        with command:
            said = decode_meter_message(command.recv(4096).strip())
        assert isinstance(said, Notice)
        return said.kind

    return answer


def test_a_release_stands_in_the_status_before_it_is_answered() -> None:
    """Whoever looks when the command returns reads until when the devices are released, and after
    the end that they are not, however long it is to the next flush."""
    with tempfile.TemporaryDirectory(prefix="kashi-daemon-") as name:
        running = begin(Path(name), flush_ms=600_000)
        running.connect()
        begun = asked(running, Release(duration_ms=60_000))
        view = running.daemon.watch.view
        running.await_that(lambda: view.released_until_utc_ms is not None, "it is asked")
        running.tell(NoticeKind.RELEASED)
        answers = [begun()]
        during = read_status(running.folder / "status.json")
        answers.append(asked(running, Resume())())
        after = read_status(running.folder / "status.json")
        running.daemon.stop()
        running.thread.join(WAIT_SECONDS)
        running.disconnect()
        running.notes.close()

    assert answers == [NoticeKind.RELEASED, NoticeKind.RESUMED]
    assert during.released_until_utc_ms is not None
    assert during.meter_state.startswith("released")
    assert after.released_until_utc_ms is None


def is_over(running: Running) -> None:
    """The release ends by itself."""
    running.await_that(lambda: running.view[0].released_until_utc_ms is None, "the release is over")


@pytest.mark.parametrize(
    ("then", "reason", "silent_ms"),
    [
        ("gone", GapReason.METER_DOWN, SILENT_MS),
        ("crash", GapReason.METER_DOWN, SILENT_MS),
        ("mute", GapReason.METER_HUNG, IMPATIENT_MS),
    ],
)
def test_a_release_excuses_no_longer_than_it_stands(
    running: Running, then: str, reason: GapReason
) -> None:
    """A meter that is not there when the time is over, that goes as soon as it is asked to read,
    or that says nothing to it: from then on that is the reason of the gap."""
    running.measure(0.4)
    released(running, 1_500)
    if then == "gone":
        running.disconnect()
    is_over(running)
    if then == "crash":
        running.disconnect()
        running.await_that(lambda: "gone" in _state(running), "the end is seen")
    elif then == "mute":
        running.await_that(lambda: _state(running) == "silent", "the silence is seen")
    time.sleep(0.6)
    if then != "mute":
        running.connect()
    running.measure(0.4)

    gaps = running.end()

    assert set(gaps) == {GapReason.RELEASED, reason}
    assert gaps[reason] >= 500


def test_a_meter_that_talks_nonsense_is_hung_up_on(running: Running) -> None:
    """A line that is none of the link's ends the connection, not the agent."""
    running.measure(0.4)
    assert running.meter is not None
    running.meter.sendall(b'{"batch": "nonsense"}\n')
    running.await_that(lambda: "gone" in _state(running), "the connection is closed")
    running.connect()
    running.measure(0.4)

    assert set(running.end()) <= {GapReason.METER_DOWN}


def test_a_sample_from_the_future_is_hung_up_on(running: Running) -> None:
    """Time that has not passed is not settled by a meter's mistake."""
    running.measure(0.4)
    assert running.meter is not None
    ahead = SampleBatch(
        boottime_ms=running.clock.boottime_ms() + 3_600_000,
        meter=Meter(kind=MeterKind.NVML, cadence_ms=CADENCE_MS),
        samples=tuple(Sample(device=device, seen=SEEN) for device in DEVICES),
    )
    running.meter.sendall(encode_message(ahead))
    running.await_that(lambda: "in the future" in _state(running), "the connection is closed")
    running.end()

    account = running.wire.server.accounts()[DEVICES[0].hardware_id]
    assert account.spans[-1][2] <= running.clock.boottime_ms()


def test_an_outage_delays_no_sample_and_loses_nothing(running: Running) -> None:
    """While the server is away measuring goes on; at the end everything is in the spool."""
    running.wire.cut = True
    running.measure(1.0)
    running.await_that(lambda: running.wire.tries > 0, "a try")
    flushes = running.agent.recorder.flushes
    running.measure(0.5)
    running.await_that(lambda: running.agent.recorder.flushes > flushes, "flushes go on")
    running.daemon.stop()
    running.thread.join(WAIT_SECONDS)

    again = begin_again(running)
    gaps = again.end()

    assert set(gaps) == {GapReason.AGENT_DOWN}


def begin_again(before: Running) -> Running:
    """A second daemon on the same spool and server."""
    folder = before.folder
    clock = SystemClock()
    before.wire.cut = False
    agent = Agent(
        spool=Spool(before.disk, HOST_ID),
        clock=clock,
        naming=HolderNaming(bytes(32)),
        signing=Signing(
            host_id=HOST_ID,
            report_key=before.agent.reporter.sealer.key,
            receipt_key=before.wire.server.receipt_key,
        ),
        random=Random(1),
        random_bytes=os.urandom,
        flush_ms=1_600,
    )
    views: list[MeterView] = []
    publish = _publisher(folder, agent, views)
    daemon = Daemon(
        agent=agent,
        watch=begin_watch(folder, agent, publish),
        wire=before.wire,
        notifier=Notifier({}),
        publish=publish,
        pace=Pace(interval_ms=60_000, tick_seconds=0.05, random=Random(1)),
    )
    thread = threading.Thread(target=daemon.run)
    thread.start()
    again = Running(
        folder=folder,
        wire=before.wire,
        agent=agent,
        daemon=daemon,
        view=views,
        thread=thread,
        notes=before.notes,
        disk=before.disk,
    )
    again.connect()
    again.measure(1.0)
    again.await_that(lambda: agent.shipper.knows_server, "the server is asked")
    return again


def _state(running: Running) -> str:
    """The meter as the daemon sees it now."""
    state = running.daemon.watch.view.state
    return f"gone: {state}" if state.startswith("not connected:") else state
