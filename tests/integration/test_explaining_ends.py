"""Explaining an amount of before, as its cut-off knew it; and a minute up to the money paid."""

from dataclasses import replace
from fractions import Fraction
from functools import partial

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, add_accounts, add_papers, filed
from fixtures_certificates import (
    CARDS,
    COMPANY_A,
    MONTH,
    PROVIDER,
    SPLIT_MINUTE,
    START_MINUTE,
    CertifiedMonth,
    make_month,
)
from fixtures_database import Database
from fixtures_ingest import ReportingHost, enrol, sums_of
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import Interval
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.domain.trail import Trail
from kashi_server.log.sequencer import sequence
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.correcting import Correcting
from kashi_server.services.importing import store
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.trail_words import text_of, word_of
from kashi_server.services.trails import Explaining, Wanted
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work

MINUTE = START_MINUTE + 50
DAY_MS = 86_400_000


def logged_agreements(work: Work) -> None:
    """Prices and assignments stand in the log, as the import puts them there."""
    with work.begin() as unit:
        for price in unit.expense.prices():
            store(unit, price, 1)
        for assignment in unit.expense.assignments():
            store(unit, assignment, 1)
        unit.commit()


@pytest.fixture
def month(database: Database) -> CertifiedMonth:
    """A certified month whose agreements stand in the log, with two officers."""
    made = make_month(database.work, once_agreed=logged_agreements)
    add_accounts(database.work)
    return made


def change(month: CertifiedMonth) -> None:
    """The first price was a tenth, and the second card left company A an hour before."""
    with month.work.begin() as unit:
        price = next(one for one in unit.expense.prices() if one.price_id == "HT-A-12.50")
        lease = next(one for one in unit.expense.assignments() if one.assignment_id == "AS-1")
        store(unit, replace(price, yuan=Fraction("1.25")), month.clock.now_ms)
        earlier = Interval(START_MINUTE, SPLIT_MINUTE - 60)
        store(unit, replace(lease, interval=earlier), month.clock.now_ms)
        unit.commit()
    month.sequence()


def facts(trail: Trail, kind: str) -> list[dict[str, object]]:
    """The facts of every step of a kind."""
    return [dict(step.facts) for step in trail.of(kind)]


def test_an_old_amount_is_explained_by_what_was_known(month: CertifiedMonth) -> None:
    """A price and an assignment that changed since: the amount's own stand there, and the change
    beside them; the next revision is explained by the new ones."""
    issued = month.issue()[COMPANY_A]
    explaining = Explaining(month.work)
    wanted = Wanted(hardware_id=CARDS[1], minute=MINUTE)
    before = explaining.certificate(issued.number, wanted)
    change(month)
    after = explaining.certificate(issued.number, wanted)
    _correct(month)
    corrected = explaining.certificate(month.issue()[COMPANY_A].number, wanted)

    (old,), (lease,) = facts(after, "price"), facts(after, "assignment")
    assert (old["yuan"], old["changed_since"]) == ("12.50", "yuan 12.50 → 1.25")
    ends = f"end {shanghai_text(SPLIT_MINUTE)} → {shanghai_text(SPLIT_MINUTE - 60)}"
    assert (lease["end"], lease["changed_since"]) == (shanghai_text(SPLIT_MINUTE), ends)
    for kind in ("line", "price", "assignment", "minute", "report"):
        unchanged = [one | {"changed_since": None} for one in facts(after, kind)]
        assert [one | {"changed_since": None} for one in facts(before, kind)] == unchanged, kind
    assert isinstance(old["log_index"], int)
    (new,) = facts(corrected, "price")
    assert (new["yuan"], new["changed_since"]) == ("1.25", None)


def _correct(month: CertifiedMonth) -> None:
    head = partial(sequence, month.work, month.keyring, month.clock)
    decision = OfficersDecision(officers=("officer", "second"), reason="wrong price")
    assert Correcting(month.work, head, month.clock, demo=False).make(MONTH, decision)


def test_agreements_that_the_log_never_saw_say_so(sqlite_database: Database) -> None:
    """Without an entry today's is shown, and that the line was rated at another."""
    month = make_month(sqlite_database.work)
    issued = month.issue()[COMPANY_A]
    with month.work.begin() as unit:
        price = next(one for one in unit.expense.prices() if one.price_id == "HT-A-12.50")
        unit.expense.put_price(replace(price, yuan=Fraction("1.25")))
        unit.commit()
    trail = Explaining(month.work).certificate(issued.number, Wanted(line=1))

    (told,) = facts(trail, "price")
    assert told["log_index"] is None
    assert told["changed_since"] == "计费时 rated at 12.50 → 1.25"


