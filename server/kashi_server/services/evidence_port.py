"""Attestations and explanations of gaps as storage keeps them, in plain values."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from typing import Protocol

from kashi_server.domain.attestation import Attestation, AttestationState, StatedRecord
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.gap_explanation import GapDecision, GapExplanation


@dataclass(frozen=True, slots=True, kw_only=True)
class AttestationChange:
    """What became of an attestation: by whom, when and why."""

    attestation_id: str
    state: AttestationState
    party_id: str
    actor: str
    reason: str
    utc_ms: int

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        return canonical_bytes(
            {
                "format": "kashi/v1/attestation-change",
                "attestation_id": self.attestation_id,
                "state": str(self.state),
                "party_id": self.party_id,
                "actor": self.actor,
                "reason": self.reason,
                "utc_ms": self.utc_ms,
            }
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ReversalWord:
    """One word that a countersigned attestation is taken back: a party's, or an officer's.

    `party_id` None: the officer `actor` decides, with another one.
    """

    attestation_id: str
    party_id: str | None
    actor: str
    reason: str
    utc_ms: int

    @property
    def speaker(self) -> str:
        """Whose word it is."""
        return self.party_id or self.actor

    @property
    def reference(self) -> str:
        """How the log names it."""
        return f"{self.attestation_id}/{self.speaker}"

    def to_bytes(self) -> bytes:
        """What the log keeps of it."""
        said = {one.name: getattr(self, one.name) for one in fields(self)}
        return canonical_bytes({"format": "kashi/v1/attestation-reversal", **said})


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredAttestation:
    """An attestation as it stands; `change` None: it waits for the company.

    `words` are those by which a countersigned one is taken back, oldest first.
    """

    attestation: Attestation
    stated_utc_ms: int
    change: AttestationChange | None
    words: tuple[ReversalWord, ...] = ()

    @property
    def state(self) -> AttestationState:
        """How it stands."""
        if self.change is None:
            return AttestationState.STATED
        return AttestationState.REVERSED if self.reversed_by(self.words) else self.change.state

    def reversed_by(self, words: Iterable[ReversalWord]) -> bool:
        """Whether these words take it back: those of both parties, or of two officers."""
        said = list(words)
        parties = {one.party_id for one in said if one.party_id is not None}
        officers = {one.actor for one in said if one.party_id is None}
        both = {self.attestation.provider_id, self.attestation.user_id}
        return both <= parties or len(officers) > 1


@dataclass(frozen=True, slots=True, kw_only=True)
class StatedHead:
    """An attestation in a list: everything but its records, of which it tells how many."""

    attestation_id: str
    kind: str
    site: str
    contract_id: str
    provider_id: str
    user_id: str
    source_name: str
    start_utc_ms: int
    end_utc_ms: int
    card_ms: int
    stated_utc_ms: int
    state: AttestationState
    records: int


class StatedPort(Protocol):
    """Sources, attestations and their records."""

    def has_source(self, sha256: str) -> bool:
        """The bytes are kept already."""

    def add_source(self, sha256: str, content: bytes, received_utc_ms: int) -> None:
        """Keep bytes under their hash."""

    def source(self, sha256: str) -> bytes | None:
        """Kept bytes."""

    def sources(self) -> Sequence[str]:
        """The hashes of all kept files."""

    def add(self, attestation: Attestation, stated_utc_ms: int) -> None:
        """Add an attestation with its records."""

    def change(self, change: AttestationChange) -> None:
        """Countersign or withdraw; once."""

    def add_reversal(self, word: ReversalWord) -> None:
        """Add a word that a countersigned one is taken back; once a speaker."""

    def attestation(self, attestation_id: str) -> StoredAttestation | None:
        """One attestation."""

    def attestations(self, party_id: str | None = None) -> Sequence[StoredAttestation]:
        """All, or those of one party on either side, as they were stated."""

    def heads(
        self,
        party_id: str | None,
        state: AttestationState | None = None,
        *,
        offset: int = 0,
        limit: int,
    ) -> Sequence[StatedHead]:
        """Some of those of a party on either side, or of all, that stand so: what awaits the party
        first, then the latest; no record is read."""

    def counted(self, party_id: str | None, state: AttestationState | None = None) -> int:
        """How many these are in all."""

    def awaiting(self, party_id: str) -> int:
        """How many await this company's countersignature."""

    def countersigned(self, start: int, end: int) -> Sequence[StoredAttestation]:
        """Those that were countersigned, with time in the UTC minutes [start, end); some of them
        may have been taken back since."""

    def standing(
        self, start_utc_ms: int, end_utc_ms: int
    ) -> Iterator[tuple[StoredAttestation, StatedRecord]]:
        """Records that touch [start, end) of attestations that stand."""

    def standing_of(self, provider_id: str, source_sha256: str) -> Sequence[StoredAttestation]:
        """A provider's attestations of one source file that stand."""


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
