"""The real `kashi-meter` over the fake driver, seen from the agent's end of the socket.

    def test_something(meters: Meters) -> None:
        meter = meters.start(Scenario(devices=(...)))
        batch = meter.at(5_000)          # the scenario's clock stands at 5 s, then a reading

The scenario's clock is stepped by hand; the meter itself ticks every 100 ms of real time.
"""

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, TypeVar

import pytest
from fakes.dcmi.library import DCMI
from fakes.dcmi.scenario import Scenario as AscendScenario
from fakes.nvml.library import NVML, built_library, compiler
from fakes.nvml.scenario import Control, Scenario
from kashi_agent.errors import MeterError
from kashi_agent.meter_link import AgentMessage, Hello, MeterMessage, Notice, NoticeKind, Resume
from kashi_agent.meter_socket import MeterConnection, MeterListener
from kashi_agent.sample import Observation, Sample, SampleBatch

BUILD: Final = Path(__file__).parent.parent / "build"
CADENCE_MS: Final = 100
WAIT_SECONDS: Final = 20

Message = TypeVar("Message", bound=MeterMessage)


def boottime_ms() -> int:
    """CLOCK_BOOTTIME now."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@dataclass(slots=True, kw_only=True)
class Meter:
    """A running `kashi-meter`, the scenario's clock and the agent's end of the socket."""

    process: subprocess.Popen[str]
    control: Control
    listener: MeterListener
    connection: MeterConnection

    def next(self, kind: type[Message], seconds: float = WAIT_SECONDS) -> Message:
        """The next message of a kind; others before it are passed over."""
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            message = self.connection.receive(deadline - time.monotonic())
            if isinstance(message, kind):
                return message
        raise AssertionError(f"no {kind.__name__} came in {seconds} s")

    def notice(self, kind: NoticeKind) -> Notice:
        """The next notice of a kind."""
        while (notice := self.next(Notice)).kind is not kind:
            pass
        return notice

    def at(self, now_ms: int) -> SampleBatch:
        """A reading begun after the scenario's clock was set."""
        return self.since(now_ms)[-1]

    def since(self, now_ms: int) -> list[SampleBatch]:
        """Every reading that came since the scenario's clock was set, up to the first that was
        begun after it. One under way meets the new time in its last calls: what is told once may
        be told by it."""
        self.control.now_ms = now_ms
        set_ms = boottime_ms()
        batches = [self.next(SampleBatch)]
        while batches[-1].boottime_ms <= set_ms:
            batches.append(self.next(SampleBatch))
        return batches

    def ask(self, message: AgentMessage) -> None:
        """Ask something of the meter, as the agent does."""
        self.connection.send(message)

    def begun_anew(self) -> Hello:
        """The new process's connection, after the old one has closed its own; it may read."""
        self.gone()
        return self.reconnected()

    def gone(self) -> list[MeterMessage]:
        """What the meter still says before it closes its connection."""
        said = []
        with suppress(MeterError):
            while (message := self.connection.receive(WAIT_SECONDS)) is not None:
                said.append(message)
            raise AssertionError(f"the meter did not close its connection in {WAIT_SECONDS} s")
        return said

    def reconnected(self) -> Hello:
        """The next connection of a meter, after the agent has closed the last one; it may read."""
        hello = self.met()
        self.ask(Resume())
        return hello

    def met(self) -> Hello:
        """The next connection of a meter, which has not been told anything yet."""
        self.connection.close()
        connection = self.listener.accept(WAIT_SECONDS)
        assert connection is not None, "no meter came"
        self.connection = connection
        return self.next(Hello)

    def end(self) -> int:
        """Stop it as systemd does, and give its exit status."""
        self.process.terminate()
        return self.process.wait(WAIT_SECONDS)


class Meters:
    """Starts meters over scenarios; all are ended when the test is over."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._count = 0

    def start(
        self,
        scenario: Scenario | AscendScenario,
        *options: str,
        now_ms: int = 0,
        start_boottime_ms: int | None = None,
        without: frozenset[str] = frozenset(),
        wide_processes: bool = False,
    ) -> Meter:
        """A meter that has said hello; `without` names symbols its driver library lacks.

        With `start_boottime_ms` the scenario runs by CLOCK_BOOTTIME from there, not by hand.
        """
        self._count += 1
        folder = self._folder / str(self._count)
        folder.mkdir()
        if isinstance(scenario, AscendScenario):
            fake, library = DCMI, DCMI.built(BUILD, without)
            options = ("--meter", "ascend", *options)
        else:
            fake, library = NVML, built_library(BUILD, without, wide_processes=wide_processes)
        control = self._stack.enter_context(Control(folder / "clock", now_ms))
        if start_boottime_ms is None:
            scenario.write_controlled(folder / "scenario", control.path)
        else:
            scenario.write(folder / "scenario", start_boottime_ms=start_boottime_ms)
        listener = self._stack.enter_context(MeterListener(folder / "meter.sock"))
        process = subprocess.Popen(
            [
                *(sys.executable, "-m", "kashi_agent.meterd"),
                *("--socket", str(listener.path), "--cadence-ms", str(CADENCE_MS)),
                *("--retry-ms", "200", "--hung-ms", "500", *options),
            ],
            env=fake.environment(library, folder / "scenario", os.environ),
            text=True,
        )
        self._stack.callback(_ended, process)
        connection = listener.accept(WAIT_SECONDS)
        assert connection is not None, "the meter did not connect"
        meter = Meter(process=process, control=control, listener=listener, connection=connection)
        self._stack.callback(lambda: meter.connection.close())
        meter.next(Hello)
        meter.ask(Resume())
        return meter


def seen_of(sample: Sample) -> Observation:
    """What was seen of a device that must have answered."""
    assert isinstance(sample.seen, Observation), sample
    return sample.seen


@pytest.fixture(scope="session")
def fake_nvml() -> Path:
    """Folder with the fake `libnvidia-ml.so.1`."""
    if compiler() is None:
        pytest.skip("no C compiler: install gcc")
    return built_library(BUILD)


@pytest.fixture
def sleeper() -> Iterator[int]:
    """A process of its own, so that consumers find the pid the driver tells."""
    process = subprocess.Popen(
        [sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE
    )
    yield process.pid
    process.communicate()


@pytest.fixture
def meters() -> Iterator[Meters]:
    """Starts meters over scenarios."""
    # Not tmp_path: a Unix socket's path is short, or refused.
    with tempfile.TemporaryDirectory(prefix="kashi-") as folder, ExitStack() as stack:
        yield Meters(Path(folder), stack)


def _ended(process: subprocess.Popen[str]) -> None:
    """Make sure that a meter does not outlive its test."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
