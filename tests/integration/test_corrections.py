"""Correcting closed months on both databases: what changes, what is booked, what stays."""

import json
from collections import Counter
from dataclasses import dataclass, field

import pytest
from corrected_months import DECEMBER, DECISION, NOVEMBER, OFFICERS, Books, repriced
from expense_cases import (
    END,
    HOST_B,
    OCTOBER,
    OWNER,
    PROVIDER,
    START,
    assignment,
    at,
    contract,
    hours_of,
    observe,
    price,
    tenure,
)
from expense_facts import store
from kashi_server.domain.booked_line import Booking, line_id
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import TenureKind
from kashi_server.errors import InvalidValue, Refused
from kashi_server.services.corrections_port import (
    CorrectionRun,
    CorrectionUnit,
    RevisedStatement,
)
from kashi_server.services.importing import ImportFile
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

LATE = (at("10-20 00:00"), at("10-20 10:00"))
RENTED = "KS-2026-10-HT-1"
OWNED = f"KS-2026-10-{OWNER}"
NOVEMBER_START, NOVEMBER_END = NOVEMBER.interval().bounded()


def _closed_october(work: Work) -> Books:
    """October, closed: a rented card that misses ten hours, and an owned card that misses none."""
    minutes = observe(START, LATE[0]) | observe(LATE[1], END)
    minutes |= observe(START, END, hardware_id="GPU-2", host_id=HOST_B)
    owned = tenure(HOST_B, OWNER, TenureKind.SELF_OWNED)
    store(work, minutes, assignments=[assignment()], tenures=[tenure(), owned])
    books = Books(work)
    books.close()
    return books


def test_every_closed_month_that_differs_is_named(work: Work) -> None:
    """An assignment void from its begin takes back November when that is corrected; October, which
    it takes back as well, is named until it is corrected too."""
    minutes = observe(START, START + 600) | observe(END, END + 600)
    store(work, minutes, assignments=[assignment()], tenures=[tenure()])
    books = Books(work)
    books.close(OCTOBER)
    books.close(NOVEMBER)
    terms = [ImportFile("void.toml", '[[void]]\nassignment = "A-1"\n')]
    assert books.correcting().differing() == ()
    looked = books.correcting().differing(terms)
    assert books.correcting().differing() == ()

    made = books.correcting().make(NOVEMBER, DECISION, terms)
    assert made is not None

    left = books.correcting().differing()
    assert [month for month, _fen in looked] == [OCTOBER, NOVEMBER]
    assert left == looked[:1]
    assert left[0][1] == -125_00
    assert looked[1] == (NOVEMBER, made.difference.amount_fen)
    books.correct(OCTOBER)
    assert books.correcting().differing() == ()


def test_late_reports_make_the_next_revision_of_the_statement_they_change(work: Work) -> None:
    """Ten hours at 12.50 come late: revision 2 states the month whole, the first stays as it was,
    and the statement that is not touched gets no revision."""
    books = _closed_october(work)
    before = books.statements()
    books.arrive(hours_of(observe(*LATE)))

    made = books.correct()
    after = books.statements()

    assert made is not None
    assert made.difference.numbers == (RENTED,)
    assert set(after) == {(RENTED, 1), (RENTED, 2), (OWNED, 1)}
    assert {key: after[key] for key in before} == before
    assert after[RENTED, 2].amount_fen - after[RENTED, 1].amount_fen == 10 * 1250
    said = json.loads(after[RENTED, 2].content)["correction"]
    assert said["corrects_sha256"] == before[RENTED, 1].sha256.hex()
    assert (said["amount_fen"], said["booked_in"]) == (12_500, "2026-11")
    assert said["reason"] == DECISION.reason


def test_a_late_report_ends_the_silence(work: Work) -> None:
    """The ten hours that nobody reported are a gap that the server wrote; nine of them come late:
    the correction's gaps hold the tenth alone, and those of the close are kept as they were."""
    books = _closed_october(work)

    def silent() -> list[tuple[int, int]]:
        with work.begin(writes=False) as unit:
            return [(one.start, one.end) for one in unit.expense.silences(OCTOBER)]

    assert silent() == [LATE]
    books.arrive(hours_of(observe(LATE[0], LATE[1] - 60)))
    assert books.correct() is not None
    assert silent() == [(LATE[1] - 60, LATE[1])]
    books.arrive(hours_of(observe(LATE[1] - 60, LATE[1])))
    assert books.correct() is not None
    assert silent() == []
    with work.begin(writes=False) as unit:
        count = unit.connection.execute(text("SELECT count(*) FROM silences")).scalar_one()
    assert count == 2


