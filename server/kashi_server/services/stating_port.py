"""What stating usage and explaining gaps ask of storage."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from typing import Protocol

from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.acts import ActsPort
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.expense_port import ExpensePort
from kashi_server.services.expense_port import HostsPort as EnrolledHosts
from kashi_server.services.two_officers import AccountsRead


class StatingFacts(Protocol):
    """What is asked of agents' facts."""

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch [start, end)."""

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts."""

    def hardware(self, hardware_id: str) -> Sequence[DeviceRecord]:
        """The devices that hosts report by any id of the hardware that this id is of."""

    def hardware_ids(self) -> Sequence[str]:
        """The hardware id of every device of which anything counts."""

    def gaps(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[ReportedGap]:
        """Reported gaps that touch [start, end)."""


class StatingHosts(ActsPort, EnrolledHosts, Protocol):
    """Privileged acts, and hosts."""

    def actors(self, act: str, reference: str) -> Sequence[str]:
        """Who did an act upon something, oldest first."""


class StatingLog(Protocol):
    """The end of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""


class StatingUnit(Protocol):
    """A unit of work as stated usage and explanations need it."""

    @property
    def expense(self) -> ExpensePort:
        """Agreements and closes."""

    @property
    def facts(self) -> StatingFacts:
        """What agents measured."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""

    @property
    def gap_words(self) -> GapsPort:
        """What parties and officers say of gaps."""

    @property
    def identity(self) -> StatingHosts:
        """Privileged acts, and hosts."""

    @property
    def accounts(self) -> AccountsRead:
        """Accounts."""

    @property
    def log(self) -> StatingLog:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class StatingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[StatingUnit]:
        """Open one."""
