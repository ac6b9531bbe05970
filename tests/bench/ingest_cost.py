"""What it costs to take in reports: processor time of server and database, bytes on disk.

The server is a process of its own with the metering port as `kashi-server serve` assembles it; the
callers are another, and send reports that were sealed before. Real mTLS on loopback, one report a
call as live hosts send them, every signature checked, every receipt awaited.
"""

import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import grpc
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from kashi.v1 import metering_pb2, report_pb2

Figures = dict[str, int | float | str]

ROOT: Final = Path(__file__).parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from bench.own_database import create_database, own_postgresql  # noqa: E402 - as below
from fixtures_database import (  # noqa: E402 - the tests' folder is on the path only now
    postgresql_binaries,
)
from fixtures_ingest import (  # noqa: E402
    CHANNEL_OPTIONS,
    ReportingHost,
    add_certificate,
    enrol,
    running_port,
    wall_clock,
)
from kashi_server.ingest.collector import spare_collector  # noqa: E402
from kashi_server.services.authority import Keyring, found, issue_host  # noqa: E402
from kashi_server.services.profiles import Signer  # noqa: E402
from kashi_server.storage.engine import open_engine  # noqa: E402
from kashi_server.storage.migrate import migrate  # noqa: E402
from kashi_server.storage.unit_of_work import Work  # noqa: E402
from sqlalchemy import text  # noqa: E402

DEVICES: Final = 8
HOSTS: Final = 32
REPORTS_A_HOST: Final = 60
WARMING: Final = 10
MINUTES_A_DAY: Final = 1440
TICK_S: Final = 1 / os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Prepared:
    """A host's calls, sealed, and what it shows at the door."""

    certificate_pem: bytes
    key_pem: bytes
    requests: list[bytes]


class BusyHost(ReportingHost):
    """A host in a training run: what its readings say varies as much as a real one's."""

    def _reading(self, start: int, span: int, observed: int) -> report_pb2.Reading:
        # Sixty samples of a whole per cent, each held for a second give or take two milliseconds.
        chance = self.chance
        utilised = sum(
            chance.randint(88, 100) * 10_000 * (1000 + chance.randint(-2, 2)) for _ in range(60)
        )
        return report_pb2.Reading(
            start_offset_ms=start,
            span_ms=span,
            observed_ms=observed,
            held_known_ms=observed,
            held_ms=observed,
            utilisation_known_ms=observed,
            active_ms=observed,
            utilised_ns=min(utilised, observed * 1_000_000),
            energy_known_ms=observed,
            energy_mj=chance.randint(38_000_000, 41_500_000),
            memory_used_bytes_max=78_920_024_064,
            holder_times=[report_pb2.HolderTime(holder=0, held_ms=observed)],
        )


def measure_all() -> Figures:
    """Both databases, reports of one and of five minutes."""
    figures: Figures = {}
    with tempfile.TemporaryDirectory() as directory:
        figures |= measure(f"sqlite:///{directory}/kashi-{{}}.sqlite", "sqlite")
    binaries = postgresql_binaries()
    if binaries is None:
        print("  PostgreSQL is not installed: apt-get install postgresql")
        return figures
    with own_postgresql(binaries) as (url, pid):
        figures |= measure(url, "postgresql", pid)
    return figures


def measure(url: str, name: str, database_pid: int | None = None) -> Figures:
    """Figures of one database.

    Args:
        url: where to make a fresh database for each run; `{}` stands for its name.
        name: prefix of the keys.
        database_pid: the database's first process; None when it runs inside the server.
    """
    figures: Figures = {}
    for minutes in (1, 5):
        run = url.format(f"{minutes}min")
        if database_pid is not None:
            create_database(url.format("postgres"), f"{minutes}min")
        for key, value in _measure_one(run, minutes, database_pid).items():
            figures[f"{name}.{minutes}min.{key}"] = value
    return figures


def _measure_one(url: str, minutes: int, database_pid: int | None) -> Figures:
    engine = open_engine(url)
    migrate(engine)
    work = Work(engine)
    now = wall_clock()
    keyring = found("bench", ["localhost"], b"n" * 32, now - 60_000, demo=True).keyring
    prepared = [_prepare(work, keyring, number, minutes, now) for number in range(HOSTS)]
    with (
        tempfile.TemporaryDirectory() as directory,
        _server(url, keyring, directory) as (pid, port),
    ):
        root = keyring.server_root.public_bytes(Encoding.PEM)
        spent: list[tuple[float, float, float]] = []

        def note() -> None:
            database = 0.0 if database_pid is None else _cpu_s_with_children(database_pid)
            spent.append((time.perf_counter(), _cpu_s(pid), database))

        asyncio.run(_send_all(port, root, prepared, note))
    reports = HOSTS * (REPORTS_A_HOST - WARMING)
    readings = reports * DEVICES * minutes
    (wall0, server0, database0), (wall1, server1, database1) = spent
    server, database = server1 - server0, database1 - database0
    per_device_day = (server + database) / readings * MINUTES_A_DAY
    stored = HOSTS * REPORTS_A_HOST * DEVICES * minutes
    figures: Figures = {
        "reports_per_s": round(reports / (wall1 - wall0)),
        "readings_per_s": round(readings / (wall1 - wall0)),
        "server_cpu_us_per_report": round(server / reports * 1e6),
        "database_cpu_us_per_report": round(database / reports * 1e6),
        "cpu_s_per_device_day": round(per_device_day, 4),
        "bytes_per_reading": round(_report_bytes(work) / stored, 1),
    }
    engine.dispose()
    return figures


