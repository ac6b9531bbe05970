"""How a device of NVIDIA's is asked for a value, and what becomes of a value that cannot be."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from kashi_agent.meters.nvml_calls import Handle
from kashi_agent.meters.nvml_cards import Card, Note
from kashi_agent.meters.nvml_values import NOT_SUPPORTED, OUT_OF_RANGE
from kashi_agent.reading import DeviceEventKind
from kashi_agent.sample import Absent

DROPPED_TICKS: Final = 60
"""What is dropped again and again is told once and then so often, with its count: an event a tick
would crowd out every other event of a report."""


@dataclass(slots=True, kw_only=True)
class _Dropped:
    """Values of one kind, of one device, that were dropped and not told of yet."""

    card: Card
    due_tick: int
    count: int = 0
    detail: str = ""


class Asking:
    """Asks devices, and counts what it drops."""

    def __init__(self, note: Note) -> None:
        self._note = note
        self._tick = 0
        self._dropped: dict[tuple[str, str], _Dropped] = {}

    def value(self, card: Card, name: str, ask: Callable[[Handle], int | Absent]) -> int | Absent:
        """Ask, unless the device said that it does not know this, until the next refresh."""
        if name in card.unsupported:
            return NOT_SUPPORTED
        value = ask(card.handle)
        if value == NOT_SUPPORTED:
            card.unsupported.add(name)
        return value

    def checked(self, card: Card, what: str, value: int | Absent, most: int) -> int | Absent:
        """The value, if it is one the vendor's documents allow; else it is dropped and counted."""
        if isinstance(value, Absent) or 0 <= value <= most:
            return value
        self.drop(card, what, value)
        return OUT_OF_RANGE

    def drop(self, card: Card, what: str, value: object, count: int = 1) -> None:
        """Count values that cannot be; `value` is shown as an example."""
        key = (card.device.hardware_id, what)
        dropped = self._dropped.setdefault(key, _Dropped(card=card, due_tick=self._tick))
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
            self._note(dropped.card, DeviceEventKind.VALUE_DROPPED, dropped.detail, dropped.count)
            dropped.count, dropped.due_tick = 0, self._tick + DROPPED_TICKS
        self._tick += 1
