"""Reading claims: lists, one claim with its way, vouchers; a company sees its own alone."""

from collections.abc import Sequence
from dataclasses import dataclass

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import Step, Transition, Who, transitions
from kashi_server.errors import NotFound
from kashi_server.services.claim_flags import (
    TROUBLING,
    ClaimFlag,
    Recoverable,
    recoverable,
    standing_flags,
)
from kashi_server.services.claim_interest import open_recoveries
from kashi_server.services.claim_steps import ClaimSteps, existing
from kashi_server.services.claims_port import (
    ClaimsUnit,
    EvidencePaper,
    Proposal,
    StoredClaim,
    StoredEvaluation,
)
from kashi_server.services.sight import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownClaim:
    """A claim with everything that led to it, and what can follow."""

    stored: StoredClaim
    events: tuple[ClaimEvent, ...]
    evaluations: tuple[StoredEvaluation, ...]
    proposals: tuple[Proposal, ...]
    evidence: tuple[EvidencePaper, ...]
    certificates: tuple[str, ...]

    @property
    def possible(self) -> tuple[Transition, ...]:
        """The steps that are allowed now, and who may take them."""
        claim = self.stored.claim
        return tuple(
            one
            for one in transitions(claim.mode, claim.review)
            if claim.state in one.sources
            # Nobody decides it: a day that passes does, or a paper that falls away.
            and one.who is not Who.CLOCK
            and (one.step is not Step.CHARGE_INTEREST or self.interest_open)
            and (one.step is not Step.CLAW_BACK or claim.amounts.out_fen > 0)
        )

    @property
    def flags(self) -> tuple[ClaimFlag, ...]:
        """Agreements that changed under it since its worth was asked last."""
        return standing_flags(self.events)

    @property
    def recoverable(self) -> Recoverable | None:
        """Whether of its paid money something may be recovered."""
        return recoverable(self.stored, self.events)

    @property
    def interest_open(self) -> bool:
        """Money was recovered, and what interest is due on it nobody knew."""
        return bool(open_recoveries(self.events))


class ClaimReading(ClaimSteps):
    """What readers see; `Reader` says whose."""

    def all(self, reader: Reader, batch_id: str | None = None) -> Sequence[StoredClaim]:
        """Claims by id: a party's own, or all for the office and auditors."""
        with self._work.begin(writes=False, party=reader.party_id or "*") as unit:
            return unit.claims.claims(batch_id=batch_id, party_id=reader.party_id)

    def show(self, reader: Reader, claim_id: str) -> ShownClaim:
        """One claim.

        Raises:
            NotFound: there is none of that id for this reader.
        """
        with self._work.begin(writes=False, party=reader.party_id or "*") as unit:
            stored = seen(unit, reader, claim_id)
            return ShownClaim(
                stored=stored,
                events=tuple(unit.claims.events(claim_id)),
                evaluations=tuple(unit.claims.evaluations(claim_id)),
                proposals=_proposals(unit, reader, stored),
                evidence=tuple(evidence_of(unit, stored)),
                certificates=certificates_of(unit, stored),
            )

    def to_recover(self, reader: Reader) -> Sequence[Recoverable]:
        """Claims of which paid money may be recovered, for the office: the latest told first."""
        if not reader.role.sees_everything:
            return ()
        with self._work.begin(writes=False, party="*") as unit:
            found = [
                recoverable(existing(unit, claim_id), unit.claims.events(claim_id))
                for claim_id in unit.claims.having(TROUBLING)
            ]
        told = [one for one in found if one is not None]
        return sorted(told, key=lambda one: one.utc_ms, reverse=True)

    def vouchers(self, reader: Reader) -> Sequence[StoredClaim]:
        """Claims that have a voucher, the one that ends first first."""
        found = [one for one in self.all(reader) if one.claim.voucher is not None]
        return sorted(found, key=_voucher_order)


def seen(unit: ClaimsUnit, reader: Reader, claim_id: str) -> StoredClaim:
    """A claim that a reader may see: its company's, its payee's, the office's.

    Raises:
        NotFound: there is none of that id for this reader.
    """
    stored = unit.claims.claim(claim_id)
    if stored is None or not any(
        reader.may_read(party) for party in (stored.claim.company_id, stored.claim.payee_id)
    ):
        raise NotFound(
            f"没有申报“{claim_id}”，请用 claim list 查看。"
            f"there is no claim '{claim_id}'; list them with: claim list"
        )
    return stored


def evidence_of(unit: ClaimsUnit, stored: StoredClaim) -> Sequence[EvidencePaper]:
    """Files about the claim, its contracts, invoices and payments."""
    claim, content = stored.claim, stored.content
    subjects = [
        f"claim:{claim.claim_id}",
        *(f"contract:{one}" for one in content.contract_ids),
        *(f"invoice:{one}" for one in sorted({part.number for part in content.invoices})),
        *(f"payment:{claim.company_id}/{one}" for one in content.payments),
    ]
    return unit.claim_papers.evidence(claim.company_id, subjects)


def certificates_of(unit: ClaimsUnit, stored: StoredClaim) -> tuple[str, ...]:
    """Numbers of the certificates in force of the statements that a claim names."""
    found = (unit.claims.certified(one) for one in stored.content.statements)
    return tuple(sorted({one for one in found if one is not None}))


def _proposals(unit: ClaimsUnit, reader: Reader, stored: StoredClaim) -> tuple[Proposal, ...]:
    """What officers propose is for the office to see."""
    if not reader.role.sees_everything:
        return ()
    return tuple(unit.claims.proposals(stored.claim.claim_id, stored.claim.serial))


def _voucher_order(stored: StoredClaim) -> tuple[str, str]:
    voucher = stored.claim.voucher
    end = None if voucher is None else voucher.valid_until
    return ("9999" if end is None else end.isoformat()), stored.claim.claim_id
