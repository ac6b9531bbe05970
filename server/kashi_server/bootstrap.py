"""The one place of wiring: a server's directory becomes a `Server` with everything plugged in."""

import secrets
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from prometheus_client import CollectorRegistry

from kashi_server import VERSION
from kashi_server.closing_settings import read_calendar
from kashi_server.config import Config, Endpoint, read_config
from kashi_server.documents.assignment_sheet import AssignmentSheets
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.errors import StorageError
from kashi_server.filestore import FOLDER, FileStore
from kashi_server.ingest.enrolment import EnrolmentServicer
from kashi_server.ingest.metering import Metering
from kashi_server.ingest.metrics import IngestMetrics
from kashi_server.ingest.refusals import Refusals
from kashi_server.ingest.server import enrolment_port, metering_port
from kashi_server.ingest.throttle import Throttle
from kashi_server.ingest.writer import Writer
from kashi_server.keystore import read_keyring, replace_server_tls, server_tls_path
from kashi_server.log.sequencer import sequence
from kashi_server.portal.app import create_app
from kashi_server.portal.pace import Pace
from kashi_server.portal.parts import PortalParts
from kashi_server.presence import running_ports
from kashi_server.services.accounts import AccountKeeping
from kashi_server.services.agreement_watch import AgreementWatch
from kashi_server.services.assignment import Assigning
from kashi_server.services.assignment_views import AssignmentViews
from kashi_server.services.authority import Keyring, der, issue_server_tls, needs_server_tls
from kashi_server.services.certificate_watch import WithdrawalWatch
from kashi_server.services.claim_desk import ClaimDesk
from kashi_server.services.claim_pack import ClaimPacking
from kashi_server.services.claims import Claims
from kashi_server.services.confirming import Confirming
from kashi_server.services.correction_watch import CorrectionWatch
from kashi_server.services.enrolment import Enrolment
from kashi_server.services.host_keeping import HostKeeping
from kashi_server.services.ingestion import Ingestion
from kashi_server.services.introducing import Greeting
from kashi_server.services.invoice_watch import InvoiceWatch
from kashi_server.services.paper_desk import PaperDesk, PaperStores
from kashi_server.services.papers_port import PapersUnit
from kashi_server.services.passwords import Passwords
from kashi_server.services.restoration import Restoration
from kashi_server.services.sessions import SessionKeeping
from kashi_server.services.standings import HostStandings
from kashi_server.services.stated_desk import StatedDesk
from kashi_server.services.trails import Explaining
from kashi_server.services.views import Views
from kashi_server.serving import AsgiApp, MetricsPort, Port, PortalPort
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import is_current, missing_columns
from kashi_server.storage.unit_of_work import UnitOfWork, Work


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """An opened server: settings, keys, database and the services on them.

    Attributes:
        work: the database as its owner, for the command line.
        ingest_work: as the role that adds facts; the same as `work` on SQLite.
        portal_work: as the role that reads under row-level security; the same on SQLite.
        clock: UTC milliseconds.
        enrolment: as the owner: handing out tokens is a person's act.
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
    restoration: Restoration
    standings: HostStandings
    enrolment: Enrolment

    @property
    def file_store(self) -> FileStore:
        """Where evidence files stand."""
        return FileStore(self.directory / FOLDER)

    @property
    def invoice_watch(self) -> InvoiceWatch:
        """Who is told of invoices that change: the claims."""
        return Claims(self.work, self.clock, demo=self.config.demo)

    def claim_owner(self, unit: PapersUnit, claim_id: str) -> str | None:
        """The company of a claim; None: there is none."""
        # One unit of work carries the repositories of every room.
        stored = cast("UnitOfWork", unit).claims.claim(claim_id)
        return None if stored is None else stored.claim.company_id

    @property
    def enrolment_address(self) -> str:
        """Where agents enrol, as they reach it; while the server serves also where it chose."""
        port = self.config.enrolment.port
        return self.reached("enrolment", port or running_ports(self.directory).get("enrolment", 0))

    def reached(self, family: str, port: int) -> str:
        """host:port of a port as others reach it; metrics are for this machine alone."""
        host = self.config.public_address
        if family == "metrics":
            host = self.config.metrics.host
        return Endpoint(host="::", port=port).with_host(host)

    def greeting(self, metering_port: int) -> Greeting:
        """What every newly enrolled host is told; `metering_port`: where reports go."""
        return Greeting(
            receipt_chain=tuple(der(one) for one in self.keyring.receipt_chain),
            metering_address=self.reached("metering", metering_port),
            demo=self.config.demo,
        )

    def close(self) -> None:
        """Give the database connections back."""
        for work in (self.work, self.ingest_work, self.portal_work):
            work.engine.dispose()


def correction_watches(server: Server) -> tuple[CorrectionWatch, ...]:
    """Who is told of every corrected statement, in the correction's own unit of work."""
    return (Claims(server.work, server.clock),)


def agreement_watch(server: Server) -> AgreementWatch:
    """Who is told of agreements that change, in the import's own unit of work."""
    return Claims(server.work, server.clock)


def withdrawal_watches(server: Server) -> tuple[WithdrawalWatch, ...]:
    """Who is told of every withdrawn certificate, in the withdrawal's own unit of work."""
    return (Claims(server.work, server.clock),)


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
        restoration=Restoration(work, clock, demo=config.demo),
        standings=HostStandings(ingest_work, clock, monotonic_clock),
        enrolment=_enrolment(work, keyring, clock),
    )


def _enrolment(work: Work, keyring: Keyring, clock: Callable[[], int]) -> Enrolment:
    return Enrolment(work, keyring, clock, secrets.token_bytes, lambda: str(uuid.uuid4()))


