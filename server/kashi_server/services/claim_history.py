"""What a simulation reads of claims: their steps as the log has them, and what each evaluated."""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from datetime import date
from typing import Any, NamedTuple, Protocol

from kashi_server.domain.claim_states import ClaimState, Step
from kashi_server.domain.evaluation.case import Case
from kashi_server.domain.evaluation.case_data import case_of_data
from kashi_server.domain.money import parse_yuan
from kashi_server.domain.party import Party
from kashi_server.domain.replayed_claim import (
    EndedPaid,
    EvaluatedThen,
    ReplayedClaim,
    ReplayedStep,
    UseThen,
)
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claim_stands import STANDS
from kashi_server.services.claim_steps import day_of
from kashi_server.services.claim_uses import ENDS_PAID, VoucherUses
from kashi_server.services.claims_port import StoredEvaluation


class ClaimHead(NamedTuple):
    """Whose claim it is, of which batch and its version of the rules, on which contracts."""

    claim_id: str
    company_id: str
    batch_id: str
    version: str
    contract_ids: tuple[str, ...]


class ClaimHistoryPort(Protocol):
    """What a simulation asks of claims."""

    def heads(self, programme_id: str, year: int) -> Sequence[ClaimHead]:
        """The claims of a budget year, by id."""

    def evaluation(self, claim_id: str, serial: int) -> StoredEvaluation | None:
        """The evaluation of a step."""


class AgreementsPort(Protocol):
    """Parties and rules."""

    def parties(self) -> Sequence[Party]:
        """All parties."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """A programme's registered versions."""


class LoggedPort(Protocol):
    """The log."""

    def logged(self, kind: str) -> Iterator[bytes]:
        """Every entry of a kind, in order."""


class ClaimHistoryUnit(Protocol):
    """A unit of work as a simulation of claims needs it."""

    @property
    def claims(self) -> ClaimHistoryPort:
        """Claims."""

    @property
    def expense(self) -> AgreementsPort:
        """Parties and rules."""

    @property
    def log(self) -> LoggedPort:
        """The log."""


class ClaimHistoryWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ClaimHistoryUnit]:
        """Open one."""


class StoodStep(NamedTuple):
    """A step as it is listed: how the claim stood after it, without what it evaluated.

    `evaluates`: the application; `uses`: it is a use of the voucher, on papers of its own.
    """

    claim_id: str
    serial: int
    utc_ms: int
    state: ClaimState
    applied_on: str | None
    approved_fen: int
    released_fen: int
    computed_fen: int | None
    evaluates: bool
    uses: bool
    ended: EndedPaid | None


def listed_steps(entries: Iterable[bytes], heads: Mapping[str, ClaimHead]) -> list[StoodStep]:
    """The steps of these claims in the order in which they were taken."""
    found, of_vouchers = [], defaultdict[str, VoucherUses](VoucherUses)
    for entry in entries:
        said: dict[str, Any] = json.loads(entry)
        if said["claim_id"] not in heads:
            continue
        terms: dict[str, Any] = said["terms"]
        stands, uses = terms[STANDS], of_vouchers[said["claim_id"]]
        uses.follow(_Logged(said["serial"], said["step"], said["after"], terms))
        found.append(
            StoodStep(
                claim_id=heads[said["claim_id"]].claim_id,
                serial=said["serial"],
                utc_ms=said["utc_ms"],
                state=ClaimState(stands["state"]),
                applied_on=stands["applied_on"],
                approved_fen=stands["approved_fen"],
                released_fen=stands["released_fen"],
                computed_fen=stands["computed_fen"],
                # A use is of parts of the expense that the application was evaluated on.
                evaluates="trace_sha256" in terms and said["step"] != Step.USE,
                uses="trace_sha256" in terms and said["step"] == Step.USE,
                ended=_ended_paid(stands, uses),
            )
        )
    return found


class _Logged(NamedTuple):
    """A step as its voucher's uses are followed by."""

    serial: int
    step: str
    after: str
    terms: Mapping[str, Any]


def _ended_paid(stands: Mapping[str, Any], uses: VoucherUses) -> EndedPaid | None:
    """How a voucher ended of which something was paid and not recovered."""
    if stands["state"] not in ENDS_PAID or stands["disbursed_fen"] <= stands["recovered_fen"]:
        return None
    return EndedPaid(serials=uses.paid_serials, told_fen=uses.told_fen)


def replayed_claim(head: ClaimHead, rules: RulesVersion) -> ReplayedClaim:
    """A claim with the rules of its batch."""
    return ReplayedClaim(
        claim_id=head.claim_id,
        company_id=head.company_id,
        batch_id=head.batch_id,
        contract_ids=head.contract_ids,
        rules=rules,
    )


def replayed_step(
    one: StoodStep, claim: ReplayedClaim, stored: StoredEvaluation | None
) -> ReplayedStep:
    """A step with what it evaluated; `stored`: None where it evaluated nothing."""
    return ReplayedStep(
        claim=claim,
        on=day_of(one.utc_ms),
        state=one.state,
        applied_on=None if one.applied_on is None else date.fromisoformat(one.applied_on),
        approved_fen=one.approved_fen,
        released_fen=one.released_fen,
        evaluated=_evaluated(stored) if stored is not None and one.evaluates else None,
        use=_use(stored) if stored is not None and one.uses else None,
        ended=one.ended,
    )


def _evaluated(stored: StoredEvaluation) -> EvaluatedThen:
    return EvaluatedThen(
        case=_case(stored),
        requested_fen=stored.requested_fen,
        eligible_fen=_eligible_fen(stored),
        amount_fen=stored.amount_fen,
    )


def _use(stored: StoredEvaluation) -> UseThen:
    return UseThen(serial=stored.serial, case=_case(stored), eligible_fen=_eligible_fen(stored))


def _case(stored: StoredEvaluation) -> Case:
    where = f"evaluation {stored.serial} of claim {stored.claim_id}"
    return case_of_data(json.loads(stored.inputs), where)


def _eligible_fen(stored: StoredEvaluation) -> int:
    eligible = json.loads(stored.trace)["eligible_yuan"]
    return 0 if eligible is None else parse_yuan(eligible)
