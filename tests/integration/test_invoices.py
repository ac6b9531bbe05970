"""Invoices in use: what never changes, how they stand, and who is told when that changes."""

from dataclasses import dataclass, field, replace

import pytest
from expense_cases import OTHER_PROVIDER, OTHER_TENANT, TENANT
from kashi_server.domain.invoice import InvoiceLine, InvoiceStatus, LinePart
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import NotFound, Refused
from kashi_server.services.acting import Acting
from kashi_server.services.allocation import Wanted, allocate, held_by
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.invoice_sheet import WHOLE_LINE
from kashi_server.services.invoice_watch import InvoiceChange
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.papers_port import PapersUnit
from kashi_server.storage.unit_of_work import Work
from paper_cases import (
    BLUE,
    COMPANY,
    NOW_UTC_MS,
    OFFICE,
    PARTS_OF_BLUE,
    SELLER,
    STRANGER,
    agreed,
    invoice,
    keeping,
    take,
    taxed,
    told,
    with_blue,
)
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

NUMBER = BLUE.number


@dataclass
class Noting:
    """A watch that notes what it is told, or refuses."""

    changes: list[InvoiceChange] = field(default_factory=list)
    refuses: bool = False

    def invoice_changed(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """Note a change, in the unit that stores it."""
        stored = unit.invoices.invoice(change.number)
        assert stored is not None
        assert stored.status is change.after
        self.changes.append(change)
        if self.refuses:
            raise Refused("a claim cannot reopen")

    def invoice_righted(self, unit: PapersUnit, change: InvoiceChange) -> None:
        """As any other change."""
        self.invoice_changed(unit, change)


def watched(work: Work, watch: Noting) -> InvoiceKeeping:
    """Invoices that are watched."""
    return InvoiceKeeping(work, lambda: NOW_UTC_MS, watch)


def claim(work: Work, fen: int = 100_000, claim_id: str = "C-1") -> None:
    """A claim takes some of the blue invoice's accelerator part."""
    wanted = Wanted(
        number=NUMBER,
        contract_id="HT-1",
        part="accelerator",
        claim_id=claim_id,
        amount_fen=fen,
    )
    with work.begin() as unit:
        allocate(unit, [wanted], COMPANY, "filed", NOW_UTC_MS)
        unit.commit()


def status(work: Work) -> list[str]:
    """How the blue invoice stood, change by change."""
    return [str(one.status) for one in keeping(work).show(NUMBER, OFFICE).statuses]


def test_taking_an_invoice_again_changes_nothing(work: Work) -> None:
    """The same file twice: no row, no log entry."""
    with_blue(work)
    with work.begin(writes=False) as unit:
        waiting = len(unit.log.pending_entries(10_000))

    again = take(work, told(BLUE, parts=PARTS_OF_BLUE))

    assert (again.added, again.changed, again.unchanged) == (0, 0, 1)
    with work.begin(writes=False) as unit:
        assert len(unit.log.pending_entries(10_000)) == waiting
    assert keeping(work).show(NUMBER, OFFICE).stored.invoice == BLUE
    assert check_logged(work) == []


def test_an_issued_invoice_never_changes(work: Work) -> None:
    """Another content of a known number is passed by and told; the rest of the file is taken."""
    with_blue(work)
    other = replace(invoice(1, taxed(64_001, 3_840)))

    done = take(work, told(invoice(5, taxed(1, 0))), told(other, row=7))

    assert (done.added, done.contested) == (1, [NUMBER])
    assert f"invoices.xlsx:7: 发票 {NUMBER} 已以不同的 amount, lines 登记" in str(done.notes)
    assert f"invoice {NUMBER} stands here with another amount, lines" in str(done.notes)
    assert keeping(work).show(NUMBER, OFFICE).stored.invoice == BLUE


@pytest.mark.parametrize("acting", [OFFICE, SELLER])
def test_a_forged_invoice_is_claimed_no_more(work: Work, acting: Acting) -> None:
    """Its buyer was first with another amount; the office's or the seller's own file stops what is
    claimed of it, in the same unit, until two officers have looked; the other rows are taken."""
    with_blue(work)
    claim(work)
    watch = Noting()
    true = invoice(1, taxed(6_400, 384))

    done = watched(work, watch).take([told(true), told(invoice(5, taxed(1, 0)))], acting)

    assert (done.added, done.contested, status(work)) == (1, [NUMBER], ["normal", "void"])
    assert [one.claims for one in watch.changes] == [(("C-1", 100_000),)]
    assert any("until two officers" in note for note in done.notes)
    assert check_logged(work) == []


def test_other_names_alone_stop_nothing(work: Work) -> None:
    """A name spelled otherwise, or a file without lines, is told; money rests on neither."""
    with_blue(work)
    named = replace(BLUE, seller_name="示例算力服务有限公司")
    whole = InvoiceLine(line=1, name=WHOLE_LINE, amount=BLUE.amount)

    done = take(work, told(named), told(replace(BLUE, lines=(whole,))))

    assert (done.contested, status(work)) == ([NUMBER, NUMBER], ["normal"])


def test_a_stranger_learns_only_that_it_is_not_theirs(work: Work) -> None:
    """Neither a true guess of the amount nor a false one tells anything. Each is kept for officers
    to see, beside what stands as it stood."""
    with_blue(work)
    guesses = [
        replace(invoice(1, taxed(*yuan)), seller_id=OTHER_PROVIDER, buyer_id=OTHER_TENANT)
        for yuan in ((64_000, 3_840), (1, 0))
    ]

    notes = [take(work, told(one), acting=STRANGER).notes for one in guesses]

    assert notes[0] == notes[1]
    assert "is not" in notes[0][0]
    assert "amount" not in notes[0][0]
    assert status(work) == ["normal"]
    assert len(keeping(work).show(NUMBER, OFFICE).versions) == 3


def test_an_occupied_number_leaves_the_rest_of_the_file(work: Work) -> None:
    """A rival named it first: the company's other invoices are taken, and the office's own export
    stops the rival's."""
    agreed(work)
    taken = replace(BLUE, seller_id=OTHER_PROVIDER, buyer_id=OTHER_TENANT)
    take(work, told(taken), acting=STRANGER)

    mine = take(work, told(BLUE), told(invoice(5, taxed(1, 0))), acting=COMPANY)
    take(work, told(BLUE))

    assert (mine.added, mine.contested) == (1, [NUMBER])
    assert status(work) == ["normal", "void"]


def test_a_buyer_alone_does_not_tell_what_a_red_invoice_takes_back(work: Work) -> None:
    """It would name an invoice of which it claims nothing; the seller's word is taken."""
    with_blue(work)
    bare = invoice(2, taxed(-64_000, -3_840))
    take(work, told(invoice(5, taxed(64_000, 3_840))), told(bare))

    said = take(
        work, told(replace(bare, blue_number=invoice(5, taxed(1, 0)).number)), acting=COMPANY
    )
    assert (said.contested, status(work)) == ([bare.number], ["normal"])
    assert keeping(work).show(bare.number, OFFICE).stored.invoice.blue_number == ""

    take(work, told(replace(bare, blue_number=NUMBER)), acting=SELLER)
    assert status(work) == ["normal", "red"]


def test_a_red_invoice_that_was_first_told_of_another_stops_both(work: Work) -> None:
    """Its buyer told it of an invoice that nobody claims; the office's file of the true one stops
    that until two officers have looked."""
    with_blue(work)
    other = invoice(5, taxed(64_000, 3_840))
    false = invoice(2, taxed(-64_000, -3_840), blue=other.number)
    take(work, told(other), told(false), acting=COMPANY)

    done = take(work, told(replace(false, blue_number=NUMBER)))

    assert (done.contested, status(work)) == ([false.number], ["normal", "void"])


def test_a_changed_status_is_kept_as_history(work: Work) -> None:
    """Normal, partly red-flushed, red-flushed: three rows, each with what told it."""
    with_blue(work)

    take(work, told(BLUE, InvoiceStatus.PARTLY_RED, file="november.xlsx"))
    take(work, told(BLUE, InvoiceStatus.RED, file="december.xlsx"))

    history = keeping(work).show(NUMBER, OFFICE)
    assert status(work) == ["normal", "partly_red", "red"]
    assert [one.source for one in history.statuses][1:] == ["november.xlsx", "december.xlsx"]
    assert check_logged(work) == []


def test_an_older_export_takes_nothing_back(work: Work) -> None:
    """What was red-flushed stays so, and the note says it."""
    with_blue(work)
    take(work, told(BLUE, InvoiceStatus.RED))

    again = take(work, told(BLUE, InvoiceStatus.NORMAL, file="october.xlsx"))

    assert again.unchanged == 1
    assert "october.xlsx says normal; it stands red" in again.notes[0]
    assert status(work) == ["normal", "red"]


def test_a_red_invoice_changes_how_its_blue_one_stands(work: Work) -> None:
    """In part, then whole, though no file says so of the blue one."""
    with_blue(work)

    take(work, told(invoice(2, taxed(-8_000, -480), blue=NUMBER)))
    assert status(work) == ["normal", "partly_red"]
    take(work, told(invoice(3, taxed(-56_000, -3_360), blue=NUMBER)))

    assert status(work) == ["normal", "partly_red", "red"]
    assert [red.amount.incl_fen for red in keeping(work).show(NUMBER, OFFICE).reds] == [
        -848_000,
        -5_936_000,
    ]


def test_the_red_one_may_come_first(work: Work) -> None:
    """Its blue one is red-flushed from the day it is known."""
    agreed(work)
    red = invoice(2, taxed(-64_000, -3_840), blue=NUMBER)

    first = take(work, told(red))
    take(work, told(BLUE))

    assert "which is not known here" in first.notes[0]
    assert status(work) == ["normal", "red"]


def test_a_red_invoice_of_other_parties_flushes_nothing(work: Work) -> None:
    """It names a blue one that is not between its own two."""
    with_blue(work)
    red = replace(
        invoice(2, taxed(-64_000, -3_840), blue=NUMBER),
        seller_id=OTHER_PROVIDER,
        buyer_id=OTHER_TENANT,
    )

    done = take(work, told(red))

    assert "of other parties; passed by" in done.notes[0]
    assert status(work) == ["normal"]


def test_who_claims_of_it_is_told_in_the_same_unit(work: Work) -> None:
    """Every claim that holds a part, with how much and what is left."""
    with_blue(work)
    claim(work, 100_000, "C-1")
    claim(work, 50_000, "C-2")
    watch = Noting()

    done = watched(work, watch).take([told(BLUE, InvoiceStatus.VOID, file="nov.xlsx")], OFFICE)

    (change,) = watch.changes
    assert done.changes == watch.changes
    assert change.claims == (("C-1", 100_000), ("C-2", 50_000))
    assert (change.before, change.after) == (InvoiceStatus.NORMAL, InvoiceStatus.VOID)
    assert (change.left_fen, change.source, change.told_by) == (0, "nov.xlsx", "officer")


def test_a_second_red_invoice_is_told_as_well(work: Work) -> None:
    """It stood partly red-flushed already, and less is left now."""
    with_blue(work)
    claim(work)
    watch = Noting()
    keep = watched(work, watch)

    keep.take([told(invoice(2, taxed(-8_000, -480), blue=NUMBER))], OFFICE)
    keep.take([told(invoice(3, taxed(-6_000, -360), blue=NUMBER))], OFFICE)

    assert [change.left_fen for change in watch.changes] == [5_936_000, 5_300_000]


def test_nobody_is_told_of_what_nobody_claims(work: Work) -> None:
    """A status that changes concerns no claim here."""
    with_blue(work)
    watch = Noting()

    watched(work, watch).take([told(BLUE, InvoiceStatus.VOID)], OFFICE)

    assert watch.changes == []


def test_a_claim_that_cannot_reopen_undoes_the_change(work: Work) -> None:
    """Both happen or neither."""
    with_blue(work)
    claim(work)

    with pytest.raises(Refused, match="cannot reopen"):
        watched(work, Noting(refuses=True)).take([told(BLUE, InvoiceStatus.VOID)], OFFICE)

    assert status(work) == ["normal"]


def test_a_party_takes_and_sees_its_own(work: Work) -> None:
    """Both sides of an invoice; nobody else, for whom there is none."""
    with_blue(work)

    assert len(keeping(work).all(COMPANY)) == len(keeping(work).all(SELLER)) == 1
    assert keeping(work).all(STRANGER) == []
    with pytest.raises(NotFound, match=f"there is no invoice {NUMBER}"):
        keeping(work).show(NUMBER, STRANGER)
    with pytest.raises(MistakesFound, match="is not"):
        take(work, told(invoice(6, taxed(1, 0))), acting=STRANGER)
    assert take(work, told(invoice(6, taxed(1, 0))), acting=COMPANY).added == 1


@pytest.mark.parametrize(
    ("part", "message"),
    [
        (LinePart(line=9, contract_id="HT-1", part="storage"), "has no line 9"),
        (LinePart(line=1, contract_id="HT-9", part="storage"), "there is no contract HT-9"),
        (LinePart(line=1, contract_id="HT-2", part="cards"), "HT-2 is not between them"),
        (LinePart(line=1, contract_id="HT-1", part="wine"), "has no part 'wine'; it has accel"),
    ],
)
def test_a_line_is_for_a_part_that_there_is(work: Work, part: LinePart, message: str) -> None:
    """Of a contract between the invoice's own two."""
    with_blue(work)

    with pytest.raises(Refused, match=message):
        keeping(work).map_lines(NUMBER, [part], OFFICE)


def test_lines_may_be_for_another_part_until_a_claim_holds_them(work: Work) -> None:
    """What it was for before stays in the log; the latest word holds."""
    with_blue(work)
    moved = [LinePart(line=2, contract_id="HT-1", part="accelerator")]

    now = keeping(work).map_lines(NUMBER, moved, COMPANY)
    assert [part.part for part in now] == ["accelerator", "accelerator"]
    assert check_logged(work) == []

    claim(work)
    with pytest.raises(Refused, match="its lines keep their parts"):
        keeping(work).map_lines(
            NUMBER, [LinePart(line=2, contract_id="HT-1", part="storage")], COMPANY
        )


def test_the_parts_of_an_invoice_without_any_come_later(work: Work) -> None:
    """A file without a mapping, then a person's word."""
    agreed(work)
    take(work, told(BLUE))
    assert keeping(work).show(NUMBER, OFFICE).stored.parts == ()

    parts = [LinePart(line=line, contract_id=c, part=p) for line, c, p in PARTS_OF_BLUE]
    assert keeping(work).map_lines(NUMBER, parts, COMPANY) == tuple(parts)
    assert len(keeping(work).all(OFFICE, "HT-1")) == 1
    assert keeping(work).all(OFFICE, "HT-2") == []


@pytest.mark.parametrize(
    "table", ["invoices", "invoice_lines", "invoice_statuses", "invoice_line_parts"]
)
@pytest.mark.parametrize("statement", ["UPDATE {} SET number = number", "DELETE FROM {}"])
def test_the_database_keeps_invoices(work: Work, table: str, statement: str) -> None:
    """Whoever asks, by whatever program."""
    with_blue(work)

    with pytest.raises(DatabaseError, match="only ever added"), work.engine.begin() as connection:
        connection.execute(text(statement.format(table)))


def test_a_status_slipped_in_differs_from_the_log(work: Work) -> None:
    """Fsck finds the row that no file told."""
    with_blue(work)
    with work.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO invoice_statuses (number, change, status, source, decided,"
                " by_reds, told_by, told_utc_ms)"
                f" VALUES ('{NUMBER}', 2, 'void', 'x', false, false, 'x', 1)"
            )
        )

    assert check_logged(work) == [
        f"发票状态 {NUMBER}/2 在日志中没有记录。invoice-status {NUMBER}/2 stands in no log entry"
    ]


def test_what_a_claim_holds_is_told_with_its_tax(work: Work) -> None:
    """Half of the part is half of its tax, cut to a fen."""
    with_blue(work)
    claim(work, 2_968_001)

    with work.begin(writes=False) as unit:
        (held,) = held_by(unit, "C-1")
    assert (held.amount.ex_tax_fen, held.amount.incl_fen) == (2_800_000, 2_968_001)


def test_acting_needs_a_name() -> None:
    """Nobody does nothing."""
    with pytest.raises(ValueError, match="who acts"):
        Acting(actor=" ", party_id=TENANT)