def test_original_and_reversal_are_zero_in_every_column(work: Work) -> None:
    """What is taken back is the line as it stood with every integer negated, nothing recomputed."""
    books = _closed_october(work)
    stood = json.loads(books.statements()[RENTED, 1].content)["lines"]
    books.arrive(hours_of(observe(*LATE)))

    made = books.correct()
    assert made is not None
    reversals = [b for b in books.booked(made.difference.run_id) if b.kind is Booking.REVERSAL]

    by_id = {line["line_id"]: line for line in stood}
    assert reversals
    for reversal in reversals:
        (corrected,) = reversal.corrects
        original = by_id[corrected]
        sums: Counter[str] = Counter()
        for line in (original, reversal.content):
            sums.update(line["quantities"])
            sums.update({name: line[name] for name in ("billed_ms", "amount_fen")})
        assert set(sums.values()) == {0}
        assert (reversal.content["start"], reversal.content["end"]) == (
            original["start"],
            original["end"],
        )
        assert reversal.content["price_id"] == original["price_id"]


def test_new_lines_name_what_they_correct_and_keep_the_time_they_charge_for(work: Work) -> None:
    """A price corrected from the 16th on splits the line; both parts name the one they correct."""
    books = _closed_october(work)
    change = at("10-16 00:37")
    books.agree(price(end=change), price("11.80", change))

    made = books.correct()
    assert made is not None
    booked = books.booked(made.difference.run_id)
    (reversal,) = [one for one in booked if one.kind is Booking.REVERSAL]
    first, second = [one for one in booked if one.kind is Booking.NEW]

    assert (reversal.start, reversal.end) == (START, END)
    assert (first.start, first.end, second.start, second.end) == (START, change, change, END)
    assert first.corrects == second.corrects == (reversal.line_id,)
    assert second.content["price_yuan_per_card_hour"] == "11.80"
    assert sum(one.amount_fen for one in booked) == made.difference.amount_fen < 0


def test_a_line_that_is_left_alone_keeps_its_id(work: Work) -> None:
    """Of two lines only the second changes: the first has one id in both revisions."""
    change = at("10-16 00:37")
    prices = [price("12.50", end=change), price("11.80", change)]
    store(work, observe(START, LATE[0]), assignments=[assignment()], prices=prices)
    books = Books(work)
    books.close()
    books.arrive(hours_of(observe(*LATE)))

    made = books.correct()
    stored = books.statements()
    ids = [
        [line["line_id"] for line in json.loads(stored[RENTED, n].content)["lines"]] for n in (1, 2)
    ]

    assert made is not None
    assert ids[0][0] == ids[1][0]
    assert ids[0][1] != ids[1][1]
    assert [one.line_id for one in books.booked(made.difference.run_id)] == [ids[0][1], ids[1][1]]


def test_a_correction_with_nothing_to_correct_makes_nothing(work: Work) -> None:
    """Not at once, and not a second time after one that was made."""
    books = _closed_october(work)
    before = books.statements()

    assert books.correcting().preview(OCTOBER) is None
    assert books.correct() is None
    assert books.statements() == before
    books.arrive(hours_of(observe(*LATE)))
    assert books.correct() is not None
    once = books.statements()
    assert books.correct() is None
    assert books.statements() == once
    with work.begin(writes=False) as unit:
        assert [run.ordinal for run in unit.corrections.runs(OCTOBER)] == [1]


def test_a_preview_stores_nothing_and_names_the_correction_that_is_made(work: Work) -> None:
    """What is looked at is what is made: the run has the id that the preview showed."""
    books = _closed_october(work)
    books.arrive(hours_of(observe(*LATE)))
    before = books.statements()

    shown = books.correcting().preview(OCTOBER)
    untouched = books.statements()
    made = books.correct()

    assert shown is not None
    assert made is not None
    assert untouched == before
    assert shown.difference == made.difference


def test_a_correction_after_a_correction_starts_from_what_stands(work: Work) -> None:
    """A price up and down again: the third revision has the lines of the first, under their ids."""
    books = _closed_october(work)
    books.agree(repriced(price(), "13.00"))
    first = books.correct()
    books.agree(price())
    second = books.correct()

    stored = books.statements()
    lines = [json.loads(stored[RENTED, n].content)["lines"] for n in (1, 2, 3)]
    assert first is not None
    assert second is not None
    assert first.difference.amount_fen == -second.difference.amount_fen > 0
    assert lines[0] == lines[2] != lines[1]
    assert first.difference.run_id != second.difference.run_id


