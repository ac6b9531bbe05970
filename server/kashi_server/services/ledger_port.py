"""What the ledger asks of storage and of the log."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.ledger import Account, Movement


@dataclass(frozen=True, slots=True)
class StoredMovement:
    """A movement with its number and time; rows that make none have a `fault` instead."""

    movement_id: int
    key: str
    posted_utc_ms: int
    sha256: bytes
    movement: Movement | None
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Balance:
    """What stands beside an account."""

    account: Account
    amount: int


class LedgerPort(Protocol):
    """The ledger's rows."""

    def lock(self, accounts: Sequence[Account]) -> dict[str, int]:
        """Balances of accounts, made where absent, locked in the order of their names."""

    def movement(self, key: str) -> StoredMovement | None:
        """The movement of a key."""

    def add(self, movement: Movement, posted_utc_ms: int) -> None:
        """Add a movement, its postings, and what they make of the balances."""

    def movements(self) -> Iterator[StoredMovement]:
        """Every movement in order."""

    def balances(self, prefix: str = "") -> Sequence[Balance]:
        """Balances of accounts whose names begin so, by name."""

    def amounts(self, names: Collection[str]) -> Mapping[str, int]:
        """What accounts of exactly these names hold; those that are not there are left out."""


class LogPort(Protocol):
    """The append-only log, as far as the ledger asks."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Add an entry; the sequencer gives it its index once it is committed."""

    def logged(self, kind: str) -> Iterator[bytes]:
        """Every entry of a kind, with an index or waiting for one, in order."""


class LedgerUnit(Protocol):
    """One transaction."""

    @property
    def ledger(self) -> LedgerPort:
        """The ledger."""

    @property
    def log(self) -> LogPort:
        """The log."""

    def commit(self) -> None:
        """Make everything done so far durable."""


class LedgerWork(Protocol):
    """Opens transactions."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[LedgerUnit]:
        """Leaving it without commit rolls back."""
