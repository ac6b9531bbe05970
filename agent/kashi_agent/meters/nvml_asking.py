"""How a device of NVIDIA's is asked for a value, and what becomes of a value that cannot be."""

from collections.abc import Callable

from kashi_agent.meters.dropped import DroppedValues
from kashi_agent.meters.nvml_calls import Handle
from kashi_agent.meters.nvml_cards import Card
from kashi_agent.meters.values import NOT_SUPPORTED
from kashi_agent.sample import Absent


class Asking(DroppedValues[Card]):
    """Asks devices, and counts what it drops."""

    def value(self, card: Card, name: str, ask: Callable[[Handle], int | Absent]) -> int | Absent:
        """Ask, unless the device said that it does not know this, until the next refresh."""
        if name in card.unsupported:
            return NOT_SUPPORTED
        value = ask(card.handle)
        if value == NOT_SUPPORTED:
            card.unsupported.add(name)
        return value
