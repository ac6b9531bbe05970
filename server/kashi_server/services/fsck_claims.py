"""Claims against what the log vouches for: rows, holdings, evaluations, proposals, and the books.

A step's entry says how the claim stood after it (`claim_stands`) and which evaluation it rests on;
the rows must still say so. What moved on the ledger for a claim must be what its row says,
and what was taken of caps, quotas and envelopes what claims and rules say.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claim_stands import STANDS, stands_of
from kashi_server.services.claim_steps import CLAIM_ENTRY, PROPOSAL_ENTRY, proposal_entry
from kashi_server.services.claims_port import (
    ClaimsPort,
    LogPort,
    StoredClaim,
    StoredEvaluation,
)
from kashi_server.services.fsck_allowances import allowance_faults
from kashi_server.services.fsck_kinds import KIND_ZH
from kashi_server.services.ledger_port import LedgerPort

CLAIM_ENTRIES: Final = (CLAIM_ENTRY, PROPOSAL_ENTRY)
_STAGES: Final = ("reserved", "accrued", "certified", "disbursed")


class ClaimBooksUnit(Protocol):
    """A unit of work as these checks need it."""

    @property
    def claims(self) -> ClaimsPort:
        """Claims."""

    @property
    def ledger(self) -> LedgerPort:
        """The ledger."""

    @property
    def log(self) -> LogPort:
        """The log."""


class ClaimBooksWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ClaimBooksUnit]:
        """Open one."""


def check_claim_books(work: ClaimBooksWork) -> list[str]:
    """Everything of claims that differs from log or ledger, in words; empty: they agree."""
    with work.begin(writes=False) as unit:
        found = list(_unlogged(unit))
        found += claim_faults(unit.claims)
        found += _book_faults(unit)
        found += allowance_faults(unit)
    return found


def claim_rows(port: ClaimsPort) -> Iterator[tuple[str, str, bytes]]:
    """What the log must have of steps and proposals: kind, reference, entry."""
    for event in port.events():
        yield CLAIM_ENTRY, f"{event.claim_id}/{event.serial}", event.to_bytes()
    for proposal in port.proposals():
        yield proposal_entry(proposal)


def claim_faults(port: ClaimsPort) -> Iterator[str]:
    """Every claim whose rows are not what its last step says, and every evaluation that is not the
    one a step rests on."""
    yield from port.misfiled()
    by_claim: dict[str, list[ClaimEvent]] = {}
    for event in port.events():
        by_claim.setdefault(event.claim_id, []).append(event)
    for stored in port.claims():
        events = by_claim.get(stored.claim.claim_id, [])
        yield from _row_faults(port, stored, events)
        yield from _evaluation_faults(port.evaluations(stored.claim.claim_id), events)


def _row_faults(
    port: ClaimsPort, stored: StoredClaim, events: Sequence[ClaimEvent]
) -> Iterator[str]:
    claim = stored.claim
    if not events or events[-1].serial != claim.serial:
        last_zh, last = (events[-1].serial, events[-1].serial) if events else ("无", "none")
        yield (
            f"申报 {claim.claim_id} 记于第 {claim.serial} 环节，所存最后环节为 {last_zh}。"
            f"claim {claim.claim_id} stands at step {claim.serial}; the last one kept is {last}"
        )
        return
    said = events[-1].terms.get(STANDS, {})
    for name, value in stands_of(port, stored).items():
        if name not in said or said[name] != value:
            yield (
                f"申报 {claim.claim_id}：{name} 为 {value}，第 {claim.serial} 环节时为"
                f" {said.get(name)}。"
                f"claim {claim.claim_id}: its {name} is {value}; step {claim.serial} left it at"
                f" {said.get(name)}"
            )


def _evaluation_faults(
    found: Sequence[StoredEvaluation], events: Sequence[ClaimEvent]
) -> Iterator[str]:
    stored = {one.serial: one for one in found}
    rests = {one.serial: one for one in events if "trace_sha256" in one.terms}
    claim_id = events[0].claim_id if events else ""
    for serial in sorted(stored.keys() | rests.keys()):
        where, where_zh = (
            f"evaluation {serial} of claim {claim_id}",
            f"申报 {claim_id} 测算 {serial} ",
        )
        evaluation, event = stored.get(serial), rests.get(serial)
        if evaluation is None or event is None:
            if evaluation is None:
                yield f"{where_zh}已不存在。{where} is gone"
            else:
                yield f"{where_zh}不属于任何环节。{where} is of no step"
            continue
        for name, value in (*evaluation.told().items(), *_of_bytes(evaluation)):
            if event.terms.get(name) != value:
                yield (
                    f"{where_zh}的 {name} 与其环节所述不符。"
                    f"{where}: its {name} is not what its step says"
                )
        if evaluation.utc_ms != event.utc_ms:
            yield f"{where_zh}与其环节的时刻不同。{where} is of another time than its step"


def _of_bytes(evaluation: StoredEvaluation) -> Iterator[tuple[str, str]]:
    yield "inputs_sha256", sha256(evaluation.inputs).hexdigest()
    yield "trace_sha256", sha256(evaluation.trace).hexdigest()


def _unlogged(unit: ClaimBooksUnit) -> Iterator[str]:
    """Steps and proposals that the log does not have, and steps that are in the log alone."""
    logged = {kind: set(unit.log.logged(kind)) for kind in CLAIM_ENTRIES}
    steps: set[bytes] = set()
    for kind, reference, entry in claim_rows(unit.claims):
        if kind == CLAIM_ENTRY:
            steps.add(entry)
        if entry not in logged[kind]:
            yield (
                f"{KIND_ZH[kind]} {reference} 与日志所载不符。"
                f"{kind} {reference} is not what the log has of it"
            )
    if missing := len(logged[CLAIM_ENTRY] - steps):
        yield (
            f"{missing} 个申报环节只在日志中存在。"
            f"{missing} steps of claims are in the log and nowhere else"
        )


def _book_faults(unit: ClaimBooksUnit) -> Iterator[str]:
    """Accounts of claims that do not hold what the claim's row says."""
    expected: dict[str, int] = {}
    for stored in unit.claims.claims():
        claim, budget = stored.claim, budget_of(stored.rules, stored.batch.year)
        amounts = claim.amounts
        fen = (
            amounts.reserved_fen,
            amounts.accrued_fen,
            amounts.certified_fen,
            amounts.disbursed_fen - amounts.recovered_fen,
        )
        for stage, amount_fen in zip(_STAGES, fen, strict=True):
            expected[f"{stage}:{budget}/{claim.claim_id}"] = amount_fen
    stands = {
        one.account.name: one.amount
        for stage in _STAGES
        for one in unit.ledger.balances(f"{stage}:")
    }
    for name in sorted(expected.keys() | stands.keys()):
        if expected.get(name, 0) != stands.get(name, 0):
            holds, said = stands.get(name, 0), expected.get(name, 0)
            yield (
                f"科目 {name} 余额为 {holds}，按申报应为 {said}。"
                f"{name} holds {holds}; claims say {said}"
            )
