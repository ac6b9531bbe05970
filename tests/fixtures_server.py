"""A Kashi server as its users have it: made by `init`, run by `serve`, spoken to by commands.

    def test_something(served: KashiServer) -> None:    # serving, on SQLite and on PostgreSQL
        token = served.token(PARTY)
        ...
        served.command("hosts", "list")

The process listens on loopback ports that the system chooses, and is gone when the test ends.
"""

import contextlib
import io
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from kashi_server.cli import app, exit_code
from kashi_server.errors import KashiError

START_SECONDS_MAX = 60
COMMAND_SECONDS_MAX = 120
OFFICER = "officer"
PASSWORD = "correct horse battery"


@dataclass(slots=True)
class KashiServer:
    """A server in a directory; `ports` and `process` while it serves."""

    directory: Path
    process: "subprocess.Popen[str] | None" = None
    output: list[str] = field(default_factory=list)

    def command(self, *arguments: str, expect: int = 0) -> str:
        """Run `kashi-server …` on this directory; what it said, if it exits as expected.

        In this process, which saves seconds; `serve` gets one of its own.
        """
        if "--directory" not in arguments:
            arguments = (*arguments, "--directory", str(self.directory))
        code, said = (_apart if arguments[0] == "serve" else _here)(arguments)
        assert code == expect, said
        return said

    def init(self, *arguments: str) -> str:
        """Make the server, with one officer whose password the tests know."""
        (self.directory.parent / "password").write_text(PASSWORD, encoding="utf-8")
        return self.command("init", "--port", "0", *self.officer, *arguments)

    @property
    def officer(self) -> tuple[str, ...]:
        """That officer with the password, as options."""
        password = self.directory.parent / "password"
        return ("--officer", OFFICER, "--password-file", str(password))

    def token(self, party_id: str) -> str:
        """A fresh enrolment token; a warning may be said before it."""
        text = self.command("token", party_id, "--officer", OFFICER, "--json")
        return str(json.loads(text.splitlines()[-1])["token"])

    @property
    def ports(self) -> dict[str, int]:
        """Numbers of the ports it listens on, by family."""
        content = json.loads((self.directory / "serving.json").read_text(encoding="utf-8"))
        return {str(family): int(port) for family, port in content.items()}

    def address(self, family: str) -> str:
        """localhost:port of a family."""
        return f"localhost:{self.ports[family]}"

    def start(self) -> None:
        """Serve; returns when every port is open."""
        self.process = subprocess.Popen(
            [sys.executable, "-m", "kashi_server", "serve", "--directory", str(self.directory)],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        started = threading.Event()
        threading.Thread(target=self._collect, args=(started,), daemon=True).start()
        if not started.wait(START_SECONDS_MAX):
            self.kill()
            pytest.fail(f"the server did not start:\n{''.join(self.output)}")
        assert "ready\n" in self.output, "".join(self.output)

    def stop(self) -> int:
        """Ask it to stop and wait; its exit code."""
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(START_SECONDS_MAX)
        self._close()
        return code

    def kill(self) -> None:
        """End it as a power failure does."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(START_SECONDS_MAX)
        self._close()

    def _collect(self, started: threading.Event) -> None:
        process = self.process
        assert process is not None
        assert process.stdout is not None
        for line in process.stdout:
            self.output.append(line)
            if line == "ready\n":
                started.set()
        process.stdout.close()
        started.set()

    def _close(self) -> None:
        self.process = None


def _here(arguments: Sequence[str]) -> tuple[int, str]:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = app(list(arguments), standalone_mode=False) or 0
        except KashiError as error:
            print(error)
            code = exit_code(error)
    return int(code), said.getvalue()


def _apart(arguments: Sequence[str]) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "kashi_server", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=COMMAND_SECONDS_MAX,
        check=False,
    )
    return done.returncode, done.stdout


def _at(directory: Path) -> Iterator[KashiServer]:
    server = KashiServer(directory)
    try:
        yield server
    finally:
        if server.process is not None:
            server.kill()


def _start(server: KashiServer, database: str | None) -> KashiServer:
    server.init("--demo", *([] if database is None else ["--database", database]))
    server.start()
    return server


@pytest.fixture
def server_home(tmp_path: Path) -> Iterator[KashiServer]:
    """A directory where no server was made yet; what a test starts there is ended with it."""
    yield from _at(tmp_path / "server")


@pytest.fixture(params=["sqlite", "postgresql"])
def served(request: pytest.FixtureRequest, server_home: KashiServer) -> KashiServer:
    """A demonstration server that serves, once on SQLite and once on PostgreSQL."""
    on_postgresql = request.param == "postgresql"
    database = request.getfixturevalue("empty_postgresql_url") if on_postgresql else None
    return _start(server_home, database)


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def shared_server(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[KashiServer]:
    """The same for all tests of a file that neither stop nor overload it."""
    on_postgresql = request.param == "postgresql"
    database = request.getfixturevalue("module_empty_postgresql_url") if on_postgresql else None
    for server in _at(tmp_path_factory.mktemp("shared") / "server"):
        yield _start(server, database)
