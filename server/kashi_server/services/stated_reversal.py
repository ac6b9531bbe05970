"""Taking a countersigned attestation back: by both parties, or by two officers.

A countersignature may have been an error, or obtained by one. Whoever gave a word does not take it
back alone: the contract's two parties do, each by a word of its own, or two officers together. From
the last of these words on, by its place in the log, nothing of the attestation counts: an open
month closes without it, and in a closed month a correction takes its lines back. Every word is
kept, an entry of the log and a privileged act; its records may then be stated anew.
"""

from collections.abc import Callable

from kashi_server.domain.attestation import AttestationState
from kashi_server.errors import Refused
from kashi_server.services.acting import Acting
from kashi_server.services.acts import PrivilegedAct, record
from kashi_server.services.evidence_inputs import ATTESTATION_REVERSAL_ENTRY
from kashi_server.services.evidence_port import ReversalWord, StoredAttestation
from kashi_server.services.stating import existing
from kashi_server.services.stating_port import StatingUnit, StatingWork
from kashi_server.services.two_officers import OfficersDecision, check_officers

REVERSAL_ACT = "usage-reversed"
"""How a word is called among privileged acts."""


class StatedReversal:
    """Takes words by which a countersigned attestation counts no longer."""

    def __init__(self, work: StatingWork, clock: Callable[[], int]) -> None:
        """Over a database; `clock` gives UTC milliseconds."""
        self._work = work
        self._clock = clock

    def say(self, attestation_id: str, acting: Acting, reason: str) -> AttestationState:
        """One party's word; how the attestation stands then.

        Raises:
            NotFound: there is none for this party.
            Refused: nobody acts for a party, it is not countersigned, the party spoke before, or
                whoever says so recorded the other side's word as well.
        """
        if acting.party_id is None:
            raise Refused(
                "撤销须由声明的一方或两名经办人办理，请注明。"
                "a party takes back what it agreed to, or two officers do: name them"
            )
        with self._work.begin() as unit:
            unit.expense.lock()
            stored = existing(unit, attestation_id, acting)
            _check_other_side(stored, acting)
            word = self._word(attestation_id, acting.party_id, acting.actor, reason)
            words = (*stored.words, self._add(unit, stored, word))
            unit.commit()
        found = stored.reversed_by(words)
        return AttestationState.REVERSED if found else AttestationState.COUNTERSIGNED

    def decide(self, attestation_id: str, decision: OfficersDecision) -> None:
        """Two officers take it back, whatever the parties say.

        Raises:
            NotFound: there is no such attestation.
            Refused: one of them is no officer here, or it is not countersigned.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            check_officers(unit.accounts, decision)
            office = Acting(actor=decision.officers[0], party_id=None)
            stored = existing(unit, attestation_id, office)
            for officer in decision.officers:
                self._add(unit, stored, self._word(attestation_id, None, officer, decision.reason))
            unit.commit()

    def _word(
        self, attestation_id: str, party_id: str | None, actor: str, reason: str
    ) -> ReversalWord:
        return ReversalWord(
            attestation_id=attestation_id,
            party_id=party_id,
            actor=actor,
            reason=reason,
            utc_ms=self._clock(),
        )

    def _add(
        self, unit: StatingUnit, stored: StoredAttestation, word: ReversalWord
    ) -> ReversalWord:
        if stored.state is not AttestationState.COUNTERSIGNED:
            raise Refused(
                f"仅已会签的声明可以撤销：声明 {word.attestation_id} 现为 "
                f"{stored.state}；待会签的请撤回。"
                f"attestation {word.attestation_id} is {stored.state}; only what is countersigned"
                " is taken back so, and what waits is withdrawn"
            )
        if any(one.speaker == word.speaker for one in stored.words):
            raise Refused(
                f"{word.speaker} 已同意撤销，现待另一方。"
                f"{word.speaker} said so already; it waits for the other side"
            )
        unit.stated.add_reversal(word)
        unit.log.append_pending(ATTESTATION_REVERSAL_ENTRY, word.reference, word.to_bytes())
        done = PrivilegedAct(
            utc_ms=word.utc_ms,
            actor=word.actor,
            act=REVERSAL_ACT,
            reference=word.reference,
            reason=word.reason,
        )
        record(unit, done)
        return word


def _check_other_side(stored: StoredAttestation, acting: Acting) -> None:
    """Both sides agree where two people said so, each for its own side."""
    others = [one for one in stored.words if one.party_id not in (None, acting.party_id)]
    if any(one.actor == acting.actor for one in others):
        raise Refused(
            f"双方的意见须由不同账号录入：{acting.actor} 已录入另一方的意见，"
            "请由该单位以本方账号办理，或由其他经办人录入。"
            f"{acting.actor} recorded the other side's word; a party says so by its own login, or"
            " another officer records it"
        )