def test_the_same_change_twice_is_two_corrections(work: Work) -> None:
    """Up, down, up: the third run books what the first did, and is another run all the same."""
    books = _closed_october(work)
    runs = []
    for yuan in ("13.00", "12.50", "13.00"):
        books.agree(repriced(price(), yuan))
        made = books.correct()
        assert made is not None
        runs.append(made.difference)

    assert runs[0].amount_fen == runs[2].amount_fen
    assert len({run.run_id for run in runs}) == 3


def test_a_line_moves_from_one_statement_to_another(work: Work) -> None:
    """An assignment confirmed after the close: the owner's unleased time becomes the tenant's."""
    store(work, observe(START, END), assignments=[assignment(confirmed=False)])
    books = Books(work)
    books.close()
    owner = f"KS-2026-10-{PROVIDER}"
    books.agree(assignment())

    made = books.correct()
    assert made is not None
    booked = books.booked(made.difference.run_id)
    stored = books.statements()

    assert made.difference.numbers == tuple(sorted((RENTED, owner)))
    assert json.loads(stored[owner, 2].content)["lines"] == []
    (reversal,) = [one for one in booked if one.kind is Booking.REVERSAL]
    (new,) = [one for one in booked if one.kind is Booking.NEW]
    assert (reversal.number, new.number) == (owner, RENTED)
    assert new.corrects == (reversal.line_id,)
    assert stored[RENTED, 2].amount_fen == 744 * 1250


def test_a_contract_that_had_no_statement_gets_its_first(work: Work) -> None:
    """A lease for a contract that was signed later: revision 1, and it says that it corrects."""
    store(work, observe(START, END))
    books = Books(work)
    books.close()
    middle = at("10-16 00:00")
    books.agree(
        contract("HT-2"),
        assignment(middle, assignment_id="A-2", contract_id="HT-2"),
        price(contract_id="HT-2", price_id="P-2"),
    )

    assert books.correct() is not None
    stored = books.statements()["KS-2026-10-HT-2", 1]
    said = json.loads(stored.content)["correction"]

    assert stored.amount_fen == 16 * 24 * 1250
    assert (said["corrects_revision"], said["corrects_sha256"]) == (None, None)


def test_what_a_correction_takes_back_is_settled_in_the_next_statement(work: Work) -> None:
    """October falls by 744 yuan: November's statement charges its own and less that."""
    store(work, observe(START, NOVEMBER_END), assignments=[assignment()])
    books = Books(work)
    books.close()
    books.agree(repriced(price(end=END), "11.50"), price("12.50", END, price_id="P-2"))
    made = books.correct()
    books.close(NOVEMBER)

    said = json.loads(books.statements(NOVEMBER)["KS-2026-11-HT-1", 1].content)
    assert made is not None
    assert made.difference.amount_fen == -744 * 100
    assert said["totals"]["amount_fen"] == 720 * 1250
    assert said["settlement"] == {
        "charges_fen": 720 * 1250,
        "corrections": [
            {
                "amount_fen": -744 * 100,
                "charge_month": "2026-10",
                "run_id": made.difference.run_id,
            }
        ],
        "corrections_fen": -744 * 100,
        "carried_in_fen": 0,
        "payable_fen": 720 * 1250 - 744 * 100,
        "carried_out_fen": 0,
    }


def test_a_net_below_zero_is_carried_and_never_cut(work: Work) -> None:
    """October was never owed and November is small: what is left over is settled in December."""
    december_end = DECEMBER.interval().bounded()[1]
    minutes = observe(START, START + 600) | observe(NOVEMBER_START, NOVEMBER_START + 60)
    minutes |= observe(NOVEMBER_END, december_end)
    store(work, minutes, assignments=[assignment()])
    books = Books(work)
    books.close()
    books.agree(repriced(price(end=END), "0"), price("12.50", END, price_id="P-2"))
    assert books.correct() is not None
    books.close(NOVEMBER)
    books.close(DECEMBER)

    november, december = (
        json.loads(books.statements(month)[f"KS-{month}-HT-1", 1].content)["settlement"]
        for month in (NOVEMBER, DECEMBER)
    )
    assert (november["payable_fen"], november["carried_out_fen"]) == (0, 1250 - 12_500)
    assert december["carried_in_fen"] == november["carried_out_fen"]
    assert december["payable_fen"] == 744 * 1250 - 11_250
    assert december["carried_out_fen"] == 0


