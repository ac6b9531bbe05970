"""Explanations of gaps on both databases: said until the close, decided by officers, counted."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from hashlib import sha256

import pytest
from corrected_months import NOVEMBER, OFFICERS, Books, repriced
from expense_cases import (
    END,
    HOST_A,
    OTHER_TENANT,
    PROVIDER,
    RULES,
    START,
    TENANT,
    assignment,
    at,
    observe,
    price,
)
from expense_facts import store
from insider import alter
from kashi_server.domain.device import GapReason
from kashi_server.domain.gap_explanation import ExplanationState, GapVerdict
from kashi_server.domain.interval import MINUTE_MS, Interval
from kashi_server.domain.replay import replayed
from kashi_server.domain.rules import Decision, Parameter, ParameterState, RulesVersion
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.facts_port import GapRow
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.gap_explaining import GapExplaining
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.unit_of_work import Work
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.findings import CheckFailed
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from stated_cases import countersigned, stated_lines, taking
from usage_samples import BILL, BILL_HEAD

GAP = Interval(START + 600, START + 660)
COMPANY = Acting(actor="company-a", party_id=TENANT)
SELLER = Acting(actor="provider-a", party_id=PROVIDER)
RENTED = "KS-2026-10-HT-1"
WHY = "机房停电 the room lost its power"


def explaining(work: Work) -> GapExplaining:
    """The service, a few days after October."""
    return GapExplaining(work, lambda: (END + 4 * 1440) * MINUTE_MS)


def version(policy: str) -> RulesVersion:
    """The shipped rules with a decided gap policy, in force before the month."""
    decision = Decision(
        officers=OFFICERS, decided_on="2026-09-01", reason="a reason", document="a paper"
    )
    decided = Parameter(
        name="gap_policy", state=ParameterState.DECIDED, value=policy, decision=decision
    )
    kept = tuple(one for one in RULES[0].parameters if one.name != "gap_policy")
    begun = Interval(START - 1440, RULES[0].in_force.end)
    return replace(
        RULES[0],
        version=f"{RULES[0].version}-{policy}",
        in_force=begun,
        parameters=(*kept, decided),
    )


def reported(start: int, end: int, *, same_holders: bool | None = True) -> GapRow:
    """A gap that the host reported."""
    return GapRow(
        HOST_A,
        (1, 1),
        start,
        "GPU-1",
        start * MINUTE_MS,
        end * MINUTE_MS,
        int(GapReason.AGENT_DOWN),
        True,
        same_holders,
        5_000,
    )


def october(work: Work, policy: str, gaps: Iterable[GapRow] = ()) -> Books:
    """October with a leased card that misses the hour of GAP, under rules with a policy."""
    minutes = observe(START, GAP.start) | observe(START + 660, END)
    store(work, minutes, assignments=[assignment()], gaps=list(gaps))
    Rulebook(work, lambda: END * MINUTE_MS).register([version(policy)])
    return Books(work)


def rented(books: Books, revision: int = 1) -> dict[str, object]:
    """The tenant's statement; its arithmetic is the verifier's."""
    content = json.loads(books.statements()[RENTED, revision].content)
    check_arithmetic(content)
    return dict(content)


def counted(books: Books, revision: int = 1) -> tuple[int, int]:
    """What a statement counts of its gaps: by continuity, by officers."""
    totals = rented(books, revision)["totals"]
    assert isinstance(totals, dict)
    return totals.get("continuity_ms", 0), totals.get("officer_ms", 0)


def accept(work: Work, explanation_id: str, *officers: str) -> ExplanationState:
    """Officers accept, one after the other."""
    return [
        explaining(work).decide(explanation_id, officer, GapVerdict.ACCEPTED, "见停电通知")
        for officer in officers
    ][-1]


def test_two_officers_make_an_explained_gap_count(work: Work) -> None:
    """Under the officer policy: half by evidence, half by word, each in its column; what was
    observed, billed and owed stays what it was."""
    books = october(work, "officer", [reported(GAP.start, START + 630)])
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY, evidence=b"notice")

    assert made.evidence_sha256 == sha256(b"notice").hexdigest()
    assert accept(work, made.explanation_id, OFFICERS[0]) is ExplanationState.HALF_ACCEPTED
    assert accept(work, made.explanation_id, OFFICERS[1]) is ExplanationState.ACCEPTED
    books.close()

    half_ms = 30 * MINUTE_MS
    assert counted(books) == (half_ms, half_ms)
    lines = rented(books)["lines"]
    assert isinstance(lines, list)
    (line,) = lines
    assert line["billed_ms"] == line["quantities"]["observed_ms"]
    told = {gap["counted_as"]: gap for gap in line["gaps"]}
    assert told["continuity"]["energy_mj"] == 5_000
    assert told["officer"]["explanations"] == [made.explanation_id]


def test_rules_decided_later_ask_for_two_officers_all_the_same(work: Work) -> None:
    """One officer accepts while nothing counts by it; then rules of the open month count gaps on
    officers' word. One word is not enough any more: nothing counts until another accepts too."""
    minutes = observe(START, GAP.start) | observe(START + 660, END)
    store(work, minutes, assignments=[assignment()])
    books = Books(work)
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    assert accept(work, made.explanation_id, OFFICERS[0]) is ExplanationState.ACCEPTED
    Rulebook(work, lambda: 0).register([version("officer")])

    books.close()
    assert counted(books) == (0, 0)
    with pytest.raises(Refused, match="another officer must accept"):
        accept(work, made.explanation_id, OFFICERS[0])
    assert accept(work, made.explanation_id, OFFICERS[1]) is ExplanationState.ACCEPTED
    assert books.correct() is not None

    (line,) = json.loads(books.statements()[RENTED, 2].content)["lines"]
    assert line["quantities"]["officer_ms"] == 60 * MINUTE_MS


