"""Where the agent is put together: the only place that picks the real clock, disk and network."""

import os
import secrets
from collections.abc import Callable, MutableMapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from random import SystemRandom

from kashi_agent import VERSION
from kashi_agent.agent import Agent, Signing
from kashi_agent.carrier import Carrier, ClosableWire
from kashi_agent.clock import Clock, SystemClock
from kashi_agent.config import FILES, AgentConfig
from kashi_agent.daemon import Daemon, Pace
from kashi_agent.device_choice import DeviceChoice
from kashi_agent.durable import make_folder
from kashi_agent.enrolment import recover
from kashi_agent.errors import AgentError, RefusedError
from kashi_agent.identity import Host, IdentityStore, TlsIdentity
from kashi_agent.live import LiveBoard
from kashi_agent.meter_child import MeterChild
from kashi_agent.meter_socket import CommandListener, MeterListener
from kashi_agent.meter_watch import MeterView, MeterWatch
from kashi_agent.metrics import MetricsServer
from kashi_agent.naming import HolderNaming
from kashi_agent.notify import Notifier
from kashi_agent.released import ReleaseBook
from kashi_agent.shipping_files import FilesWire
from kashi_agent.shipping_wire import GrpcWire, RelayWire
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.spool.sealed import Position
from kashi_agent.status import AgentStatus, Setting, status_of
from kashi_agent.tls_probe import probe_tls


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """An enrolled host's parts that commands use alone."""

    store: IdentityStore
    host: Host


def member(config: AgentConfig) -> Member:
    """This host's identity.

    Raises:
        NotEnrolledError: it has none.
    """
    store = IdentityStore(config.identity_folder, config.key_token)
    return Member(store=store, host=store.host())


def real_spool(config: AgentConfig, host_id: str) -> Spool:
    """This host's spool, not opened."""
    return Spool(RealDisk(config.spool_folder), host_id)


def real_agent(config: AgentConfig, known: Member, clock: Clock) -> Agent:
    """The agent over this machine's disk, its spool opened.

    Raises:
        LockedError: another one runs.
    """
    return Agent(
        spool=real_spool(config, known.host.host_id),
        clock=clock,
        naming=HolderNaming(known.store.holder_salt(), config.holder_names),
        choice=DeviceChoice(config.reported_devices),
        signing=Signing(
            host_id=known.host.host_id,
            report_key=known.store.report_key(),
            receipt_key=known.host.receipt_key(),
        ),
        random=SystemRandom(),
        random_bytes=secrets.token_bytes,
        interval_ms=config.report_interval_seconds * 1000,
        flush_ms=config.flush_seconds * 1000,
        carried=bool(config.relay),
    )


def real_carrier(known: Member, clock: Clock, proxy: str = "") -> Carrier[GrpcWire]:
    """The way to the server over mutual TLS, through a proxy if one is named."""
    forget_proxies(os.environ)
    return Carrier(
        store=known.store,
        connect=lambda host, tls: GrpcWire(host, tls, proxy),
        recover=lambda store: recover(store, proxy),
        utc_ms=clock.utc_ms,
        random=SystemRandom(),
        # A handshake past the proxy would tell of another way than the one that is taken.
        probe=(lambda *_: "") if proxy else probe_tls,
    )


def real_way(
    config: AgentConfig, known: Member, clock: Clock, known_up_to: Callable[[], Position]
) -> ClosableWire:
    """The way of this host's reports: to the server, to the site's relay, or into files.

    `known_up_to`: up to where the server holds them, which a relay is told.
    """
    if config.relay == FILES:
        return FilesWire(config.inbox_folder, known.host.host_id)
    if not config.relay:
        return real_carrier(known, clock, config.proxy)
    forget_proxies(os.environ)
    report_key = known.store.report_key()

    return Carrier(
        store=known.store,
        connect=lambda host, tls: RelayWire(
            host, tls, acknowledged=known_up_to, report_key=report_key
        ),
        recover=_recover_by_file,
        utc_ms=clock.utc_ms,
        random=SystemRandom(),
        # To the hosts' root the relay shows who it is: no relay can pass for the server.
        host=replace(
            known.host, metering_address=config.relay, server_root=known.store.tls().hosts_root
        ),
    )


