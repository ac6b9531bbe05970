"""The real `kashi-agent run`, to be killed and started again, and how it says it stands."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from kashi_agent.errors import AgentError
from kashi_agent.identity import IdentityStore
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.status import AgentStatus, read_status

SETTLE_SECONDS = 90
POLL_SECONDS = 0.02


@dataclass(slots=True, kw_only=True)
class AgentProcess:
    """One host's agent; `meter` are the options of a meter child, None: no meter at all.

    `launcher`: what starts it, with the program and its arguments behind; `more`: what stands in
    its settings behind the table of the agent.
    A flush becomes durable at least every two seconds here, the shortest that settings allow.
    """

    folder: Path
    socket_path: Path
    meter: Sequence[str] | None = None
    relay: str = ""
    more: str = ""
    environment: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    launcher: Sequence[str] = ()
    process: "subprocess.Popen[bytes] | None" = None

    @property
    def state(self) -> Path:
        """The agent's state folder."""
        return self.folder / "state"

    @property
    def log(self) -> str:
        """Everything its processes said."""
        return (self.folder / "agent.log").read_text(encoding="utf-8")

    @property
    def identity(self) -> IdentityStore:
        """Its keys and what the server told it."""
        return IdentityStore(self.state / "identity")

    def start(self) -> None:
        """Start it; does not wait."""
        settings = self.folder / "agent.toml"
        settings.write_text(
            f'[agent]\nstate_folder = "{self.state}"\nmeter_socket = "{self.socket_path}"\n'
            f'report_interval_seconds = 60\nflush_seconds = 2\nrelay = "{self.relay}"\n{self.more}',
            encoding="utf-8",
        )
        meter = [] if self.meter is None else ["--with-meter", "--", *self.meter]
        program = [sys.executable, "-m", "kashi_agent.cli"]
        with (self.folder / "agent.log").open("ab") as log:
            self.process = subprocess.Popen(
                [*self.launcher, *program, "run", "--config", str(settings), *meter],
                env=dict(self.environment),
                stdout=log,
                stderr=log,
            )

    def kill(self) -> None:
        """kill -9."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(SETTLE_SECONDS)

    def stop(self) -> None:
        """SIGTERM; it drains and exits with 0."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(SETTLE_SECONDS)
        assert code == 0, self.log

    def end(self) -> None:
        """Make sure that it does not outlive its test."""
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            try:
                self.process.wait(SETTLE_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()

    def status(self) -> AgentStatus | None:
        """What this process last wrote; None when it has not yet, or ended."""
        try:
            status = read_status(self.state / "status.json")
        except AgentError:
            return None
        assert self.process is not None
        return status if status.pid == self.process.pid else None

    def until(self, condition: Callable[[AgentStatus], bool]) -> AgentStatus:
        """The first status of this process for which the condition holds."""
        deadline = time.monotonic() + SETTLE_SECONDS
        status = None
        while time.monotonic() < deadline:
            status = self.status()
            if status is not None and condition(status):
                return status
            assert self.process is not None
            assert self.process.poll() is None, f"the agent ended:\n{self.log}"
            # The status is a file: there is nothing to wait on but the file itself.
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"the agent stands at {status}:\n{self.log}")

    def meters(self) -> list[int]:
        """Processes that read for this agent's socket, whoever started them."""
        found = []
        for folder in Path("/proc").iterdir():
            try:
                words = (folder / "cmdline").read_bytes().split(b"\0")
            except OSError:
                continue  # no process, or one that has just ended
            if b"kashi_agent.meterd" in words and str(self.socket_path).encode() in words:
                found.append(int(folder.name))
        return found

    def spool(self) -> Spool:
        """Its spool, read beside it."""
        spool = Spool(RealDisk(self.state / "spool"), self.identity.host().host_id)
        spool.look()
        return spool
