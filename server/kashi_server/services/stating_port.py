"""What stated usage and explanations of gaps ask of storage, in plain values."""

from collections.abc import Collection, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.attestation import Attestation, AttestationState, StatedRecord
from kashi_server.domain.device import DeviceRecord
from kashi_server.domain.gap_explanation import GapDecision, GapExplanation
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.acts import ActsPort
from kashi_server.services.expense_port import ExpensePort
from kashi_server.services.log_port import PendingEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationChange:
    """What became of an attestation: by whom, when and why."""

    attestation_id: str
    state: AttestationState
    party_id: str
    actor: str
    reason: str
    utc_ms: int


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttestation:
    """An attestation as it stands; `change` None: it waits for the company."""

    attestation: Attestation
    stated_utc_ms: int
    change: AttestationChange | None

    @property
    def state(self) -> AttestationState:
        """How it stands."""
        return AttestationState.STATED if self.change is None else self.change.state


class StatedPort(Protocol):
    """Sources, attestations and their records."""

    def has_source(self, sha256: str) -> bool:
        """The bytes are kept already."""

    def add_source(self, sha256: str, content: bytes, received_utc_ms: int) -> None:
        """Keep bytes under their hash."""

    def source(self, sha256: str) -> bytes | None:
        """Kept bytes."""

    def add(self, attestation: Attestation, stated_utc_ms: int) -> None:
        """Add an attestation with its records."""

    def change(self, change: AttestationChange) -> None:
        """Countersign or withdraw; once."""

    def attestation(self, attestation_id: str) -> StoredAttestation | None:
        """One attestation."""

    def attestations(self, party_id: str | None = None) -> Sequence[StoredAttestation]:
        """All, or those of one party on either side, as they were stated."""

    def countersigned(self, start: int, end: int) -> Sequence[StoredAttestation]:
        """Those that count, with time in the UTC minutes [start, end)."""

    def standing(
        self, start_utc_ms: int, end_utc_ms: int
    ) -> Iterator[tuple[StoredAttestation, StatedRecord]]:
        """Records that touch [start, end) of attestations that are not withdrawn."""


class GapsPort(Protocol):
    """Explanations of gaps and what officers made of them."""

    def add_explanation(self, explanation: GapExplanation) -> None:
        """Add an explanation."""

    def add_decision(self, decision: GapDecision) -> None:
        """Add an officer's word on one."""

    def explanation(self, explanation_id: str) -> GapExplanation | None:
        """One explanation."""

    def explanations(
        self, start: int | None = None, end: int | None = None
    ) -> Sequence[GapExplanation]:
        """Those that touch the UTC minutes [start, end), or all, in order of their time."""

    def decisions(self, explanation_id: str | None = None) -> Sequence[GapDecision]:
        """Decisions on one, or all, in their order."""


class StatingFacts(Protocol):
    """What is asked of agents' facts."""

    def device_hours(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Iterator[DeviceHour]:
        """Device-hours that touch [start, end)."""

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts."""


class StatingLog(Protocol):
    """The end of the log."""

    def append_pending(self, kind: str, reference: str, entry: bytes) -> None:
        """Hand an entry to the sequencer."""

    def pending_entries(self, count_max: int) -> Sequence[PendingEntry]:
        """Committed entries without an index, oldest first."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands."""


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
    def identity(self) -> ActsPort:
        """Privileged acts."""

    @property
    def log(self) -> StatingLog:
        """The log."""

    def commit(self) -> None:
        """Make it durable."""


class StatingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[StatingUnit]:
        """Open one."""
