"""The whole examination, in the order in which one thing needs the other."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kashi_agent.clock import Clock
from kashi_agent.config import FILES, AgentConfig
from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.machine import (
    look_at_clock,
    look_at_disk,
    look_at_namespace,
    look_at_time,
)
from kashi_agent.doctor.network import Probe, look_at_call, look_at_port
from kashi_agent.doctor.running import (
    look_at_agent,
    look_at_choice,
    look_at_devices,
    look_at_holders,
    look_at_meter,
)
from kashi_agent.doctor.standing import (
    last_answer,
    look_at_answer,
    look_at_certificate,
    look_at_chosen_token,
    look_at_key_token,
    look_at_keys,
    look_at_spool,
)
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError, NotEnrolledError
from kashi_agent.holders import INITIAL_PID_NAMESPACE
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.live import read_live
from kashi_agent.meter_probe import FirstLook
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.status import AgentStatus, read_status


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What is looked at, and how.

    `probe` shakes hands, `ask` makes an empty call as this host, `look` starts a meter for one
    reading: used where no agent runs that could tell.
    """

    config: AgentConfig
    clock: Clock
    probe: Probe
    ask: Callable[[Host, IdentityStore], object]
    look: Callable[[], FirstLook]
    proc: Path = Path("/proc")


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at everything."""
    yield look_at_clock(patient.clock)
    yield from look_at_namespace(patient.proc, INITIAL_PID_NAMESPACE)
    yield from look_at_disk(patient.config.state_folder, demo=_demonstrates(patient.config))
    yield from _membership(patient)
    yield from _running(patient)


def _membership(patient: Patient) -> Iterator[Finding]:
    config = patient.config
    store = IdentityStore(config.identity_folder, config.key_token)
    try:
        host = store.host()
    except NotEnrolledError:
        if config.key_token is not None:
            yield look_at_chosen_token(config.key_token, store.folder)
        yield finding("not_enrolled")
        return
    except AgentError as error:
        yield finding("identity_damaged", why=str(error))
        return
    yield finding("identity_ok", host=host.host_id, party=host.operator_party_id)
    yield from look_at_keys(store)
    yield from look_at_key_token(store)
    yield look_at_certificate(store, patient.clock)
    spool = Spool(RealDisk(config.spool_folder), host.host_id)
    yield look_at_spool(spool)
    answer = last_answer(spool)
    if answer is None:
        yield from look_at_time(patient.clock, host.enrolled_utc_ms)
    else:
        yield from look_at_time(patient.clock, answer.received_utc_ms, answer.sealed_utc_ms)
        yield from look_at_answer(answer)
    yield from _network(patient, host, store)


def _network(patient: Patient, host: Host, store: IdentityStore) -> Iterator[Finding]:
    """The way that reports take: hands are shaken with the server, or with the site's relay.
    Through a proxy only a call can be made: where that does not come about, nothing is delivered.
    """
    config = patient.config
    if config.relay == FILES:
        yield finding("files_only")
        return
    found = list(_ports(patient, host, store))
    yield from found
    if (not found or found[0].code == "port_ok") and store.tls_path.exists():
        way = "" if found else f"{host.metering_address} ({config.relay or config.proxy})"
        yield from look_at_call(lambda: patient.ask(host, store), way)


def _ports(patient: Patient, host: Host, store: IdentityStore) -> Iterator[Finding]:
    config = patient.config
    own = store.tls_path if store.tls_path.exists() else None
    ports: tuple[tuple[str, Path | None], ...]
    ports, root = ((host.metering_address, own), (host.enrolment_address, None)), host.server_root
    if config.relay:
        try:  # to the hosts' root the relay shows who it is
            ports, root = ((config.relay, own),), store.tls().hosts_root
        except AgentError:
            return  # the certificate has its own finding
    elif config.proxy:
        return
    for address, shown in ports:
        if address:  # a host that was enrolled by file knows no enrolment port
            yield look_at_port(patient.probe, address, root, shown)


def _running(patient: Patient) -> Iterator[Finding]:
    status: AgentStatus | AgentError
    try:
        status = read_status(patient.config.status_path)
    except AgentError as error:
        status = error
    found = list(look_at_agent(status, patient.clock))
    yield from found
    if isinstance(status, AgentStatus) and found[0].code == "agent_ok":
        yield from look_at_meter(
            *(status.meter_state, status.unidentified, status.devices),
            kind=status.meter_kind,
            demo=status.demo,
        )
        try:
            view = read_live(patient.config.live_path)
            yield from look_at_devices(view)
            yield from look_at_holders(view)
            yield from look_at_choice(patient.config.reported_devices, view)
        except (AgentError, PermissionError):
            return  # nothing was seen yet: the meter's own finding says why
        return
    look = patient.look()
    if look.batch is None:
        yield from look_at_meter(look.said, look.unidentified, 0)
        return
    yield from look_at_meter(
        *("measuring", look.unidentified, len(look.batch.samples)),
        kind=look.batch.meter.kind.name.lower(),
        demo=_demonstrates(patient.config),
    )


def _demonstrates(config: AgentConfig) -> bool:
    """Whether this host is a demonstration server's; without an identity it is nobody's."""
    try:
        return IdentityStore(config.identity_folder).host().demo
    except (AgentError, PermissionError):
        return False