def test_a_contract_that_ended_is_settled_all_the_same(work: Work) -> None:
    """Its correction is booked in a month in which it no longer runs: a statement says so."""
    store(work, observe(START, END), assignments=[assignment(end=END)])
    books = Books(work)
    books.agree(contract(end=END))
    books.close()
    books.agree(repriced(price(), "12.00"))
    assert books.correct() is not None
    books.close(NOVEMBER)

    said = json.loads(books.statements(NOVEMBER)["KS-2026-11-HT-1", 1].content)
    assert said["lines"] == []
    assert said["settlement"]["carried_out_fen"] == -744 * 50


def test_what_is_owed_back_stays_until_it_is_settled(work: Work) -> None:
    """The contract is over and nothing more falls due under it: every later month's statement says
    what is carried, so that it does not vanish."""
    store(work, observe(START, END), assignments=[assignment(end=END)])
    books = Books(work)
    books.agree(contract(end=END))
    books.close()
    books.agree(repriced(price(), "12.00"))
    assert books.correct() is not None
    books.close(NOVEMBER)

    books.close(DECEMBER)

    said = json.loads(books.statements(DECEMBER)["KS-2026-12-HT-1", 1].content)
    carried = said["settlement"]
    assert (carried["carried_in_fen"], carried["carried_out_fen"]) == (-744 * 50, -744 * 50)
    assert books.correct(DECEMBER) is None


def test_two_officers_make_a_correction(work: Work) -> None:
    """One alone, one twice, a stranger or a company's account, no reason: none of it is made."""
    books = _closed_october(work)
    books.arrive(hours_of(observe(*LATE)))

    for officers in (("officer-a", "officer-a"), ("officer-a", "")):
        with pytest.raises(InvalidValue, match="two different officers"):
            OfficersDecision(officers=officers, reason="late")
    with pytest.raises(InvalidValue, match="needs a reason"):
        OfficersDecision(officers=OFFICERS, reason=" ")
    with pytest.raises(Refused, match="'somebody' is no officer here"):
        books.correct(decision=OfficersDecision(officers=("officer-a", "somebody"), reason="late"))
    assert set(books.statements()) == {(RENTED, 1), (OWNED, 1)}


def test_a_correction_is_a_privileged_act_of_both(work: Work) -> None:
    """Who, what, when and why stand among the acts and in the log."""
    books = _closed_october(work)
    books.arrive(hours_of(observe(*LATE)))
    made = books.correct()
    assert made is not None

    with work.begin(writes=False) as unit:
        rows = unit.connection.execute(text("SELECT actor, act, reason FROM privileged_acts"))
        acts = {tuple(row) for row in rows}
        entries = unit.log.entries(0, unit.log.head().size)
    (entry,) = [one for one in entries if one.kind == "correction"]

    assert acts == {(login, "correct-month", DECISION.reason) for login in OFFICERS}
    assert entry.reference == made.difference.run_id
    assert json.loads(entry.entry)["officers"] == list(OFFICERS)


def test_an_open_month_needs_no_correction(work: Work) -> None:
    """It is refused: what changes before the close is simply closed."""
    books = _closed_october(work)

    with pytest.raises(Refused, match="2026-11 is not closed"):
        books.correct(NOVEMBER)


def test_terms_for_an_open_month_leave_no_trace(work: Work) -> None:
    """December is named by mistake: neither the month nor the agreements of October change."""
    books = _closed_october(work)
    file = ImportFile("prices.toml", PRICES)
    before = _prices(work)

    with pytest.raises(Refused, match="2026-12 is not closed"):
        books.correcting().make(DECEMBER, DECISION, [file])

    assert _prices(work) == before
    books.correcting().make(OCTOBER, DECISION, [file])
    assert _prices(work) != before


PRICES = """\
[[price]]
price_id = "HT-1-12.50"
contract = "HT-1"
model = "NVIDIA H100 80GB HBM3"
yuan_per_card_hour = "99.00"
basis = "leased_observed"
from = 2026-09-01T00:00:00+08:00
"""


def _prices(work: Work) -> list[Price]:
    with work.begin(writes=False) as unit:
        return list(unit.expense.prices())


@dataclass
class _Watch:
    """Notes what it is told; breaks when told to."""

    heard: list[tuple[str, int, int | None, int]] = field(default_factory=list)
    breaks: bool = False

    def corrected(
        self, unit: CorrectionUnit, run: CorrectionRun, statement: RevisedStatement
    ) -> None:
        """Note it, and read the new revision through the unit."""
        stored = unit.expense.statement(statement.number, statement.revision)
        assert stored is not None
        assert stored.sha256.hex() == statement.sha256
        assert run.month == OCTOBER
        told = statement.number, statement.revision, statement.corrects_revision
        self.heard.append((*told, statement.amount_fen))
        if self.breaks:
            raise Refused("a claim that rests on it is being paid")


