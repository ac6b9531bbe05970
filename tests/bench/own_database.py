"""A PostgreSQL server of a measurement's own, as durable as it comes."""

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fixtures_database import SUPERUSER, _as_server_user, _server_directory
from kashi_server.domain.usage import QUANTITY_NAMES
from kashi_server.storage.engine import open_engine
from sqlalchemy import Connection, text


def create_database(url: str, name: str) -> None:
    """Make an empty database."""
    engine = open_engine(url)
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text(f'CREATE DATABASE "{name}"'))
    engine.dispose()


@contextmanager
def own_postgresql(binaries: Path) -> Iterator[tuple[str, int]]:
    """The address, with `{}` for the name of a database, and the first process."""
    directory = _server_directory()
    cluster = directory / "cluster"

    def run(*command: str) -> None:
        whole = _as_server_user([str(binaries / command[0]), *command[1:]])
        subprocess.run(whole, cwd=directory, check=True, stdout=subprocess.DEVNULL)

    run("initdb", "-D", str(cluster), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--locale=C")
    options = f"-c listen_addresses= -c unix_socket_directories={directory}"
    control = ("pg_ctl", "-D", str(cluster), "-w")
    run(*control, "-l", str(directory / "log"), "-o", options, "start")
    try:
        pid = int((cluster / "postmaster.pid").read_text(encoding="utf-8").split()[0])
        yield f"postgresql+psycopg://{SUPERUSER}@/{{}}?host={directory}", pid
    finally:
        run(*control, "-m", "immediate", "stop")


def sum_days(connection: Connection) -> None:
    """The sums of days of device-hours that a measurement made by itself."""
    sums = ", ".join(f"sum({name})" for name in QUANTITY_NAMES)
    names = ", ".join(("host_id", "hardware_id", "day", *QUANTITY_NAMES, "observed_peak_ms"))
    connection.execute(
        text(
            f"INSERT INTO device_days ({names})"
            f" SELECT host_id, hardware_id, (hour + 8) / 24, {sums}, max(observed_peak_ms)"
            " FROM device_hours GROUP BY host_id, hardware_id, (hour + 8) / 24"
            " ORDER BY 1, 2, 3"
        )
    )
