"""kill -9, hundreds of times: real processes on real files, and a server that keeps the books."""

import os
import select
import selectors
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from cryptography.hazmat.primitives.asymmetric import ec
from driven_host import HOST_ID
from fixtures_spool import VerdictServer
from kashi_agent.errors import UnreachableError
from kashi_agent.reading import GapReason
from kashi_agent.unsealing import unseal
from killed_agent import (
    BOOT_START_MS,
    SAMPLE_MS,
    Progress,
    agent_on,
    batch_at,
    clock_at,
    receive,
    send,
    signing_in,
    told_of,
    write_keys,
)
from said import Interval, Said, check_true, down_explains

DOWN_MS = 7_000
FLUSH_MS = 10_000
LIFE_SECONDS_MAX = 0.06
CALL_EVERY = 10
"""One kill in so many waits for a call, however slow the machine is, and leaves it unanswered."""

START_SECONDS_MAX = 30


@dataclass(slots=True)
class Toll:
    """What so many kills cost. `during_calls`: how many came while the server had taken a call and
    its answer was on its way; `lost_ms_max`: the longest measured time that one kill cost."""

    kills: int = 0
    during_calls: int = 0
    lost_ms_max: int = 0
    measured_ms: int = 0
    reports: int = 0


@dataclass(slots=True)
class Killing:
    """One host in a folder, its server in this process."""

    folder: Path
    said: Said = field(default_factory=Said)
    downs: list[Interval] = field(default_factory=list)
    toll: Toll = field(default_factory=Toll)
    server: VerdictServer = field(init=False)
    progress: Progress = field(init=False)
    listener: socket.socket = field(init=False)
    _open: socket.socket | None = None
    _unanswered: bool = False

    def __post_init__(self) -> None:
        """Keys, a server, a socket and a place for what survives."""
        key = ec.generate_private_key(ec.SECP256R1())
        self.server = VerdictServer(key.public_key(), HOST_ID)
        write_keys(self.folder, key, self.server.receipt_key)
        self.progress = Progress(self.folder / "progress")
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(os.fspath(self.folder / "s"))
        self.listener.listen()

    def kill(self, nursery: "subprocess.Popen[str]", life_s: float | None) -> None:
        """Start an agent, let it live for so long, kill it, and take note; None: until the server
        has taken a call of it, which it leaves unanswered."""
        assert nursery.stdin is not None
        assert nursery.stdout is not None
        start_ms = self.downs[-1][1] if self.downs else BOOT_START_MS
        nursery.stdin.write(f"{start_ms}\n")
        nursery.stdin.flush()
        child = int(nursery.stdout.readline())
        self._unanswered = False
        try:
            self._serve_for(life_s)
        finally:
            os.kill(child, signal.SIGKILL)
        assert nursery.stdout.readline() == "gone\n"
        self._hang_up()
        self._note(start_ms)

    def _hang_up(self) -> None:
        """Close the dead agent's connection, taken or still in the queue: its call never came."""
        while select.select([self.listener], [], [], 0)[0]:
            self.listener.accept()[0].close()
        if self._open is not None:
            self._open.close()
            self._open = None

    def close(self) -> None:
        """Let go of the socket."""
        self._hang_up()
        self.listener.close()

    def settle(self) -> None:
        """One more agent, in this process, measures on and delivers everything; check the books.

        Raises:
            AssertionError: they are not true.
        """
        clock = clock_at(self.downs[-1][1])
        agent = agent_on(self.folder, clock, signing_in(self.folder))
        for _ in range(120):
            clock.advance(SAMPLE_MS)
            at = clock.boottime
            agent.metering.observe(batch_at(at, self.said.say(at)))
            if agent.recorder.due(at):
                assert agent.record()
        for _ in range(3):
            try:
                agent.ship(self.server)
            except UnreachableError:
                continue
        agent.close()
        self._check()

    def _serve_for(self, life_s: float | None) -> None:
        """Answer calls for so long; or take one, and let the kill come while it waits."""
        answers = life_s is not None
        end_s = time.monotonic() + (START_SECONDS_MAX if life_s is None else life_s)
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ)
            while (left_s := end_s - time.monotonic()) > 0:
                for key, _ in selector.select(left_s):
                    if key.fileobj is self.listener:
                        self._open, _ = self.listener.accept()
                        selector.register(self._open, selectors.EVENT_READ)
                    elif self._open is not None:
                        self._answer(self._open, answers=answers)
                        if not answers:
                            return
        assert answers, f"no call within {START_SECONDS_MAX} s"

    def _answer(self, connection: socket.socket, *, answers: bool) -> None:
        reports = receive(connection)
        assert isinstance(reports, list)
        answer = self.server.submit(reports)
        self._unanswered = not answers
        if answers:
            send(connection, told_of(answer))

    def _note(self, start_ms: int) -> None:
        said_ms, durable_ms = self.progress.read()
        for at in range(start_ms + SAMPLE_MS, said_ms + 1, SAMPLE_MS):
            self.said.say(at)
        killed_ms = max(start_ms, said_ms)
        self.downs.append((killed_ms, killed_ms + DOWN_MS))
        self.toll.kills += 1
        self.toll.during_calls += self._unanswered
        lost_ms = self.said.observed_since(max(durable_ms, start_ms + SAMPLE_MS))
        assert lost_ms <= FLUSH_MS
        self.toll.lost_ms_max = max(self.toll.lost_ms_max, lost_ms)

    def _check(self) -> None:
        assert not self.server._forks
        assert self.server.openings() == []
        stretches = [unseal(stored.wire) for stored in self.server.stored]
        for hardware_id in self.server.accounts():
            parts = [m for s in stretches for m in s.devices if m.device.hardware_id == hardware_id]
            check_true(parts, self.said)
            gaps = [gap for minutes in parts for gap in minutes.gaps]
            assert {gap.reason for gap in gaps} <= {GapReason.AGENT_DOWN}
            for gap in gaps:
                start, end = gap.start_boottime_ms, gap.end_boottime_ms
                assert down_explains(start, end, self.downs, SAMPLE_MS)
        self.toll.measured_ms = self.said.instants[-1] - self.said.instants[0]
        self.toll.reports = len(self.server.stored)


@contextmanager
def nursery(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """The process that agents are forked from."""
    tests = Path(__file__).parent
    paths = (str(tests.parent), os.environ.get("PYTHONPATH", ""))  # the demonstration's clock
    process = subprocess.Popen(
        [sys.executable, str(tests / "killed_agent.py"), str(folder), str(folder / "s")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=tests,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, paths))},
    )
    try:
        yield process
    finally:
        process.communicate(timeout=START_SECONDS_MAX)


def killed(kills: int, folder: Path, *, seed: int) -> Toll:
    """So many kills of agents of one host, each after a random life; what they cost.

    Raises:
        AssertionError: something was lost, doubled or moved that no gap states.
    """
    chance = Random(seed)
    with closing(Killing(folder)) as host:
        with nursery(folder) as parent:
            for number in range(1, kills + 1):
                calls = number % CALL_EVERY == 0
                host.kill(parent, None if calls else chance.uniform(0, LIFE_SECONDS_MAX))
        host.settle()
        return host.toll
