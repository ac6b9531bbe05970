"""What runs: the agent by what it last wrote, the meter by what the agent heard of it."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from kashi_agent.clock import Clock, ClockSync
from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError
from kashi_agent.holders import HIDDEN
from kashi_agent.live import LiveView
from kashi_agent.recorder import SPOOL_REFUSES
from kashi_agent.sample import AbsentReason, MeterKind, names_of
from kashi_agent.state_words import absent_reason, meter_reason
from kashi_agent.status import STALE_MS, AgentStatus

REPLAY: Final = MeterKind.REPLAY.name.lower()
"""A workload is played: nothing is measured."""

_METER: Final = (
    ("driver_mismatch", ("(code 18)",)),
    ("driver_absent", ("(code 9)", "(code 12)", "cannot be loaded")),
    ("device_permission", ("(code 4)", "(code 17)", "code -8002", "no_permission")),
    ("meter_released", ("released",)),
    ("meter_hung", ("hung", "silent")),
    ("meter_absent", ("not connected",)),
)
"""By what stands in the meter's state: codes of NVML, and one of DCMI."""

_HOLDERS: Final = {
    str(AbsentReason.FOREIGN_PID_NAMESPACE): "holders_foreign",
    str(AbsentReason.SCHEDULER_UNREAD): "holders_unread",
    str(AbsentReason.NO_PERMISSION): "holders_untold",
}
"""Why holders are unknown, where somebody can do something about it."""


def look_at_agent(status: AgentStatus | AgentError, clock: Clock) -> Iterator[Finding]:
    """Whether the agent runs, and what it lacks."""
    if isinstance(status, AgentError):
        yield finding("agent_absent", why=str(status))
        return
    age_ms = clock.utc_ms() - status.written_utc_ms
    if age_ms > STALE_MS:
        yield finding("agent_silent", seconds=str(age_ms // 1_000))
        return
    yield finding("agent_ok", pid=str(status.pid), line=status.line)
    if status.clock == ClockSync.UNKNOWN.name.lower():
        yield finding("clock_unread")
    if status.disk_full:
        yield finding("agent_disk_full")
    if status.trouble.startswith(SPOOL_REFUSES):
        yield finding("spool_refuses", why=status.trouble)
    elif status.unsigned:
        yield finding("reports_unsigned", why=status.unsigned)
    elif status.trouble:
        yield finding("shipping_trouble", why=status.trouble)


def look_at_devices(view: LiveView) -> Iterator[Finding]:
    """Devices that the meter knows and that do not answer."""
    for device in view.devices:
        if device.absent == AbsentReason.NO_PERMISSION:
            yield finding("device_permission", why=device.hardware_id)
        elif device.absent:
            told = absent_reason(device.absent)
            yield _because("device_absent", device.absent, told, device=device.hardware_id)


def look_at_choice(chosen: frozenset[str] | None, view: LiveView) -> Iterator[Finding]:
    """Devices that the settings name and that are not there: misspelt, or taken out."""
    known = (name for device in view.devices for name in names_of(device.hardware_id))
    unknown = (chosen or frozenset()).difference(known)
    if unknown:
        yield finding("reported_device_unknown", devices=", ".join(sorted(unknown)))


def look_at_holders(view: LiveView) -> Iterator[Finding]:
    """Devices of which it is not known who holds them, by the meter's own word."""
    why = Counter(device.holders_absent for device in view.devices if device.holders_absent)
    for reason, devices in sorted(why.items()):
        code = _HOLDERS.get(reason)
        if code is not None:
            yield _because(code, reason, absent_reason(reason), devices=str(devices))
    hidden = sum(
        any(holder.endswith(HIDDEN) for holder in device.holders or ()) for device in view.devices
    )
    if hidden:
        yield finding("holders_hidden", devices=str(hidden))


def look_at_meter(
    said: str, unidentified: str, devices: int, *, kind: str = "", demo: bool = False
) -> Iterator[Finding]:
    """What a meter says of itself, and of devices that do not tell their id; `kind`: what it reads
    by, `demo`: the host belongs to a demonstration server, which counts a replay."""
    if said == "measuring":
        yield finding(_reads(kind, demo=demo), devices=str(devices))
    else:
        yield _trouble(said)
    if unidentified:
        yield _trouble(unidentified)


def _reads(kind: str, *, demo: bool) -> str:
    if kind != REPLAY:
        return "meter_ok"
    return "meter_replayed_demo" if demo else "meter_replayed"


def _trouble(said: str) -> Finding:
    for code, marks in _METER:
        if any(mark in said for mark in marks):
            return _because(code, said, meter_reason(said))
    return _because("meter_trouble", said, meter_reason(said))


def _because(code: str, why: str, told: str, **values: str) -> Finding:
    """A finding with its reason in both languages for a person, in one word for a program."""
    return replace(finding(code, why=told, **values), values={**values, "why": why})
