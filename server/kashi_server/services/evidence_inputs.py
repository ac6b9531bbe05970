"""Reading what a close rests on besides agents' readings: what counts up to its cut-off."""

from collections.abc import Sequence
from typing import Final, Protocol

from kashi_server.domain.attestation import Attestation
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.gap_counting import counts_on_officers
from kashi_server.domain.gap_explanation import ExplanationState, GapExplanation, state_of
from kashi_server.domain.key_word import KeyWord, custody_by_host
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import StorageError
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.expense_port import HostsPort
from kashi_server.services.log_port import Entry

ATTESTATION_ENTRY: Final = "attestation"
ATTESTATION_CHANGE_ENTRY: Final = "attestation-change"
ATTESTATION_REVERSAL_ENTRY: Final = "attestation-reversal"
EXPLANATION_ENTRY: Final = "gap-explanation"
GAP_DECISION_ENTRY: Final = "gap-decision"
KEY_CLAIM_ENTRY: Final = "host-key-token"
KEY_WORD_ENTRY: Final = "host-key-word"
EVIDENCE_ENTRIES: Final = frozenset(
    {ATTESTATION_CHANGE_ENTRY, ATTESTATION_REVERSAL_ENTRY, GAP_DECISION_ENTRY, KEY_WORD_ENTRY}
)
"""Kinds of log entries that change what counts: none may wait while a month is closed."""


class PlacesPort(Protocol):
    """Where entries stand in the log."""

    def index_of(self, kind: str, reference: str) -> int | None:
        """Where the latest entry of this kind and reference stands."""

    def entries_of(self, kind: str, size: int) -> Sequence[Entry]:
        """The entries of a kind with an index below `size`, in order."""


class EvidenceUnit(Protocol):
    """A unit of work as reading evidence needs it."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""

    @property
    def gap_words(self) -> GapsPort:
        """What parties and officers say of gaps."""

    @property
    def identity(self) -> HostsPort:
        """Hosts."""

    @property
    def log(self) -> PlacesPort:
        """The log."""


def decision_reference(explanation_id: str, officer: str) -> str:
    """How the log names one officer's word on an explanation."""
    return f"{explanation_id}/{officer}"


def read_evidence(
    unit: EvidenceUnit, start: int, end: int, size: int, rules: Sequence[RulesVersion]
) -> EvidenceInputs:
    """What counts for the UTC minutes [start, end), by the log's first `size` entries.

    `rules` are those it is rated by: where they count gaps on officers' word, it takes two, also
    if they said nothing of it yet when the first officer accepted.
    """
    return EvidenceInputs(
        attestations=_attestations(unit, start, end, size),
        explained=_explained(unit, start, end, size, rules),
        custody=custody_by_host(_key_words(unit, size)),
    )


def _key_words(unit: EvidenceUnit, size: int) -> Sequence[KeyWord]:
    """Officers' words on hosts' keys among the log's first `size` entries.

    A host's row of today is not asked: it would reach into months that were closed before it
    changed, and no replay could tell. Row and entry must say the same, because not everybody who
    writes one of them may write the other; an entry that came twice is one word.
    """
    stored = {one.reference: one for one in unit.identity.key_words()}
    found: dict[str, KeyWord] = {}
    for entry in unit.log.entries_of(KEY_WORD_ENTRY, size):
        word = stored.get(entry.reference)
        if word is None or word.to_bytes() != entry.entry:
            raise StorageError(
                f"主机密钥的确认记录 {entry.reference} 与日志所载不符，无法据以计价；"
                "请运行 kashi-server fsck，并从备份恢复。"
                f"the word {entry.reference} on a host's key is not what the log has of it, and"
                " nothing is rated by it; run kashi-server fsck, and restore a backup"
            )
        found[entry.reference] = word
    return tuple(found.values())


def _within(unit: EvidenceUnit, kind: str, reference: str, size: int) -> bool:
    index = unit.log.index_of(kind, reference)
    return index is not None and index < size


def _attestations(unit: EvidenceUnit, start: int, end: int, size: int) -> Sequence[Attestation]:
    return [
        stored.attestation
        for stored in unit.stated.countersigned(start, end)
        if _within(unit, ATTESTATION_CHANGE_ENTRY, stored.attestation.attestation_id, size)
        and not stored.reversed_by(
            word
            for word in stored.words
            if _within(unit, ATTESTATION_REVERSAL_ENTRY, word.reference, size)
        )
    ]


def _explained(
    unit: EvidenceUnit, start: int, end: int, size: int, rules: Sequence[RulesVersion]
) -> Sequence[GapExplanation]:
    found = []
    for explanation in unit.gap_words.explanations(start, end):
        explanation_id = explanation.explanation_id
        decided = [
            one
            for one in unit.gap_words.decisions(explanation_id)
            if _within(
                unit, GAP_DECISION_ENTRY, decision_reference(explanation_id, one.officer), size
            )
        ]
        # By what is decided up to here, and by the rules of here: not by those of the decision.
        of_two = counts_on_officers(rules, explanation.interval)
        if state_of(decided, of_two=of_two) is ExplanationState.ACCEPTED:
            found.append(explanation)
    return found