def refresh_server_tls(directory: Path, clock: Callable[[], int] = utc_clock) -> bool:
    """Replace the server's TLS certificate if it grows old or names other addresses.

    Returns:
        Whether it was replaced.

    Raises:
        ConfigurationError: settings or keys are missing or wrong.
    """
    config, keyring = read_config(directory), read_keyring(directory)
    if not needs_server_tls(keyring.server_tls.certificate, config.addresses, clock()):
        return False
    fresh = issue_server_tls(keyring.server_issuer, config.organisation, config.addresses, clock())
    replace_server_tls(directory, fresh)
    return True


@dataclass(frozen=True, slots=True, kw_only=True)
class Serving:
    """The parts of a serving process, plugged together and not yet started.

    Attributes:
        ports: by family, in the order in which they open.
        writer: the one thread that writes; shut down after the ports.
        sequence: gives what was committed its place in the log.
    """

    ports: Mapping[str, Port]
    writer: Writer
    sequence: Callable[[], object]


def plug_serving(
    server: Server, registry: CollectorRegistry, numbers: Mapping[str, int]
) -> Serving:
    """Plug a serving process together.

    Args:
        server: the opened server.
        registry: where the process counts.
        numbers: the ports' numbers by family, filled in as they open.
    """
    config, keyring = server.config, server.keyring
    metrics = IngestMetrics(registry)
    ingestion = Ingestion(
        server.ingest_work,
        keyring.receipt_key,
        server.clock,
        demo=config.demo,
        on_hold=server.standings.forget,
        monotonic_ms=monotonic_clock,
    )
    writer = Writer(ingestion, server.standings, metrics)
    # Hosts enrol, renew and recover as the role that adds facts: it makes no tokens.
    enrolment = _enrolment(server.ingest_work, keyring, server.clock)
    metering = Metering(
        writer,
        server.standings,
        enrolment,
        Refusals(metrics, monotonic_clock),
        metrics,
        server.clock,
        keyring.receipt_key,
    )

    def greeting() -> Greeting:
        return server.greeting(numbers["metering"])

    servicer = EnrolmentServicer(enrolment, greeting, Throttle(monotonic_clock), writer)
    return Serving(
        ports={
            "metrics": MetricsPort(registry, config.metrics),
            "metering": metering_port(str(config.metering), keyring, metering),
            "enrolment": enrolment_port(str(config.enrolment), keyring, servicer),
            "portal": PortalPort(
                portal_app(server),
                config.portal,
                server_tls_path(server.directory) if config.portal_tls else None,
            ),
        },
        writer=writer,
        sequence=lambda: sequence(server.ingest_work, keyring, server.clock),
    )


def portal_app(server: Server) -> AsgiApp:
    """The portal over an opened server."""
    # What prints is heavy, and only a server that serves needs it.
    from kashi_server.documents.claim_form import ClaimForm
    from kashi_server.documents.rendering import packaged_fonts

    sessions = SessionKeeping(server.portal_work, Passwords(), server.clock, secrets.token_bytes)
    claims = Claims(server.work, server.clock, demo=server.config.demo)
    return create_app(
        PortalParts(
            sessions=sessions,
            views=Views(server.portal_work, server.clock),
            tokens=server.enrolment,
            assignments=AssignmentViews(server.portal_work),
            assigning=Assigning(server.work, server.clock),
            stated=StatedDesk(server.work, server.portal_work, server.clock),
            confirming=Confirming(server.work, server.clock),
            sheets=AssignmentSheets(),
            papers=PaperDesk(
                PaperStores(
                    work=server.work,
                    portal_work=server.portal_work,
                    bytes=server.file_store,
                    read_xlsx=read_xlsx,
                    watch=claims,
                    claim_owner=server.claim_owner,
                ),
                server.clock,
            ),
            claims=ClaimDesk(server.work, server.portal_work, server.clock, claims),
            packing=ClaimPacking(
                server.work,
                server.file_store,
                ClaimForm(font_folder=server.config.fonts or packaged_fonts()),
            ),
            explaining=Explaining(server.work),
            clock=server.clock,
            demo=server.config.demo,
            pace=Pace(server.clock),
            enrolment_address=lambda: server.enrolment_address,
            version=VERSION,
            calendar=read_calendar(server.directory),
        )
    )


@contextmanager
def opened(directory: Path) -> Iterator[Server]:
    """`open_server` for the length of a command."""
    server = open_server(directory)
    try:
        yield server
    finally:
        server.close()


def _check_whole(owner: Work) -> None:
    missing = missing_columns(owner.engine)
    if missing:
        owner.engine.dispose()
        few = ", ".join(missing[:3])
        raise StorageError(
            f"数据库缺少本版本所需的 {len(missing)} 列（如 {few}）：它由开发中的版本建立，"
            "无法升级，请用建立它的版本打开，或另建服务器。"
            f"the database lacks {len(missing)} columns of this version, such as {few}: a version"
            " under development made it, and it cannot be upgraded; open it with that version, or"
            " make another server"
        )


def _open_databases(config: Config) -> tuple[Work, Work, Work]:
    path = config.sqlite_path
    if path is not None and not path.exists():
        # SQLite would make an empty one, and the server would seem to have lost everything.
        raise StorageError(
            f"没有 {path}，请从备份恢复。{path} is missing; restore it from a backup"
        )
    owner = Work(open_engine(config.database_url))
    if not is_current(owner.engine):
        owner.engine.dispose()
        raise StorageError(
            "数据库版本与本服务器不同，请先备份，再运行 kashi-server upgrade。"
            "the database is of another version than this server; with a backup at hand run:"
            " kashi-server upgrade"
        )
    _check_whole(owner)
    others = [
        owner if url == config.database_url else Work(open_engine(url))
        for url in (config.ingest_url, config.portal_url)
    ]
    return owner, others[0], others[1]