def empty_call(config: AgentConfig, host: Host, store: IdentityStore) -> None:
    """Ask the server, or the site's relay, for this host's head and hand over nothing.

    Raises:
        RefusedError, UnreachableError: as the wire says.
        AgentError: there is no certificate to call with.
    """
    tls = store.tls()
    if config.relay:
        host = replace(host, metering_address=config.relay, server_root=tls.hosts_root)
    forget_proxies(os.environ)
    wire = GrpcWire(host, tls, config.proxy)
    try:
        wire.submit(())
    finally:
        wire.close()


def forget_proxies(environment: MutableMapping[str, str]) -> None:
    """Take the proxy variables out of an environment: only settings name a proxy."""
    for name in [name for name in environment if name.lower().endswith("_proxy")]:
        del environment[name]


def _recover_by_file(store: IdentityStore) -> TlsIdentity:
    raise RefusedError(
        f"{store.folder} 中的连接证书被拒绝或已到期，中继不能换发；请以文件申请：kashi-agent "
        f"enrol --request FILE。The TLS certificate in {store.folder} is refused or has expired, "
        "and no relay can give another; ask for one by file: kashi-agent enrol --request FILE"
    )


def run_daemon(config: AgentConfig, *, child_options: list[str] | None = None) -> None:
    """Run until told to stop. `child_options`: also keep a meter process, with these options.

    Raises:
        NotEnrolledError, LockedError, MeterError: it cannot begin.
    """
    known = member(config)
    clock = SystemClock()
    agent = real_agent(config, known, clock)
    way = real_way(config, known, clock, agent.known_up_to)
    make_folder(config.meter_socket.parent)
    child = None
    if child_options is not None:
        child = MeterChild(config.meter_socket, [*config.meter_options, *child_options])
    publish = _publisher(config.status_path, agent, known, config.relay)
    daemon = Daemon(
        agent=agent,
        watch=MeterWatch(
            metering=agent.metering,
            clock=clock,
            listener=MeterListener(config.meter_socket),
            commands=CommandListener(config.release_socket),
            book=ReleaseBook(config.release_path, clock),
            publish=publish,
        ),
        wire=way,
        notifier=Notifier(os.environ),
        publish=publish,
        pace=Pace(interval_ms=config.report_interval_seconds * 1000, random=SystemRandom()),
        child=child,
        show=LiveBoard(
            path=config.live_path, utc_ms=clock.utc_ms, counters=agent.metering.counters
        ).show,
    )
    daemon.handle_signals()
    with MetricsServer(config.metrics_listen, config.status_path):
        try:
            daemon.run()
        finally:
            way.close()
            config.live_path.unlink(missing_ok=True)


def _publisher(
    path: Path, agent: Agent, known: Member, relay: str
) -> Callable[[MeterView], AgentStatus]:
    setting = Setting(
        pid=os.getpid(),
        version=VERSION,
        host_id=known.host.host_id,
        operator_party_id=known.host.operator_party_id,
        metering_address=relay or known.host.metering_address,
        demo=known.host.demo,
        started_utc_ms=agent.clock.utc_ms(),
    )

    def publish(view: MeterView) -> AgentStatus:
        status = status_of(agent, setting, view, _certificate_end(known.store))
        with suppress(OSError):  # a full disk must not stop what it would only describe
            status.write(path)
        return status

    return publish


def _certificate_end(store: IdentityStore) -> int | None:
    """Until when the TLS certificate holds; None: there is none that can be read."""
    try:
        return int(store.tls().not_after.timestamp()) * 1000
    except (AgentError, OSError):
        return None
