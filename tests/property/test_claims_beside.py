"""Whatever becomes of a company's claims: what is out and not carried any more is on the list.

Steps in any order on three claims that reach a year's threshold only together, of which each may be
paid; the server may crash between a step and the look at the claims beside it. A plain count of
what the year's good expense comes to says what is due; the office's list must say the same.
"""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, Filed, invoice_number
from claims_beside import OFFICE, approve, asked, begun, content, due, pay, submitted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kashi_server.domain.claim import Claim
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.claim_remembering import remembering
from kashi_server.services.claims import Claims
from kashi_server.services.fsck_claims import check_claim_books
from kashi_server.services.invoice_righting import put_right
from kashi_server.storage.engine import open_engine
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from papers_falling import DECISION, void

THRESHOLD_FEN = 600_00
CLAIMS = ((50, 300_00, "HT-A"), (52, 200_00, "HT-C"), (51, 150_00, "HT-A"))
NOT_COUNTED = ("draft", "rejected", "expired", "withdrawn", "suspended", "clawed_back")
Prepared = tuple[Path, Filed, list[str]]


def paid(ready: Filed, claim_id: str, _place: int) -> None:
    """Verified, and paid."""
    pay(ready, claim_id)


def approved(ready: Filed, claim_id: str, place: int) -> None:
    """Checked and approved anew, and made public."""
    with suppress(Refused):
        ready.claims.review(OFFICER, claim_id, WHY)
    ready.claims.approve(BOTH, claim_id, _fen(place) // 2, WHY)
    ready.claims.publicise(OFFICER, claim_id)
    ready.days_later(7)


def _fen(place: int) -> int:
    return next(fen for invoice, fen, _contract in CLAIMS if invoice == place)


ACTS: Mapping[str, Callable[[Filed, str, int], object]] = {
    "pay": paid,
    "approve": approved,
    "suspend": lambda ready, one, _place: ready.claims.suspend(OFFICER, one, WHY),
    "resume": lambda ready, one, _place: ready.claims.resume(BOTH, one, WHY),
    "withdraw": lambda ready, one, _place: ready.claims.withdraw(CLERK, one, WHY),
    "reject": lambda ready, one, _place: ready.claims.reject(OFFICER, one, WHY),
    "reopen": lambda ready, one, _place: ready.claims.reopen(OFFICER, one, WHY),
    "recover": lambda ready, one, _place: ready.claims.claw_back(BOTH, one, 30_00, WHY),
    "settle": lambda ready, one, _place: ready.claims.claw_back(
        BOTH, one, 20_00, WHY, settles=True
    ),
    "void": lambda ready, _one, place: void(ready, place),
    "right": lambda ready, _one, place: put_right(
        ready.work, ready.clock, invoice_number(place), DECISION, "税务局答复", ready.claims
    ),
}


class Oracle:
    """What is due by a plain count, and what officers settled for."""

    def __init__(self, claim_ids: list[str]) -> None:
        self.claim_ids = claim_ids
        self.settled: dict[str, tuple[bool, int]] = {}

    def figures(self, ready: Filed) -> dict[str, tuple[bool, int]]:
        """Of each claim with money out: whether its worth is known, and what is due."""
        claims = [ready.claims.show(OFFICE, one).stored.claim for one in self.claim_ids]
        with ready.work.begin(writes=False) as unit:
            found = [unit.invoices.invoice(invoice_number(place)) for place, *_rest in CLAIMS]
        good = [one is not None and one.status.claimable for one in found]
        figures = {}
        for place, claim in enumerate(claims):
            out_fen = claim.amounts.disbursed_fen - claim.amounts.recovered_fen
            year_fen = CLAIMS[place][1] + sum(
                CLAIMS[other][1]
                for other, beside in enumerate(claims)
                if other != place and good[other] and _counted(beside)
            )
            carried = good[place] and year_fen >= THRESHOLD_FEN
            if out_fen:
                figures[claim.claim_id] = (good[place], 0 if carried else out_fen)
        return figures

    def acted(self, ready: Filed, act: str, claim_id: str) -> None:
        """Two officers settle what is due by that day's figure; further recoveries change that."""
        settles = act in ("resume", "settle")
        if settles or (act == "recover" and claim_id in self.settled):
            figure = self.figures(ready).get(claim_id)
            if figure is not None:
                self.settled[claim_id] = figure

    def due(self, ready: Filed) -> dict[str, int]:
        """What the list must say: all that is due and not settled for."""
        figures = self.figures(ready)
        self.settled = {
            one: figure for one, figure in self.settled.items() if figures.get(one) == figure
        }
        return {
            one: due_fen
            for one, (_known, due_fen) in figures.items()
            if due_fen and one not in self.settled
        }


def _counted(claim: Claim) -> bool:
    granted_fen = claim.amounts.approved_fen - claim.amounts.released_fen
    return granted_fen > 0 and claim.state.value not in NOT_COUNTED


@pytest.fixture(scope="module")
def prepared(_sqlite_claims: Path, tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    """Three claims that are approved and public, once for all examples."""
    path = tmp_path_factory.mktemp("beside") / "claims.sqlite"
    shutil.copyfile(_sqlite_claims, path)
    engine = open_engine(f"sqlite:///{path}")
    ready = begun(Work(engine), threshold__year_yuan='"600.00"')
    claim_ids = [submitted(ready, content(ready, *said)) for said in CLAIMS]
    for claim_id, (_place, fen, _contract) in zip(claim_ids, CLAIMS, strict=True):
        approve(ready, claim_id, fen // 2)
    ready.days_later(7)
    engine.dispose()
    return path, ready, claim_ids


@contextmanager
def copied(prepared: Prepared) -> Iterator[Filed]:
    """A copy of them."""
    path, ready, _claim_ids = prepared
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "claims.sqlite"
        shutil.copyfile(path, copy)
        engine = open_engine(f"sqlite:///{copy}")
        work, clock = Work(engine), type(ready.clock)(ready.clock())
        try:
            yield Filed(work, clock, Claims(work, clock), ready.batches, ready.rules, ready.batch)
        finally:
            engine.dispose()


def _take(ready: Filed, act: str, place: int, claim_ids: list[str]) -> str | None:
    """Take a step of the first claim from a place on that allows it; None: none does."""
    for other in (place, (place + 1) % 3, (place + 2) % 3):
        with suppress(Refused, InvalidValue):
            ACTS[act](ready, claim_ids[other], CLAIMS[other][0])
            return claim_ids[other]
    return None


@settings(
    max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    first=st.permutations(range(3)),
    steps=st.lists(
        st.tuples(st.sampled_from(sorted(ACTS)), st.integers(0, 2), st.integers(0, 4)),
        min_size=4,
        max_size=9,
    ),
)
def test_what_is_due_is_on_the_list(
    prepared: Prepared, first: list[int], steps: list[tuple[str, int, int]]
) -> None:
    """After every step, or the daily command where a crash came between: the list says what the
    plain count says, another look finds nothing, a unit that remembers tells of each claim what one
    that reads everything anew tells, and books and log hold."""
    claim_ids = prepared[2]
    oracle = Oracle(claim_ids)
    with copied(prepared) as ready:
        for act, place, crash in [*(("pay", one, 1) for one in first[:2]), *steps]:
            with pytest.MonkeyPatch.context() as patched:
                if crash == 0:
                    patched.setattr(UnitOfWork, "follow", lambda _unit: None)
                acted = _take(ready, act, place, claim_ids)
                if acted is not None:
                    oracle.acted(ready, act, acted)
            if crash == 0:
                ready.claims.look_everywhere()
            listed = {one: fen for one, (_comes_to, fen) in due(ready).items() if fen}
            assert listed == oracle.due(ready), (act, place)
            assert ready.claims.look_everywhere() == []
            assert asked(ready, claim_ids, remembering) == asked(ready, claim_ids, lambda one: one)
        assert check_claim_books(ready.work) == []