def test_who_watches_is_told_in_the_same_unit_of_work(work: Work) -> None:
    """A watch hears of each revised statement; one that refuses keeps the correction from being."""
    books = _closed_october(work)
    books.arrive(hours_of(observe(*LATE)))
    before = books.statements()
    stubborn, watch = _Watch(breaks=True), _Watch()

    with pytest.raises(Refused, match="is being paid"):
        books.correcting([stubborn]).make(OCTOBER, DECISION)
    untouched = books.statements()
    books.correcting([watch]).make(OCTOBER, DECISION)

    assert untouched == before
    assert watch.heard == stubborn.heard == [(RENTED, 2, 1, 12_500)]


def test_facts_that_come_in_between_are_in_or_out_whole(work: Work) -> None:
    """An agreement that is made after the log was sequenced makes the correction sequence again."""
    books = _closed_october(work)
    books.arrive(hours_of(observe(*LATE)))
    sequencing, calls = books.sequencing, list[int]()
    assert sequencing is not None

    def sequence_then_agree() -> object:
        head = sequencing()
        calls.append(head.size)
        if len(calls) == 1:
            books.agree(repriced(price(), "13.00"))
        return head

    books.sequencing = sequence_then_agree  # type: ignore[assignment]  # heads are checkpoints
    made = books.correct()

    assert made is not None
    assert made.statements[RENTED].cut_off.checkpoint_size == calls[1] > calls[0]
    assert made.statements[RENTED].lines[0].price_yuan == 13


@pytest.mark.parametrize(
    "table",
    ["correction_runs", "corrected_statements", "correction_lines", "settlements"],
)
def test_the_database_refuses_to_change_what_was_booked(work: Work, table: str) -> None:
    """Not a run, not a booked line, not a settlement: not by an update, not by a deletion."""
    store(work, observe(START, NOVEMBER_END), assignments=[assignment()])
    books = Books(work)
    books.close()
    books.agree(repriced(price(end=END), "11.50"), price("12.50", END, price_id="P-2"))
    books.correct()
    books.close(NOVEMBER)
    column = "reason" if table == "correction_runs" else "number"

    for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"):
        with pytest.raises(DatabaseError, match="only ever added"), work.begin() as unit:
            unit.connection.execute(text(statement))


def test_the_id_of_a_line_does_not_depend_on_its_place(work: Work) -> None:
    """The id in a statement is the hash of what the line says; its number in the list is not."""
    books = _closed_october(work)
    for line in json.loads(books.statements()[RENTED, 1].content)["lines"]:
        assert line["line_id"] == line_id(RENTED, line) == line_id(RENTED, {**line, "line": 99})
        assert line["line_id"] != line_id(OWNED, line)
        assert line["line_id"] != line_id(RENTED, {**line, "amount_fen": line["amount_fen"] + 1})


def test_estimates_that_stand_never_pass_the_companys_year(work: Work) -> None:
    """Two contracts of one company share its ten million: the first is corrected upwards, and what
    the second was estimated at still stands, so that the first gets no more than is left. In
    November, corrected down and October up again, the year stays what it is."""
    minutes = observe(START, NOVEMBER_END)
    minutes |= observe(START, NOVEMBER_END, hardware_id="GPU-2", host_id=HOST_B)
    store(work, minutes, assignments=[assignment()], prices=[price("10000", price_id="P-1")])
    books = Books(work)
    second = assignment(assignment_id="A-2", contract_id="HT-2", hardware_id="GPU-2")
    dear = price("100000", contract_id="HT-2", price_id="P-2")
    books.agree(contract("HT-2"), second, dear)

    def estimates() -> list[int]:
        found = {n: one for (n, _r), one in sorted(books.statements().items())}
        found |= {n: one for (n, _r), one in sorted(books.statements(NOVEMBER).items())}
        return [one.estimate_fen or 0 for _number, one in sorted(found.items())]

    books.close()
    assert estimates() == [3_720_000_00, 6_280_000_00]
    books.agree(repriced(price("10000", price_id="P-1"), "90000"))
    assert books.correct() is not None
    assert estimates() == [3_720_000_00, 6_280_000_00]
    books.close(NOVEMBER)
    for yuan in ("1", "90000"):
        books.agree(repriced(price("10000", price_id="P-1"), yuan), repriced(dear, yuan))
        for month in (NOVEMBER, OCTOBER):
            assert books.correct(month) is not None
        assert sum(estimates()) <= 10_000_000_00
    assert sum(estimates()) == 10_000_000_00
