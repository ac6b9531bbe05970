"""What runs: the agent by what it last wrote, the meter by what the agent heard of it."""

from collections import Counter
from collections.abc import Iterator
from typing import Final

from kashi_agent.clock import Clock, ClockSync
from kashi_agent.doctor.finding import Finding
from kashi_agent.doctor.words import finding
from kashi_agent.errors import AgentError
from kashi_agent.holders import HIDDEN
from kashi_agent.live import LiveView
from kashi_agent.sample import AbsentReason
from kashi_agent.status import STALE_MS, AgentStatus

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
    yield finding("agent_ok", line=f"pid {status.pid}, {status.line}")
    if status.clock == ClockSync.UNKNOWN.name.lower():
        yield finding("clock_unread")
    if status.disk_full:
        yield finding("agent_disk_full")
    if status.trouble:
        yield finding("shipping_trouble", why=status.trouble)


def look_at_devices(view: LiveView) -> Iterator[Finding]:
    """Devices that the meter knows and that do not answer."""
    for device in view.devices:
        if device.absent == AbsentReason.NO_PERMISSION:
            yield finding("device_permission", why=device.hardware_id)
        elif device.absent:
            yield finding("device_absent", device=device.hardware_id, why=device.absent)


def look_at_choice(chosen: frozenset[str] | None, view: LiveView) -> Iterator[Finding]:
    """Devices that the settings name and that are not there: misspelt, or taken out."""
    unknown = (chosen or frozenset()).difference(device.hardware_id for device in view.devices)
    if unknown:
        yield finding("reported_device_unknown", devices=", ".join(sorted(unknown)))


def look_at_holders(view: LiveView) -> Iterator[Finding]:
    """Devices of which it is not known who holds them, by the meter's own word."""
    why = Counter(device.holders_absent for device in view.devices if device.holders_absent)
    for reason, devices in sorted(why.items()):
        code = _HOLDERS.get(reason)
        if code is not None:
            yield finding(code, devices=str(devices), why=reason)
    hidden = sum(
        any(holder.endswith(HIDDEN) for holder in device.holders or ()) for device in view.devices
    )
    if hidden:
        yield finding("holders_hidden", devices=str(hidden))


def look_at_meter(said: str, unidentified: str, devices: int) -> Iterator[Finding]:
    """What a meter says of itself, and of devices that do not tell their id."""
    if said == "measuring":
        yield finding("meter_ok", devices=str(devices))
    else:
        yield _trouble(said)
    if unidentified:
        yield _trouble(unidentified)


def _trouble(said: str) -> Finding:
    for code, marks in _METER:
        if any(mark in said for mark in marks):
            return finding(code, why=said)
    return finding("meter_trouble", why=said)
