"""What closing asks of storage about settlements: what is booked into a month, and carried on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.interval import Month
from kashi_server.domain.settlement import BookedCorrection, Settlement


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredSettlement:
    """A settlement as it is stored, and whose it is."""

    user_id: str
    number: str
    contract_id: str
    month: Month
    settlement: Settlement


class SettlementsPort(Protocol):
    """Settlements of months, and what goes into them."""

    def booked_into(self, month: Month) -> Mapping[str, Sequence[BookedCorrection]]:
        """What corrections book into a month, by contract."""

    def carried_before(self, month: Month) -> Mapping[str, int]:
        """Fen that the latest settlement before a month carries on, by contract; never above 0."""

    def add_settlement(self, settlement: StoredSettlement) -> None:
        """Store a contract's settlement of a month."""

    def settlements(self, month: Month) -> Mapping[str, Settlement]:
        """Settlements of a month, by number of the statement."""
