"""Values that cannot be: dropped and counted, never clamped."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Generic, Protocol, TypeVar

from kashi_agent.meters.values import OUT_OF_RANGE
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent, Device

DROPPED_TICKS: Final = 60
"""What is dropped again and again is told once and then so often, with its count: an event a tick
would crowd out every other event of a report."""


class Known(Protocol):
    """A device as a meter knows it from one tick to the next."""

    @property
    def device(self) -> Device:
        """What it is."""


Subject = TypeVar("Subject", bound=Known)


@dataclass(slots=True, kw_only=True)
class _Dropped(Generic[Subject]):
    """Values of one kind, of one device, that were dropped and not told of yet."""

    subject: Subject
    due_tick: int
    count: int = 0
    detail: str = ""


class DroppedValues(Generic[Subject]):
    """Counts what a meter drops; `note` takes the events: a device, their kind, detail, value."""

    def __init__(self, note: Callable[[Subject, int, str, int], None]) -> None:
        self._note = note
        self._tick = 0
        self._dropped: dict[tuple[str, str], _Dropped[Subject]] = {}

    def checked(self, subject: Subject, what: str, value: int | Absent, most: int) -> int | Absent:
        """The value, if it is one the vendor's documents allow; else it is dropped and counted."""
        if isinstance(value, Absent) or 0 <= value <= most:
            return value
        self.drop(subject, what, value)
        return OUT_OF_RANGE

    def drop(self, subject: Subject, what: str, value: object, count: int = 1) -> None:
        """Count values that cannot be; `value` is shown as an example."""
        key = (subject.device.hardware_id, what)
        dropped = self._dropped.setdefault(key, _Dropped(subject=subject, due_tick=self._tick))
        dropped.count += count
        dropped.detail = f"{what}: {value}"

    def end_tick(self) -> None:
        """Tell of what was dropped, where it is due."""
        for key, dropped in list(self._dropped.items()):
            if self._tick < dropped.due_tick:
                continue
            if not dropped.count:
                del self._dropped[key]
                continue
            self._note(
                dropped.subject, DeviceEventKind.VALUE_DROPPED, dropped.detail, dropped.count
            )
            dropped.count, dropped.due_tick = 0, self._tick + DROPPED_TICKS
        self._tick += 1
