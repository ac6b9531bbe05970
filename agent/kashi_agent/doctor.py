"""What is wrong with this host's agent and what to do: checks that change nothing."""

import os
import shutil
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from kashi_agent.clock import Clock, ClockSync
from kashi_agent.config import AgentConfig
from kashi_agent.errors import AgentError
from kashi_agent.identity import Host, IdentityStore
from kashi_agent.spool import Spool
from kashi_agent.spool.disk import RealDisk
from kashi_agent.status import STALE_MS, read_status

FREE_BYTES_MIN = 64 << 20


class Level(StrEnum):
    """How bad it is."""

    OK = "ok"
    WARNING = "warning"
    FAILURE = "failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One thing that was looked at, and what to do about it ("" when nothing)."""

    level: Level
    subject: str
    found: str
    remedy: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Patient:
    """What the doctor looks at, and how it looks at the network."""

    config: AgentConfig
    clock: Clock
    probe: Callable[[str, bytes, Path | None], str]


def examine(patient: Patient) -> Iterator[Finding]:
    """Look at everything, in the order in which one thing needs the other."""
    yield _clock(patient.clock)
    yield from _disk(patient.config)
    store = IdentityStore(patient.config.identity_folder)
    try:
        host = store.host()
    except AgentError as error:
        yield _failure("identity", str(error), "enrol this host: kashi-agent enrol --help")
        return
    yield _ok("identity", f"{host.host_id}, operated by {host.operator_party_id}")
    yield from _key_files(store)
    yield _certificate(store, patient.clock)
    yield from _network(host, store, patient)
    yield _spool(patient.config, host)
    yield from _running(patient)


def _clock(clock: Clock) -> Finding:
    discipline = clock.discipline()
    if discipline.sync is ClockSync.SYNCHRONISED:
        return _ok("clock", f"synchronised, error at most {discipline.error_us_max} µs")
    return _warning(
        "clock",
        "the kernel does not hold it to be synchronised; durations are right, labels may not be",
        "run a time service: systemctl enable --now chrony",
    )


def _disk(config: AgentConfig) -> Iterator[Finding]:
    folder = config.state_folder
    if not folder.is_dir():
        yield _failure(
            "state folder",
            f"{folder} does not exist",
            "start the service once, or create it for the agent's user with mode 0700",
        )
        return
    if not os.access(folder, os.W_OK):
        yield _failure(
            "state folder",
            f"{folder} cannot be written by this user",
            "run doctor as the agent's user: sudo -u kashi-agent kashi-agent doctor",
        )
    free = shutil.disk_usage(folder).free
    if free < FREE_BYTES_MIN:
        yield _warning("disk", f"{free >> 20} MiB free at {folder}", "make room there")
    else:
        yield _ok("disk", f"{free >> 20} MiB free")


def _key_files(store: IdentityStore) -> Iterator[Finding]:
    for name in ("report.key", "tls.pem", "holder.salt"):
        path = store.folder / name
        if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
            yield _failure(
                "keys", f"{path} can be read by others", f"chmod 0600 {path}, and tell your officer"
            )


def _certificate(store: IdentityStore, clock: Clock) -> Finding:
    try:
        tls = store.tls()
    except AgentError as error:
        return _warning("certificate", str(error), "the running agent recovers it by itself")
    now = datetime.fromtimestamp(clock.utc_ms() / 1000, UTC)
    if tls.expired(now):
        return _warning(
            "certificate",
            f"expired at {tls.not_after:%Y-%m-%d %H:%M} UTC",
            "the running agent recovers it by itself; is it running, and is the clock right?",
        )
    return _ok("certificate", f"valid until {tls.not_after:%Y-%m-%d %H:%M} UTC")


def _network(host: Host, store: IdentityStore, patient: Patient) -> Iterator[Finding]:
    own = store.tls_path if store.tls_path.exists() else None
    ports = (("metering port", host.metering_address, own),)
    for subject, address, tls_path in (*ports, ("enrolment port", host.enrolment_address, None)):
        trouble = patient.probe(address, host.server_root, tls_path)
        if trouble:
            yield _failure(subject, trouble, f"let this host reach {address} by TCP, outbound")
        else:
            yield _ok(subject, f"{address} answers and is the right server")


def _spool(config: AgentConfig, host: Host) -> Finding:
    spool = Spool(RealDisk(config.spool_folder), host.host_id)
    recovery = spool.look()
    waiting = spool.sealed.unacknowledged
    words = f"{spool.sealed.size} sealed reports kept, {waiting} to deliver"
    if recovery.sealed.corrupt_bytes or recovery.sealed.lost:
        return _failure(
            "spool",
            f"{words}; {recovery.sealed.corrupt_bytes} bytes are unreadable",
            "restart kashi-agent: it sets them aside and reports what is lost; check the disk",
        )
    return _ok("spool", words)


def _running(patient: Patient) -> Iterator[Finding]:
    try:
        status = read_status(patient.config.status_path)
    except AgentError as error:
        yield _failure("agent", str(error), "systemctl start kashi-agent")
        return
    age_ms = patient.clock.utc_ms() - status.written_utc_ms
    if age_ms > STALE_MS:
        yield _failure(
            "agent",
            f"it last said something {age_ms // 1000} s ago",
            "systemctl restart kashi-agent; journalctl -u kashi-agent",
        )
        return
    yield _ok("agent", f"pid {status.pid}, {status.line}")
    if status.meter_state != "measuring":
        yield _failure(
            "meter",
            status.meter_state,
            "systemctl status kashi-meter; does nvidia-smi answer, and may the meter's user open "
            "/dev/nvidia*?",
        )
    if status.disk_full:
        yield _failure("disk", "the spool could not write", "make room; nothing is lost yet")
    if status.trouble:
        yield _warning("shipping", status.trouble, "see the ports above")


def _ok(subject: str, found: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, found=found)


def _warning(subject: str, found: str, remedy: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, found=found, remedy=remedy)


def _failure(subject: str, found: str, remedy: str) -> Finding:
    return Finding(level=Level.FAILURE, subject=subject, found=found, remedy=remedy)
