"""The server of the demonstration: its command line, and its serving process."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

READY_SECONDS = 60
STOP_SECONDS = 30


class DemoError(Exception):
    """Something of the demonstration failed; the message says what and where its log is."""


@dataclass(frozen=True, slots=True)
class Stage:
    """Folders of one run of the demonstration."""

    root: Path

    @property
    def server(self) -> Path:
        """The server's directory."""
        return self.root / "server"

    @property
    def certificates(self) -> Path:
        """Where the certificates end up."""
        return self.root / "certificates"

    @property
    def officer_password(self) -> Path:
        """The file of the first officer's password."""
        return self.root / "officer-password"

    def host(self, name: str) -> Path:
        """A host's folder."""
        return self.root / "hosts" / name


def command(name: str) -> str:
    """A command of this environment."""
    return str(Path(sys.executable).parent / name)


def as_officer(stage: Stage) -> tuple[str, ...]:
    """The first officer with the password, as options."""
    return ("--officer", "officer", "--password-file", str(stage.officer_password))


def kashi_server(stage: Stage, *arguments: str) -> str:
    """Run a command of the server on the stage's directory and give its output.

    Raises:
        DemoError: it failed.
    """
    done = subprocess.run(
        [command("kashi-server"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "KASHI_SERVER_DIRECTORY": str(stage.server)},
    )
    if done.returncode != 0:
        words = " ".join(arguments)
        raise DemoError(f"`kashi-server {words}` failed:\n{done.stdout}{done.stderr}")
    return done.stdout


@contextmanager
def serving(stage: Stage) -> Iterator[dict[str, int]]:
    """Run `kashi-server serve` as long as the block lasts; gives its ports.

    Raises:
        DemoError: it did not come up.
    """
    log_path = stage.root / "server.log"
    with log_path.open("w", encoding="utf-8") as log:
        process = subprocess.Popen(
            [command("kashi-server"), "serve"],
            stdout=subprocess.PIPE,
            stderr=log,
            text=True,
            env={**os.environ, "KASHI_SERVER_DIRECTORY": str(stage.server)},
        )
        try:
            yield _ports(stage, process, log_path)
        finally:
            stop(process)


def _ports(stage: Stage, process: subprocess.Popen[str], log_path: Path) -> dict[str, int]:
    """Wait for the first line the server prints once it listens."""
    assert process.stdout is not None
    if not process.stdout.readline():
        raise DemoError(f"the server did not start; see {log_path}")
    content = (stage.server / "serving.json").read_text(encoding="utf-8")
    ports: dict[str, int] = json.loads(content)
    return ports


def stop(process: subprocess.Popen[str]) -> None:
    """End a process of ours, politely first."""
    if process.poll() is None:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    if process.stdout is not None:
        process.stdout.close()
