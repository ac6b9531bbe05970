"""What the meter process and the agent say to each other: one JSON object a line, either way.

The meter says `Hello` once a connection, then a `SampleBatch` a tick, and `Notice` when something
keeps it from measuring. The agent says `Release` and `Resume`, nothing else. A line that is not
exactly one of these is refused with the field's path: the two processes are of one version, so an
unknown field is a mistake and never the future.
"""

import json
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from kashi_agent.batch_fields import METERS, batch_fields, batch_of
from kashi_agent.link_fields import TEXT_CHARACTERS_MAX, Fields, LinkError
from kashi_agent.sample import MeterKind, SampleBatch

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


def encode_meter_message(message: MeterMessage) -> bytes:
    """One line of the meter. LinkError if it is longer than a line may be."""
    match message:
        case SampleBatch():
            body: dict[str, object] = {"batch": batch_fields(message)}
        case Hello(pid=pid, kind=kind, cadence_ms=cadence_ms):
            body = {"hello": {"pid": pid, "kind": int(kind), "cadence_ms": cadence_ms}}
        case Notice(boottime_ms=boottime_ms, kind=notice, detail=detail):
            body = {
                "notice": {
                    "boottime_ms": boottime_ms,
                    "kind": str(notice),
                    "detail": detail[:TEXT_CHARACTERS_MAX],
                }
            }
    return _line(body)


def decode_meter_message(line: bytes) -> MeterMessage:
    """What the meter said. LinkError names the field that is wrong."""
    root = Fields.of_line(line, LINE_BYTES_MAX)
    name, fields = root.only()
    match name:
        case "batch":
            message: MeterMessage = batch_of(fields)
        case "hello":
            message = Hello(
                pid=fields.integer("pid", 1),
                kind=MeterKind(fields.member("kind", METERS)),
                cadence_ms=fields.integer("cadence_ms", 1),
            )
        case "notice":
            message = Notice(
                boottime_ms=fields.integer("boottime_ms"),
                kind=NoticeKind(fields.word("kind", _NOTICES)),
                detail=fields.text("detail", TEXT_CHARACTERS_MAX),
            )
        case _:
            raise LinkError(f"{name}: the meter says hello, batch or notice")
    fields.done()
    return message


def encode_agent_message(message: AgentMessage) -> bytes:
    """One line of the agent."""
    match message:
        case Release(duration_ms=duration_ms):
            return _line({"release": {"duration_ms": duration_ms}})
        case Resume(kernel_sequence=sequence):
            return _line({"resume": {"kernel_sequence": sequence}})


def decode_agent_message(line: bytes) -> AgentMessage:
    """What the agent asked for. LinkError names the field that is wrong."""
    root = Fields.of_line(line, LINE_BYTES_MAX)
    name, fields = root.only()
    match name:
        case "release":
            duration_ms = fields.integer("duration_ms", 1)
            fields.done()
            try:
                return Release(duration_ms=duration_ms)
            except ValueError as error:
                raise LinkError(f"release.duration_ms: {error}") from error
        case "resume":
            sequence = fields.integer("kernel_sequence")
            fields.done()
            return Resume(kernel_sequence=sequence)
        case _:
            raise LinkError(f"{name}: the agent says release or resume")


_NOTICES = frozenset(str(kind) for kind in NoticeKind)


def _line(body: dict[str, object]) -> bytes:
    """A JSON object without a space and with its newline."""
    line = json.dumps(body, separators=(",", ":")).encode() + b"\n"
    if len(line) > LINE_BYTES_MAX:
        raise LinkError(f"a line of {len(line)} bytes; at most {LINE_BYTES_MAX} may pass")
    return line
