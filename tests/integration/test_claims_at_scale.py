"""A claim costs what it rests on, not what all claims there are: a batch never costs its square."""

from collections.abc import Callable
from dataclasses import replace
from datetime import date
from functools import partial

from claim_cases import (
    BATCH_ID,
    CLERK,
    RIVAL,
    Filed,
    add_invoice,
    filed,
    invoice_number,
    rules,
)
from database_effort import effort
from fixtures_certificates import COMPANY_B, PROVIDER
from kashi_server.domain.claim_content import StatementRevision
from kashi_server.domain.ledger import Account, Unit
from kashi_server.services.claim_evaluation import evaluate_claim
from kashi_server.services.claim_filing import check_barred
from kashi_server.services.claim_sharing import check_contract_once, check_sharing
from kashi_server.services.claims_port import StoredClaim
from kashi_server.storage.unit_of_work import UnitOfWork, Work
from sqlalchemy import Connection, event

OTHER_BATCH = "SQ-2026-0"
TODAY = date(2026, 11, 4)
FEW, MANY = 5, 60
NOTHING = {"sqlite": 60, "postgresql": 1}
"""Most steps or rows for a look that finds nothing."""


def own(unit: UnitOfWork, claim_id: str) -> StoredClaim:
    """The claim."""
    stored = unit.claims.claim(claim_id)
    assert stored is not None
    return stored


def others(office: Filed, first: int, after: int) -> None:
    """So many claims of the rival more in another batch, evaluated, with contract and account."""
    batch_id = OTHER_BATCH
    with office.work.begin() as unit:
        if unit.claims.batch(batch_id) is None:
            unit.claims.add_batch(replace(office.batch, batch_id=batch_id), 0)
        (kept, *_rest) = [
            one
            for one in unit.claims.claims(batch_id=BATCH_ID)
            if one.claim.company_id == COMPANY_B
        ]
        batch = replace(kept.batch, batch_id=batch_id)
        (evaluated, *_later) = unit.claims.evaluations(kept.claim.claim_id)
        (contract,) = unit.expense.contracts(("HT-B",))
        for place in range(first, after):
            named = f"{batch_id}-other-{place}"
            unit.expense.put_contract(replace(contract, contract_id=f"HT-OF-{place}"))
            unit.ledger.lock([Account(f"pool:other-{place}/2026", Unit.FEN, True)])
            content = replace(
                kept.content,
                contract_ids=(f"HT-OF-{place}",),
                statements=(),
                invoices=(),
                payments=(),
            )
            claim = replace(kept.claim, claim_id=named, batch_id=batch_id)
            unit.claims.add_claim(replace(kept, claim=claim, batch=batch, content=content))
            unit.claims.add_evaluation(replace(evaluated, claim_id=named))
        unit.commit()


def invoiced(office: Filed, first: int, after: int) -> None:
    """So many invoices of the same seller to the rival more."""
    with office.work.begin() as unit:
        for place in range(first, after):
            add_invoice(unit, invoice_number(500 + place), "HT-B", COMPANY_B, (10_00, 1_00))
        unit.commit()


def ready(work: Work, **changed: str) -> tuple[Filed, str]:
    """An office with a rival's claim and one's own, both handed in."""
    office = filed(work, rules(**changed))
    for by, contract_id in ((RIVAL, "HT-B"), (CLERK, "HT-A")):
        claim_id = office.draft(by, contract_id)
        office.claims.submit(by, claim_id)
    return office, claim_id


def grown(
    office: Filed,
    read: Callable[[UnitOfWork], object],
    add: Callable[[Filed, int, int], None] = others,
) -> tuple[int, int]:
    """What a reading takes beside few more of others, and beside twelve times as many."""
    taken = []
    for first, after in ((0, FEW), (FEW, MANY)):
        add(office, first, after)
        with office.work.begin(writes=False) as unit:
            taken.append(effort(unit, partial(read, unit)))
    return taken[0], taken[1]


def test_an_evaluation_reads_its_own_companys_claims(claims_work: Work) -> None:
    """Twelve times as many claims of another company in the programme, each with its contract and
    its accounts: evaluating one takes no more."""
    office, claim_id = ready(claims_work)

    def read(unit: UnitOfWork) -> object:
        return evaluate_claim(unit, own(unit, claim_id), serial=9, utc_ms=0, today=TODAY).stored

    before, after = grown(office, read)

    assert after <= before * 11 // 10 + 2


