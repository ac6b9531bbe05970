"""What the meter process and the agent say to each other: one JSON object a line, either way.

The meter says `Hello` once a connection, then a `SampleBatch` a tick, and `Notice` when something
keeps it from measuring. The agent says `Release` and `Resume`, nothing else. A line that is not
exactly one of these is refused with the field's path: the two processes are of one version, so an
unknown field is a mistake and never the future.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final

from kashi import limits

from kashi_agent.link_fields import LinkError, object_of, too_long
from kashi_agent.link_values import Limits, fields_of, reader_of
from kashi_agent.sample import Meter, MeterKind, SampleBatch

LINE_BYTES_MAX = 1 << 20
"""A line, its newline included: 256 devices with all their holders fit many times over."""


class NoticeKind(StrEnum):
    """Why the meter does not measure, or that it does again."""

    DRIVER = "driver"
    """The vendor's library refused to start or stopped answering; the meter begins anew."""
    HUNG = "hung"
    """A call into the vendor's library has not returned; the detail names it."""
    ANSWERED = "answered"
    """The call that hung has returned."""
    UNIDENTIFIED = "unidentified"
    """The driver counts devices that never told their id; without detail: no longer so."""
    RELEASED = "released"
    """The devices were let go on request."""
    RESUMED = "resumed"
    """A release or a wait after a failure is over; the meter begins anew."""
    STOPPING = "stopping"
    """The meter was told to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """The first line of a connection: which process speaks, and what it will read."""

    pid: int
    kind: MeterKind
    cadence_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something that happened to the meter itself, at an instant of CLOCK_BOOTTIME."""

    boottime_ms: int
    kind: NoticeKind
    detail: str = ""


RELEASE_MS_MAX: Final = 24 * 3_600_000
"""How long devices are let go at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Release:
    """Let the devices go for this long, so that a driver can be reset or changed."""

    duration_ms: int

    def __post_init__(self) -> None:
        """Refuse a release without an end: a forgotten one would measure nothing for ever."""
        if not 0 < self.duration_ms <= RELEASE_MS_MAX:
            raise ValueError(f"a release lasts 1 ms to 24 hours, not {self.duration_ms} ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resume:
    """Take the devices up, be it before a release ends by itself. `kernel_sequence`: up to this
    record of the kernel's log a meter has told of errors already; 0: of none."""

    kernel_sequence: int = 0


MeterMessage = Hello | SampleBatch | Notice
AgentMessage = Release | Resume


_LIMITS: Final[Limits] = {
    **dict.fromkeys(
        ("pid", "cadence_ms", "kind", "share_numerator", "share_denominator"), (1, None)
    ),
    "value": (None, None),
    "duration_ms": (1, RELEASE_MS_MAX),
}
_NAMES: Final[dict[type, str]] = {
    Hello: "hello", SampleBatch: "batch", Notice: "notice", Release: "release", Resume: "resume",
}  # fmt: skip
_READERS: Final = {name: reader_of(kind, _LIMITS) for kind, name in _NAMES.items()}


def encode_message(message: MeterMessage | AgentMessage) -> bytes:
    """One line: a JSON object without a space, with its newline.

    LinkError if it is longer than a line may be.
    """
    told = {_NAMES[type(message)]: message}
    line = json.dumps(told, separators=(",", ":"), default=fields_of).encode() + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise too_long(len(line), LINE_BYTES_MAX)
    return line


def decode_meter_message(line: bytes) -> MeterMessage:
    """What the meter said. LinkError names the field that is wrong."""
    message: MeterMessage = _decoded(line, "the meter says", "hello", "batch", "notice")
    if isinstance(message, Hello):
        _check_cadence(message, "hello.cadence_ms")
    if isinstance(message, SampleBatch):
        _check_cadence(message.meter, "batch.meter.cadence_ms")
        seen = {sample.device.hardware_id for sample in message.samples}
        if len(seen) != len(message.samples):
            raise LinkError("同一设备出现两次。A device stands twice in one batch", "batch.samples")
    return message


def _check_cadence(told: Hello | Meter, field: str) -> None:
    """Only a recorded workload is of looks so far apart: the gap limit follows from the cadence."""
    slowest_ms, cadence_ms = limits.LIVE_CADENCE_MS_MAX, told.cadence_ms
    if told.kind is not MeterKind.REPLAY and cadence_ms > slowest_ms:
        raise LinkError(
            f"采样间隔 {cadence_ms} 毫秒，超过 {slowest_ms} 毫秒。"
            f"{cadence_ms} ms is slower than {slowest_ms} ms",
            field,
        )


def decode_agent_message(line: bytes) -> AgentMessage:
    """What the agent asked for. LinkError names the field that is wrong."""
    message: AgentMessage = _decoded(line, "the agent says", "release", "resume")
    return message


def _decoded(line: bytes, says: str, *names: str) -> Any:
    """The message on a line, of one of these names."""
    content = object_of(line, LINE_BYTES_MAX)
    if len(content) != 1:
        count = len(content)
        raise LinkError(
            f"应有一个字段指明种类，实有 {count} 个。"
            f"Expected one field that names its kind, got {count}",
            "line",
        )
    ((name, fields),) = content.items()
    if name not in names:
        known = ", ".join(names)
        raise LinkError(f"种类未知，应为 {known}。No such kind: {says} {known}", name)
    try:
        return _READERS[name](fields)
    except LinkError as error:
        raise error.within(name) from error
