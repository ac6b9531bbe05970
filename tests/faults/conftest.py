"""Servers whose ports stay theirs however often they die, and agents that end with their test."""

import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from agent_process import AgentProcess
from fixtures_server import KashiServer
from pinned_ports import pin_ports


@pytest.fixture(scope="session")
def _made_server(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A demonstration server on SQLite that nobody served yet: made once, copied by each test."""
    server = KashiServer(tmp_path_factory.mktemp("made") / "server")
    server.init("--demo")
    return server.directory


def _served_copy(made: Path, folder: Path) -> Iterator[KashiServer]:
    shutil.copytree(made, folder / "server")
    shutil.copy(made.parent / "password", folder)
    server = KashiServer(folder / "server")
    pin_ports(server)
    server.start()
    try:
        yield server
    finally:
        if server.process is not None:
            server.kill()


@pytest.fixture
def pinned(_made_server: Path, tmp_path: Path) -> Iterator[KashiServer]:
    """A demonstration server on SQLite with ports of its own, serving."""
    yield from _served_copy(_made_server, tmp_path)


@pytest.fixture(scope="module")
def shared(_made_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KashiServer]:
    """The same for all tests of a file that leave it serving."""
    yield from _served_copy(_made_server, tmp_path_factory.mktemp("shared"))


@pytest.fixture
def pinned_on_postgresql(server_home: KashiServer, empty_postgresql_url: str) -> KashiServer:
    """A demonstration server on PostgreSQL with ports of its own, serving."""
    server_home.init("--demo", "--database", empty_postgresql_url)
    pin_ports(server_home)
    server_home.start()
    return server_home


@pytest.fixture
def agents() -> Iterator[Callable[[Path], AgentProcess]]:
    """Makes agents over prepared folders, not started and without a meter."""
    made: list[AgentProcess] = []
    # Not tmp_path: a Unix socket's path may have 107 characters.
    with tempfile.TemporaryDirectory(prefix="kashi-faults-") as short:

        def make(folder: Path) -> AgentProcess:
            folder.mkdir(parents=True, exist_ok=True)
            agent = AgentProcess(folder=folder, socket_path=Path(short) / f"{len(made)}.sock")
            made.append(agent)
            return agent

        yield make
        for agent in made:
            agent.end()
