"""The one place of wiring: a server's directory becomes a `Server` with everything plugged in."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kashi_server.config import Config, Endpoint, read_config
from kashi_server.errors import StorageError
from kashi_server.keystore import read_keyring
from kashi_server.presence import running_ports
from kashi_server.services.accounts import AccountKeeping
from kashi_server.services.authority import Keyring
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.hosts import HostKeeping, HostStandings
from kashi_server.services.passwords import Passwords
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import is_current
from kashi_server.storage.unit_of_work import Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An opened server: settings, keys, database and the services on them.

    Attributes:
        work: the database as its owner, for the command line.
        ingest_work: as the role that adds facts; the same as `work` on SQLite.
        portal_work: as the role that reads under row-level security; the same on SQLite.
        clock: UTC milliseconds.
    """

    directory: Path
    config: Config
    keyring: Keyring
    clock: Callable[[], int]
    work: Work
    ingest_work: Work
    portal_work: Work
    accounts: AccountKeeping
    hosts: HostKeeping
    standings: HostStandings
    enrolment: Enrolment

    @property
    def enrolment_address(self) -> str:
        """Where agents enrol, as they reach it."""
        return self.reached(self.config.enrolment, "enrolment")

    @property
    def metering_address(self) -> str:
        """Where agents submit, as they reach it."""
        return self.reached(self.config.metering, "metering")

    def reached(self, endpoint: Endpoint, family: str) -> str:
        """host:port of a port as others reach it; the running server knows a port chosen by it."""
        port = endpoint.port or running_ports(self.directory).get(family, 0)
        return Endpoint(host=endpoint.host, port=port).with_host(self.config.public_address)

    def close(self) -> None:
        """Give the database connections back."""
        for work in (self.work, self.ingest_work, self.portal_work):
            work.engine.dispose()


def utc_clock() -> int:
    """UTC milliseconds of this machine."""
    return time.time_ns() // 1_000_000


def monotonic_clock() -> int:
    """Milliseconds that never step."""
    return time.monotonic_ns() // 1_000_000


def open_server(directory: Path, clock: Callable[[], int] = utc_clock) -> Server:
    """Open the server that `init` made in a directory.

    Raises:
        ConfigurationError: settings or keys are missing or wrong.
        StorageError: the database cannot be opened, is not durable, or is not up to date.
    """
    config = read_config(directory)
    keyring = read_keyring(directory)
    work, ingest_work, portal_work = _open_databases(config)
    return Server(
        directory=directory,
        config=config,
        keyring=keyring,
        clock=clock,
        work=work,
        ingest_work=ingest_work,
        portal_work=portal_work,
        accounts=AccountKeeping(work, Passwords(), clock),
        hosts=HostKeeping(work, clock),
        standings=HostStandings(ingest_work, clock, monotonic_clock),
        enrolment=Enrolment(
            ingest_work, keyring, clock, secrets.token_bytes, lambda: str(uuid.uuid4())
        ),
    )


@contextmanager
def opened(directory: Path) -> Iterator[Server]:
    """`open_server` for the length of a command."""
    server = open_server(directory)
    try:
        yield server
    finally:
        server.close()


def _open_databases(config: Config) -> tuple[Work, Work, Work]:
    owner = Work(open_engine(config.database_url))
    if not is_current(owner.engine):
        owner.engine.dispose()
        raise StorageError(
            "the database is of another version than this server; with a backup at hand run:"
            " kashi-server upgrade"
        )
    others = [
        owner if url == config.database_url else Work(open_engine(url))
        for url in (config.ingest_url, config.portal_url)
    ]
    return owner, others[0], others[1]