def _paid(month: CertifiedMonth) -> tuple[StoredCertificate, str]:
    """A certificate of company A, and the claim that was paid on it."""
    issued = month.issue()[COMPANY_A]
    add_papers(month.work)
    ready = filed(month.work)
    claim_id = ready.issued(100_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    month.sequence()
    return issued, claim_id


def test_a_certificate_is_walked_both_ways(month: CertifiedMonth) -> None:
    """From the amount down to the report of one minute of one card, every step with its rule; and
    from that minute up, over the same steps, to certificate, claim and payment."""
    issued, claim_id = _paid(month)
    explaining = Explaining(month.work)
    down = explaining.certificate(issued.number, Wanted(hardware_id=CARDS[1], minute=MINUTE))
    up = explaining.minute(CARDS[1], MINUTE)

    kinds = ["certificate", "statement", "rules", "line", "price", "assignment"]
    kinds += ["device_hour", "minute", "report"]
    assert [step.kind for step in down.steps] == kinds
    assert all(step.follows and step.follows_zh and step.source for step in down.steps)
    assert all(step.follows and step.follows_zh and step.source for step in up.steps)
    below, above = kinds[3:], ["rules", "statement", "certificate", "claim", "payment"]
    assert [step.kind for step in up.steps] == [*reversed(below), *above]
    for kind in kinds:
        assert facts(up, kind) == facts(down, kind), kind
    (line,), (told,) = facts(down, "line"), facts(down, "minute")
    assert str(line["amount_yuan"]) in down.steps[3].follows
    assert Fraction(str(told["earns_yuan"])) == Fraction("12.50") / 60
    (claim,), (payment,) = facts(up, "claim"), facts(up, "payment")
    assert (claim["claim_id"], claim["state"]) == (claim_id, "paid")
    assert claim["disbursed_yuan"] == "100.00"
    assert (payment["officers"], payment["document"]) == ("officer, second", WHY.document)
    assert payment["certificates"] == issued.number
    assert isinstance(payment["log_index"], int)


def test_every_fact_is_called_by_a_chinese_word(month: CertifiedMonth) -> None:
    """What the command prints names each fact in Chinese first; a rule's parameters keep theirs."""
    issued, _claim = _paid(month)
    trail = Explaining(month.work)
    steps = (
        *trail.certificate(issued.number, Wanted(hardware_id=CARDS[1], minute=MINUTE)).steps,
        *trail.minute(CARDS[1], MINUTE).steps,
    )
    names = {name for step in steps if step.kind != "rules" for name in step.facts}

    unnamed = [name for name in sorted(names) if not word_of(name)]
    assert not unnamed, ", ".join(unnamed)
    assert text_of("leased_ms", 3_661_001) == "3661001 (1:01:01.001)"
    assert text_of("card_hours", "711949/60") == "711949/60 (11865.8166…)"


def test_what_was_paid_on_an_earlier_revision_is_found(month: CertifiedMonth) -> None:
    """After a correction a minute still leads to the certificate and the claim of before."""
    issued, claim_id = _paid(month)
    change(month)
    _correct(month)
    later = month.issue()[COMPANY_A]
    trail = Explaining(month.work).minute(CARDS[1], MINUTE)

    assert [one["revision"] for one in facts(trail, "statement")] == [2, 1]
    assert [one["number"] for one in facts(trail, "certificate")] == [later.number, issued.number]
    assert claim_id in {one["claim_id"] for one in facts(trail, "claim")}
    assert facts(trail, "payment")


def test_a_report_after_the_cut_off_is_marked(sqlite_database: Database) -> None:
    """A statement's minute is what was known at its cut-off: a gap; the report that came later
    stands beside it, marked, and the minute says what it is today."""
    late = ReportingHost(LATE_HOST, [LATE_CARD], seed=7)
    wires = [late.report(5) for _ in range(3)]
    standing = replace(late.standing(), operator_party_id=PROVIDER)
    ingestions: list[Ingestion] = []

    def report(ingestion: Ingestion) -> None:
        enrol(sqlite_database.work, late)
        ingestion.ingest([Submission(standing, wires[:2])])
        ingestions.append(ingestion)

    month = make_month(sqlite_database.work, before_close=report, once_agreed=_lease_late_card)
    issued = month.issue()[COMPANY_A]
    ingestions[0].ingest([Submission(standing, wires[2:])])
    month.sequence()
    host, device, minute = max(sums_of(wires[2:]))
    wanted = Wanted(hardware_id=device, minute=minute)
    trail = Explaining(month.work).certificate(issued.number, wanted)

    (told,), (report_told,) = facts(trail, "minute"), facts(trail, "report")
    assert (told["observed_ms"], told["gap_ms"]) == (0, 60_000)
    assert (told["changed_since"], told["earns_yuan"]) == ("observed_ms 0 → 60000", "0")
    assert (report_told["host_id"], report_told["after_cut_off"]) == (host, True)
    assert told["reports_agree"] is True


LATE_HOST = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0003"
LATE_CARD = "GPU-00000007-1111-4000-8000-000000000000"


def _lease_late_card(work: Work) -> None:
    term = Interval(START_MINUTE, None)
    with work.begin() as unit:
        unit.expense.put_tenure(
            Tenure(
                host_id=LATE_HOST,
                owner_id=PROVIDER,
                operator_id=PROVIDER,
                kind=TenureKind.LEASED_OUT,
                interval=Interval(START_MINUTE - 86_400, None),
            )
        )
        unit.expense.put_assignment(
            Assignment(
                assignment_id="AS-LATE",
                contract_id="HT-A",
                hardware_id=LATE_CARD,
                interval=term,
                proposed_by=PROVIDER,
                confirmed_by=COMPANY_A,
            ),
            1,
        )
        unit.commit()
