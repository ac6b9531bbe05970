"""Claims as pages show and move them: read under the reader's own rows, moved with the account.

The first look is always the reader's own, through the portal's role: what it does not find is not
there. What moves a claim goes through `services.claims`, which asks whose step it is.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from kashi_server.domain.batch import Batch, BatchStatus
from kashi_server.domain.claim_content import ClaimContent
from kashi_server.domain.claim_states import REVIEWED, ClaimState
from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.claim_emptiness import check_something
from kashi_server.services.claim_evaluation import evaluate_claim
from kashi_server.services.claim_flags import Recoverable
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.claim_steps import day_of
from kashi_server.services.claims import Acting, Claims
from kashi_server.services.claims_port import ClaimsUnit, ClaimsWork, StoredClaim
from kashi_server.services.closed_funds import ClosedFund, closed_funds
from kashi_server.services.ledger_port import Balance
from kashi_server.services.scoped import EVERYBODY, PartyWork
from kashi_server.services.sight import Reader


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What a draft would come to if it were handed in now; nothing is held for it.

    `problem`: why nothing can be computed, "" where something can.
    """

    trace: bytes = b""
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchRow:
    """A batch, what its programme is called, and how many claims stand in each state.

    `closed`: funds that nobody opened and that keep its claims from being approved; told to the
    office.
    """

    batch: Batch
    programme_zh: str
    programme_en: str
    counts: dict[str, int]
    closed: tuple[ClosedFund, ...] = ()


class ClaimDesk:
    """Lists, shows, tries and moves claims."""

    def __init__(
        self,
        work: ClaimsWork,
        portal_work: PartyWork[ClaimsUnit],
        clock: Callable[[], int],
        claims: Claims,
    ) -> None:
        """Over both databases' roles.

        Args:
            work: the database's owner.
            portal_work: the portal's role.
            clock: UTC milliseconds.
            claims: moves claims, as the owner.
        """
        self._work = work
        self._portal_work = portal_work
        self._clock = clock
        self._reading = Claims(portal_work, clock)
        self.claims = claims

    def all(self, reader: Reader) -> Sequence[StoredClaim]:
        """The claims a reader sees, the latest first."""
        return sorted(self._reading.all(reader), key=lambda one: one.drafted_utc_ms, reverse=True)

    def show(self, reader: Reader, claim_id: str) -> ShownClaim:
        """One claim.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        return self._reading.show(reader, claim_id)

    def vouchers(self, reader: Reader) -> Sequence[StoredClaim]:
        """Claims that have a voucher, the one that ends first first."""
        return self._reading.vouchers(reader)

    def to_recover(self, reader: Reader) -> Sequence[Recoverable]:
        """Claims of which paid money may be recovered: for the office, nobody else has any."""
        return self._reading.to_recover(reader)

    def batches(self, reader: Reader) -> Sequence[BatchRow]:
        """Every batch, the latest first, with the reader's claims in it by state."""
        claims = self._reading.all(reader)
        with self._portal_work.begin(writes=False, party=_scope(reader)) as unit:
            batches = unit.claims.batches()
            rules = {(one.programme_id, one.version): one for one in unit.expense.rules()}
            rows = []
            for batch in batches:
                known = rules.get((batch.programme_id, batch.version))
                row = _row(batch, known, claims)
                if known is not None and reader.role.sees_everything and _approves(row):
                    row = replace(row, closed=closed_funds(unit, known, batch))
                rows.append(row)
        return sorted(rows, key=lambda row: row.batch.opens_on, reverse=True)

    def draft(
        self, reader: Reader, login: str, batch_id: str, content: ClaimContent
    ) -> StoredClaim:
        """Begin a claim with every paper that is there.

        Raises:
            NotFound: there is no such batch or contract of the reader's.
            Refused: the rules of the batch do not say enough to take claims.
        """
        with self._portal_work.begin(writes=False, party=_scope(reader)) as unit:
            own = {
                one.contract_id
                for one in unit.expense.contracts()
                if one.user_id == reader.party_id
            }
        if not own >= set(content.contract_ids):
            raise NotFound(
                "本单位没有此合同，请核对合同编号。there is no such contract of this company"
            )
        return self.claims.draft(Acting(login=login), batch_id, content, gather=True)

    def trial(self, reader: Reader, claim_id: str) -> Trial | None:
        """What a draft would come to; None: it is none any more.

        Raises:
            NotFound: there is none, or it is not the reader's.
        """
        if self.show(reader, claim_id).stored.claim.state is not ClaimState.DRAFT:
            return None
        with self._work.begin(writes=False) as unit:
            stored = unit.claims.claim(claim_id)
            assert stored is not None, f"claim {claim_id} was just shown"
            return try_draft(unit, stored, self._clock())

    def balances(self, reader: Reader) -> Sequence[Balance]:
        """Balances of the ledger of public money, by account, for the office.

        Raises:
            NotFound: the reader is not of the office.
        """
        if not reader.role.sees_everything:
            raise NotFound("资金台账仅供主管部门查看。the ledger is the office's")
        with self._portal_work.begin(writes=False, party=_scope(reader)) as unit:
            return unit.ledger.balances()


def try_draft(unit: ClaimsUnit, stored: StoredClaim, utc_ms: int) -> Trial:
    """What a draft would come to if it were handed in at an instant."""
    serial = stored.claim.serial + 1
    try:
        check_something(stored)
        done = evaluate_claim(unit, stored, serial=serial, utc_ms=utc_ms, today=day_of(utc_ms))
    except (Refused, InvalidValue, NotFound) as problem:
        return Trial(problem=str(problem))
    return Trial(trace=done.stored.trace)


def _scope(reader: Reader) -> str:
    return EVERYBODY if reader.party_id is None else reader.party_id


def _approves(row: BatchRow) -> bool:
    """Whether claims of a batch may still be approved."""
    return row.batch.status is BatchStatus.OPEN or any(one in row.counts for one in REVIEWED)


def _row(batch: Batch, rules: RulesVersion | None, claims: Sequence[StoredClaim]) -> BatchRow:
    states = [one.claim.state for one in claims if one.batch.batch_id == batch.batch_id]
    return BatchRow(
        batch=batch,
        programme_zh=batch.programme_id if rules is None else rules.name_zh,
        programme_en=batch.programme_id if rules is None else rules.name_en,
        counts={state: states.count(state) for state in ClaimState if state in states},
    )