@pytest.mark.parametrize(("policy", "expected"), [("none", (0, 0)), ("continuity", (1_800_000, 0))])
def test_other_policies_count_no_officers_word(
    work: Work, policy: str, expected: tuple[int, int]
) -> None:
    """One officer suffices where nothing is counted by it, and the columns say so."""
    books = october(work, policy, [reported(GAP.start, START + 630)])
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)

    assert accept(work, made.explanation_id, OFFICERS[0]) is ExplanationState.ACCEPTED
    books.close()

    assert counted(books) == expected


@pytest.mark.parametrize("officers", [(), (OFFICERS[0],)])
def test_half_an_acceptance_counts_nothing(work: Work, officers: tuple[str, ...]) -> None:
    """Without a second officer the explanation stays a party's word."""
    books = october(work, "officer")
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    if officers:
        accept(work, made.explanation_id, *officers)

    books.close()

    assert counted(books) == (0, 0)


def test_one_officer_refuses(work: Work) -> None:
    """Refused is settled: nobody accepts it afterwards, nobody decides twice or on own words."""
    october(work, "officer")
    service = explaining(work)
    made = service.explain("GPU-1", GAP, COMPANY, reason=WHY)
    own = service.explain(
        "GPU-1", GAP, Acting(actor=OFFICERS[0], party_id=PROVIDER), reason="said by the provider"
    )

    accept(work, made.explanation_id, OFFICERS[0])
    with pytest.raises(Refused, match="another officer"):
        accept(work, made.explanation_id, OFFICERS[0])
    state = service.decide(made.explanation_id, OFFICERS[1], GapVerdict.REFUSED, "no such outage")
    assert state is ExplanationState.REFUSED
    with pytest.raises(Refused, match="is refused already"):
        accept(work, made.explanation_id, "officer-c")
    with pytest.raises(Refused, match="others decide"):
        accept(work, own.explanation_id, OFFICERS[0])
    with pytest.raises(NotFound):
        accept(work, "nothing", OFFICERS[0])


def test_who_does_not_see_the_time_does_not_explain_it(work: Work) -> None:
    """A stranger, the office itself, a device nobody knows, and time beyond the lease."""
    minutes = observe(START, GAP.start) | observe(START + 660, END)
    store(work, minutes, assignments=[assignment(end=START + 630)])
    service = explaining(work)
    stranger = Acting(actor="company-b", party_id=OTHER_TENANT)

    for device, acting, interval in (
        ("GPU-1", stranger, GAP),
        ("GPU-9", COMPANY, GAP),
        ("GPU-1", COMPANY, GAP),
    ):
        with pytest.raises(NotFound):
            service.explain(device, interval, acting, reason=WHY)
    with pytest.raises(Refused, match="the office decides"):
        service.explain("GPU-1", GAP, Acting(actor="officer-a"), reason=WHY)
    service.explain("GPU-1", Interval(GAP.start, START + 630), COMPANY, reason=WHY)
    service.explain("GPU-1", GAP, SELLER, reason=WHY)

    assert [len(service.listed(one)) for one in (COMPANY, SELLER, stranger)] == [1, 2, 0]


def test_only_what_is_missing_is_explained(work: Work) -> None:
    """Time that was observed whole, that is to come, or that was explained so already."""
    october(work, "officer")
    service = explaining(work)

    with pytest.raises(Refused, match="every millisecond"):
        service.explain("GPU-1", Interval(START, START + 60), COMPANY, reason=WHY)
    with pytest.raises(Refused, match="in the future"):
        service.explain("GPU-1", Interval(END, END + 60_000), COMPANY, reason=WHY)
    service.explain("GPU-1", GAP, COMPANY, reason=WHY)
    with pytest.raises(Refused, match="said already"):
        service.explain("GPU-1", GAP, COMPANY, reason=WHY)