def _prepare(work: Work, keyring: Keyring, number: int, minutes: int, now: int) -> Prepared:
    """Enrol a host and seal its reports, the last ending before now."""
    names = [f"GPU-{uuid.UUID(int=number * DEVICES + slot)}" for slot in range(DEVICES)]
    start = (now // 3_600_000 - REPORTS_A_HOST * minutes // 60 - 2) * 3_600_000
    host = BusyHost(str(uuid.UUID(int=number, version=4)), names, utc_ms=start)
    enrol(work, host)
    key = ec.generate_private_key(ec.SECP256R1())
    certificate = issue_host(keyring.host_issuer, host.host_id, key.public_key(), now)
    add_certificate(work, host.host_id, certificate)
    chain = (certificate, *keyring.host_issuer.chain)
    return Prepared(
        b"".join(one.public_bytes(Encoding.PEM) for one in chain),
        _pem(key),
        [
            metering_pb2.SubmitRequest(reports=[host.report(minutes)]).SerializeToString()
            for _ in range(REPORTS_A_HOST)
        ],
    )


async def _send_all(
    port: int, root: bytes, prepared: list[Prepared], note: Callable[[], None]
) -> None:
    """Every host sends its reports one after the other, all hosts at once."""
    calls: list[grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = []
    for one in prepared:
        credentials = grpc.ssl_channel_credentials(root, one.key_pem, one.certificate_pem)
        channel = grpc.aio.secure_channel(f"localhost:{port}", credentials, CHANNEL_OPTIONS)
        calls.append(channel.unary_unary("/kashi.v1.MeteringService/Submit"))

    async def send(number: int, start: int, end: int) -> None:
        for request in prepared[number].requests[start:end]:
            answer = metering_pb2.SubmitResponse.FromString(await calls[number](request))
            verdicts = {result.verdict for result in answer.results}
            assert verdicts == {metering_pb2.VERDICT_ACCEPTED}, answer

    await asyncio.gather(*(send(number, 0, WARMING) for number in range(len(calls))))
    note()
    rest = (send(number, WARMING, REPORTS_A_HOST) for number in range(len(calls)))
    await asyncio.gather(*rest)
    note()


@contextmanager
def _server(url: str, keyring: Keyring, directory: str) -> Iterator[tuple[int, int]]:
    """A process that serves the metering port; its pid and port."""
    keys = Path(directory) / "keys.json"
    keys.write_text(json.dumps(_packed(keyring)), encoding="ascii")
    command = [sys.executable, "-m", "tests.bench.ingest_cost", url, str(keys)]
    with subprocess.Popen(
        command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.pid, int(process.stdout.readline())
        finally:
            process.stdin.close()
            process.wait(30)


def serve(url: str, keys: str) -> None:
    """Serve until standard input ends."""
    keyring = _unpacked(json.loads(Path(keys).read_text(encoding="ascii")))
    engine = open_engine(url)
    with running_port(Work(engine), keyring) as running:
        spare_collector()
        print(running.port, flush=True)
        sys.stdin.read()
    engine.dispose()


SIGNERS: Final = ("host_issuer", "server_issuer", "server_tls", "receipt", "document")


def _packed(keyring: Keyring) -> dict[str, list[str]]:
    return {
        name: [
            _pem(getattr(keyring, name).key).decode(),
            *(one.public_bytes(Encoding.PEM).decode() for one in getattr(keyring, name).chain),
        ]
        for name in SIGNERS
    }


def _unpacked(packed: dict[str, list[str]]) -> Keyring:
    signers = {}
    for name in SIGNERS:
        key = load_pem_private_key(packed[name][0].encode(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        chain = tuple(x509.load_pem_x509_certificate(one.encode()) for one in packed[name][1:])
        signers[name] = Signer(key=key, chain=chain)
    return Keyring(**signers, nonce_secret=b"n" * 32)


def _pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _report_bytes(work: Work) -> int:
    """Bytes on disk of the table of reports with its indexes."""
    with work.begin(writes=False) as unit:
        if unit.connection.dialect.name == "postgresql":
            query = "SELECT pg_total_relation_size('reports')"
        else:
            query = (
                "SELECT sum(pgsize) FROM dbstat WHERE name IN"
                " (SELECT name FROM sqlite_master WHERE tbl_name = 'reports')"
            )
        return int(unit.connection.execute(text(query)).scalar_one())


def _cpu_s(pid: int) -> float:
    """Processor time of a process and all its threads so far."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * TICK_S


def _cpu_s_with_children(pid: int) -> float:
    """Processor time of a process, its children, and those it has reaped."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rsplit(")", 1)[1].split()
    total = sum(int(fields[place]) for place in (11, 12, 13, 14)) * TICK_S
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    return total + sum(_cpu_s(int(child)) for child in children)


if __name__ == "__main__":
    serve(*sys.argv[1:])