def test_checks_of_a_claim_read_its_own_companys_claims(claims_work: Work) -> None:
    """Whether a company is barred and whether an award is a second one is asked of its own claims
    and of those on its contracts, however many others the programme has."""
    office, claim_id = ready(claims_work, kind='"discretionary"')

    def read(unit: UnitOfWork) -> object:
        stored = own(unit, claim_id)
        check_barred(unit, stored, TODAY)
        check_contract_once(unit, stored)
        return check_sharing(unit, stored)

    before, after = grown(office, read)

    assert after <= before * 11 // 10 + 2


def test_what_a_batch_requests_reads_that_batch_alone(claims_work: Work) -> None:
    """Claims of other batches are not read to sum one batch up, and the sum is that of the latest
    evaluations, as ever."""
    office, claim_id = ready(claims_work)
    with claims_work.begin(writes=False) as unit:
        (rival,) = [
            one for one in unit.claims.claims(batch_id=BATCH_ID) if one.claim.claim_id != claim_id
        ]
        latest = unit.claims.evaluations(rival.claim.claim_id)[-1]
        assert unit.claims.requested_fen(BATCH_ID, claim_id) == latest.requested_fen

    before, after = grown(office, lambda unit: unit.claims.requested_fen(BATCH_ID, claim_id))

    assert after <= before * 11 // 10 + 2
    with claims_work.begin(writes=False) as unit:
        requested_fen = unit.claims.requested_fen(OTHER_BATCH, claim_id)
        assert requested_fen == MANY * (latest.requested_fen or 0)


def test_summing_a_batch_does_not_read_inputs_and_traces(sqlite_claims_work: Work) -> None:
    """Both are long, and longer ones cost the sum nothing: it is taken from an index without them.

    PostgreSQL keeps what is long beside the row and reads it only where it is asked for."""
    office, claim_id = ready(sqlite_claims_work)
    said: list[str] = []

    def plan(connection: Connection, _cursor: object, statement: str, *others: object) -> None:
        if "requested_fen" in statement and not statement.startswith("EXPLAIN"):
            parameters = others[0]
            assert isinstance(parameters, tuple)
            explained = connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
            said.extend(row[-1] for row in explained)

    with office.work.begin(writes=False) as unit:
        event.listen(unit.connection, "before_cursor_execute", plan)
        unit.claims.requested_fen(BATCH_ID, claim_id)

    assert any("COVERING INDEX ix_claim_evaluations_requested" in one for one in said), said


def test_lines_of_a_statement_are_looked_up_by_its_key(claims_work: Work) -> None:
    """Rated lines of other statements, of which a city has millions, are not read for one; nor are
    lines that claims hold of other statements."""
    _office, claim_id = ready(claims_work)
    with claims_work.begin(writes=False) as unit:
        (named, *_more) = own(unit, claim_id).content.statements
        lines = unit.claims.lines_of(named)
        assert lines
        missing = StatementRevision(f"{named.number}-none", named.revision)
        nothing = effort(unit, lambda: unit.claims.lines_of(missing))
        assert nothing <= NOTHING[unit.connection.dialect.name]
        nobody = effort(unit, lambda: unit.claims.holding_statement(missing.number))
        assert nobody <= NOTHING[unit.connection.dialect.name]


def test_red_invoices_are_looked_up_by_the_one_they_take_back(sqlite_claims_work: Work) -> None:
    """A seller's other invoices are not read to know what red ones took of one."""
    office, _claim_id = ready(sqlite_claims_work)
    number = invoice_number(0)

    before, after = grown(
        office, lambda unit: unit.claim_papers.invoice_parts("HT-A", number), invoiced
    )

    assert after <= before * 11 // 10 + 2


def test_a_certificates_money_reads_its_own_contracts_invoices(sqlite_claims_work: Work) -> None:
    """What others' invoices are mapped to is not read for a certificate."""
    office, _claim_id = ready(sqlite_claims_work)

    before, after = grown(
        office,
        lambda unit: unit.certificates.stated("HT-A", PROVIDER, date(2026, 12, 31)),
        invoiced,
    )

    assert after <= before * 11 // 10 + 2