def test_after_the_close_nobody_explains_and_officers_still_decide(work: Work) -> None:
    """What was said in time and accepted late makes a correction that changes no fen."""
    books = october(work, "officer")
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    books.close()
    with pytest.raises(Refused, match="until its month is closed"):
        explaining(work).explain("GPU-1", GAP, SELLER, reason=WHY)

    accept(work, made.explanation_id, *OFFICERS)
    correction = books.correct()

    assert correction is not None
    assert correction.difference.amount_fen == 0
    assert (counted(books, 1), counted(books, 2)) == ((0, 0), (0, 60 * MINUTE_MS))


def test_the_verifier_meets_counted_gaps_that_lie(work: Work) -> None:
    """More than the gap, more than the evidence speaks for, or totals that do not sum."""
    books = october(work, "continuity", [reported(GAP.start, START + 630)])
    books.close()
    content = rented(books)

    def lying(where: str, **changes: int) -> dict[str, object]:
        lie = json.loads(json.dumps(content))
        target = lie["totals"] if where == "totals" else lie["lines"][0]["quantities"]
        target.update(changes)
        if where == "both":
            lie["totals"].update(changes)
        return dict(lie)

    for lie in (
        lying("totals", continuity_ms=1),
        lying("both", officer_ms=10**9),
        lying("both", continuity_ms=40 * MINUTE_MS),
    ):
        with pytest.raises(CheckFailed):
            check_arithmetic(lie)


@pytest.mark.parametrize("table", ["gap_explanations", "gap_decisions"])
def test_words_on_gaps_are_only_ever_added(work: Work, table: str) -> None:
    """By whatever program; and fsck tells a row that was altered all the same."""
    october(work, "officer")
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    accept(work, made.explanation_id, OFFICERS[0])
    altering = f"UPDATE {table} SET reason = 'other'"

    with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
        unit.connection.execute(text(altering))
    assert not [one for one in check_logged(work) if "。gap-" in one]
    alter(work, table, altering)
    assert [one for one in check_logged(work) if "。gap-" in one]


@pytest.mark.parametrize(("policy", "counts"), [("officer", True), ("none", False)])
def test_an_estimate_counts_gaps_as_the_rules_say(work: Work, policy: str, counts: bool) -> None:
    """743 hours at 1000 yuan were observed, and the hour that is missing is explained: half of 744
    is estimated where the rules count it, half of 743 elsewhere; a later month's case, a correction
    and the columns hold the same, and what is owed never changes by it."""
    books = october(work, policy)
    books.agree(repriced(price(), "1000"))
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    accept(work, made.explanation_id, *OFFICERS[: 2 if counts else 1])

    (statement, *_others) = books.close().statements

    year_fen = (744 if counts else 743) * 1000_00
    assert (statement.amount_fen, statement.eligible_fen) == (743 * 1000_00,) * 2
    assert statement.subsidy.estimate_fen == year_fen // 2
    with work.begin(writes=False) as unit:
        assert unit.expense.earlier_in_year(NOVEMBER)[TENANT].eligible_fen == year_fen
        told = replayed(json.loads(statement.to_bytes()), None).lines
    assert sum(line.amount_fen + line.gap_fen for line in told) == year_fen
    books.agree(repriced(price(), "2000"))
    assert books.correct() is not None
    assert books.statements()[RENTED, 2].estimate_fen == year_fen
    assert not [one for one in check_logged(work) if one.startswith("rated_lines")]


def test_a_correction_leaves_explained_gaps_and_stated_lines_as_they_are(work: Work) -> None:
    """The month has an accepted explanation and a countersigned hour of another card; the price is
    corrected from the 16th on: the counted hour stands in the new revision, the stated line keeps
    its id, original with reversals and new lines is a fresh rating in every column."""
    books = october(work, "officer", [reported(GAP.start, START + 630)])
    row = (
        "GPU-00000007-0000-4000-8000-000000000000,1,2026-10-02 08:00:00,2026-10-02 09:00:00,3600\n"
    )
    mapping = BILL + "identified = true\n"
    countersigned(work, taking(work, BILL_HEAD + row, mapping=mapping))
    made = explaining(work).explain("GPU-1", GAP, COMPANY, reason=WHY)
    accept(work, made.explanation_id, *OFFICERS)
    books.close()
    change = at("10-16 00:00")
    books.agree(price(end=change), price("11.50", change))

    correction = books.correct()

    assert correction is not None
    assert correction.difference.amount_fen == -16 * 24 * 100
    half_ms = 30 * MINUTE_MS
    assert counted(books) == counted(books, 2) == (half_ms, half_ms)
    (first,), (second,) = (stated_lines(books, revision) for revision in (1, 2))
    assert first["line_id"] == second["line_id"]
    booked = books.booked(correction.difference.run_id)
    assert {one.content["hardware_id"] for one in booked} == {"GPU-1"}
    sums: Counter[str] = Counter()
    for one in booked:
        sums.update(one.content["quantities"])
    assert set(sums.values()) == {0}
