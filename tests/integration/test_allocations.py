"""One invoice shared among claims: never more than it is for, by however many at once."""

from concurrent.futures import ThreadPoolExecutor
from random import Random

import pytest
from fixtures_database import Database
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.errors import InvalidValue, NotFound, Refused
from kashi_server.services.allocation import Wanted, allocate, claims_on, free, held_by, left_of
from kashi_server.services.fsck_log import check_logged
from kashi_server.storage.unit_of_work import Work
from paper_cases import (
    BLUE,
    COMPANY,
    NOW_UTC_MS,
    OFFICE,
    SELLER,
    STRANGER,
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
ACCELERATOR_FEN = 5_936_000


def wanted(fen: int, claim: str = "C-1", part: str = "accelerator", number: str = NUMBER) -> Wanted:
    """What a claim wants of the invoice."""
    return Wanted(number=number, contract_id="HT-1", part=part, claim_id=claim, amount_fen=fen)


def claims(work: Work, *wants: Wanted) -> None:
    """Take it, as the company."""
    with work.begin() as unit:
        allocate(unit, wants, COMPANY, "filed", NOW_UTC_MS)
        unit.commit()


def left(work: Work, part: str = "accelerator") -> int:
    """What another claim can still take."""
    with work.begin(writes=False) as unit:
        return next(one.left_fen for one in left_of(unit, NUMBER, COMPANY) if one.part == part)


def test_a_part_is_shared_to_the_last_fen_and_no_further(work: Work) -> None:
    """The refusal names the claims that hold the rest."""
    with_blue(work)
    claims(work, wanted(5_000_000, "C-1"), wanted(936_000, "C-2"))

    assert left(work) == 0
    assert left(work, "storage") == 848_000
    with pytest.raises(Refused, match=r"0\.00 are left of 59360\.00 \(C-1 holds 50000\.00, C-2"):
        claims(work, wanted(1, "C-3"))
    assert check_logged(work) == []


def test_all_wants_of_a_unit_or_none(work: Work) -> None:
    """A second want that does not fit leaves nothing of the first."""
    with_blue(work)

    with pytest.raises(Refused, match="are left"):
        claims(work, wanted(1_000), wanted(848_001, part="storage"))

    assert left(work) == ACCELERATOR_FEN


def test_what_is_given_back_can_be_taken_again(work: Work) -> None:
    """Whole, and by whom it was held; history keeps both rows."""
    with_blue(work)
    claims(work, wanted(5_936_000, "C-1"), wanted(848_000, "C-1", "storage"))
    with work.begin() as unit:
        given = free(unit, "C-1", OFFICE, "withdrawn", NOW_UTC_MS)
        unit.commit()

    assert [held.amount.incl_fen for held in given] == [5_936_000, 848_000]
    claims(work, wanted(5_936_000, "C-2"))
    with work.begin(writes=False) as unit:
        assert held_by(unit, "C-1") == ()
        assert claims_on(unit, NUMBER) == (("C-2", 5_936_000),)
        assert len(unit.invoices.allocations()) == 5
    assert check_logged(work) == []


def test_giving_back_one_invoice_keeps_the_others(work: Work) -> None:
    """A claim may lose one of its invoices only."""
    with_blue(work)
    take(work, told(invoice(2, taxed(1_000, 60)), parts=((1, "HT-1", "accelerator"),)))
    second = invoice(2, taxed(1_000, 60)).number
    claims(work, wanted(1_000), wanted(500, number=second))

    with work.begin() as unit:
        free(unit, "C-1", OFFICE, "void", NOW_UTC_MS, number=second)
        unit.commit()

    with work.begin(writes=False) as unit:
        assert [held.number for held in held_by(unit, "C-1")] == [NUMBER]


def test_a_red_invoice_leaves_less_for_everybody(work: Work) -> None:
    """What is left of the whole binds every part of it."""
    with_blue(work)
    claims(work, wanted(5_000_000))
    take(work, told(invoice(2, taxed(-16_000, -960), blue=NUMBER)))

    assert left(work) == 88_000
    with pytest.raises(Refused, match=r"880\.00 are left"):
        claims(work, wanted(88_001, "C-2", "storage"))
    claims(work, wanted(88_000, "C-2", "storage"))


@pytest.mark.parametrize("status", [InvoiceStatus.RED, InvoiceStatus.VOID])
def test_nothing_is_claimed_of_what_is_gone(work: Work, status: InvoiceStatus) -> None:
    """Red-flushed or void."""
    with_blue(work)
    take(work, told(BLUE, status))

    with pytest.raises(Refused, match="nothing can be claimed of it"):
        claims(work, wanted(1))
    assert left(work) == 0


def test_nothing_is_claimed_of_a_red_invoice(work: Work) -> None:
    """It is money back."""
    with_blue(work)
    red = invoice(2, taxed(-1_000, -60), blue=NUMBER)
    take(work, told(red, parts=((1, "HT-1", "accelerator"),)))

    with pytest.raises(Refused, match="is a red invoice"):
        claims(work, wanted(1, number=red.number))


def test_only_the_buyer_claims(work: Work) -> None:
    """To the seller and to strangers there is no such invoice here; the office may."""
    with_blue(work)

    for acting in (SELLER, STRANGER):
        with pytest.raises(NotFound), work.begin() as unit:
            allocate(unit, [wanted(1)], acting, "filed", NOW_UTC_MS)
    with work.begin() as unit:
        allocate(unit, [wanted(1)], OFFICE, "filed", NOW_UTC_MS)
        unit.commit()


def test_a_part_that_no_line_is_for(work: Work) -> None:
    """Said first, claimed then."""
    with_blue(work)

    with pytest.raises(Refused, match="say what its lines are for first"):
        claims(work, wanted(1, part="network"))
    with pytest.raises(InvalidValue, match="a claim of 0 fen"):
        wanted(0)


GUARDED = {
    "beyond its part": ("'accelerator', 'C-2', 5936001", "more of a part than"),
    "beyond the whole": ("'accelerator', 'C-2', 9999999", "claims take more of"),
    "of no part": ("'wine', 'C-2', 1", "more of a part than"),
    "more back than taken": ("'accelerator', 'C-1', -1001", "gives back more"),
    "nothing": ("'accelerator', 'C-1', 0", "(?i)check"),
}


@pytest.mark.parametrize("name", list(GUARDED))
def test_the_database_itself_refuses_what_leaves_its_bounds(work: Work, name: str) -> None:
    """Whoever writes past the services meets the same rule."""
    with_blue(work)
    claims(work, wanted(1_000))
    values, told_by = GUARDED[name]

    with pytest.raises(DatabaseError, match=told_by), work.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO invoice_allocations (number, contract_id, part, claim_id, amount_fen,"
                " allocated_by, reason, allocated_utc_ms)"
                f" VALUES ('{NUMBER}', 'HT-1', {values}, 'x', 'x', 1)"
            )
        )


def test_the_database_refuses_a_claim_of_a_void_invoice(work: Work) -> None:
    """The guard looks at how it stands now."""
    with_blue(work)
    take(work, told(BLUE, InvoiceStatus.VOID))

    with (
        pytest.raises(DatabaseError, match="red-flushed or void"),
        work.engine.begin() as connection,
    ):
        connection.execute(
            text(
                "INSERT INTO invoice_allocations (number, contract_id, part, claim_id, amount_fen,"
                " allocated_by, reason, allocated_utc_ms)"
                f" VALUES ('{NUMBER}', 'HT-1', 'accelerator', 'C-1', 1, 'x', 'x', 1)"
            )
        )


def test_who_goes_around_the_guards_is_found(work: Work, database: Database) -> None:
    """Fsck adds the rows up again."""
    with_blue(work)
    claims(work, wanted(1_000))
    with work.engine.begin() as connection:
        if database.backend == "sqlite":
            for place in range(4):
                connection.execute(text(f"DROP TRIGGER invoice_allocations_bounds_{place}"))
        else:
            connection.execute(text("DROP FUNCTION invoice_allocations_bounds() CASCADE"))
        connection.execute(
            text(
                "INSERT INTO invoice_allocations (number, contract_id, part, claim_id, amount_fen,"
                " allocated_by, reason, allocated_utc_ms)"
                f" VALUES ('{NUMBER}', 'HT-1', 'accelerator', 'C-2', 9999999, 'x', 'x', 1)"
            )
        )

    faults = check_logged(work)

    assert (
        f"发票 {NUMBER}：各申报占用的多于其票面金额。"
        f"invoice {NUMBER}: claims hold more than it is for"
    ) in faults
    assert any("of part accelerator, which is for 59360.00" in fault for fault in faults)


@pytest.mark.parametrize("seed", range(3))
def test_in_any_order_claims_hold_what_was_taken_and_never_more(work: Work, seed: int) -> None:
    """Takes, returns and red invoices in a random order, against the plainest arithmetic."""
    with_blue(work)
    chance, held, serial = Random(seed), dict[tuple[str, str], int](), 100
    whole_fen = {"accelerator": ACCELERATOR_FEN, "storage": 848_000}
    left_fen = BLUE.amount.incl_fen
    for turn in range(40):
        claim_id, part = f"C-{chance.randint(1, 5)}", chance.choice(["accelerator", "storage"])
        act = chance.random()
        if act < 0.6:
            fen = chance.randint(1, whole_fen[part] // 3)
            of_part = sum(amount for (_claim, of), amount in held.items() if of == part)
            fits = of_part + fen <= whole_fen[part] and sum(held.values()) + fen <= left_fen
            try:
                claims(work, wanted(fen, claim_id, part))
                assert fits
                held[claim_id, part] = held.get((claim_id, part), 0) + fen
            except Refused:
                assert not fits
        elif act < 0.9:
            with work.begin() as unit:
                free(unit, claim_id, OFFICE, "withdrawn", NOW_UTC_MS)
                unit.commit()
            held = {key: fen for key, fen in held.items() if key[0] != claim_id}
        elif left_fen > 1_000_000:
            serial += 1
            take(work, told(invoice(serial, taxed(-1_000, -60), blue=NUMBER)))
            left_fen -= 106_000
        with work.begin(writes=False) as unit:
            now = left_of(unit, NUMBER, OFFICE)
        assert {(claim, one.part): fen for one in now for claim, fen in one.held} == held, (
            f"turn {turn}"
        )


def test_32_writers_never_pass_an_invoice(postgresql_database: Database) -> None:
    """Thirty-two claims take, and some give back, at once: no part and no invoice is passed, what
    is taken is there, and what was refused is not."""
    work = Work(postgresql_database.engine)
    with_blue(work)
    kept: list[tuple[str, str, int]] = []

    def claimant(seed: int) -> None:
        chance = Random(seed)
        for turn in range(6):
            part = chance.choice(["accelerator", "storage"])
            fen = chance.randint(1, 700_000 if part == "accelerator" else 90_000)
            claim_id = f"C-{seed}-{turn}"
            try:
                claims(work, wanted(fen, claim_id, part))
            except Refused:
                continue
            if chance.random() < 0.3:
                with work.begin() as unit:
                    free(unit, claim_id, OFFICE, "withdrawn", NOW_UTC_MS)
                    unit.commit()
            else:
                kept.append((claim_id, part, fen))

    with ThreadPoolExecutor(32) as pool:
        list(pool.map(claimant, range(32)))

    with work.begin(writes=False) as unit:
        held = {one.part: dict(one.held) for one in left_of(unit, NUMBER, OFFICE)}
    for part, whole_fen in (("accelerator", ACCELERATOR_FEN), ("storage", 848_000)):
        mine = {claim_id: fen for claim_id, of, fen in kept if of == part}
        assert held[part] == mine
        assert 0 < sum(mine.values()) <= whole_fen
    assert keeping(work).show(NUMBER, OFFICE).stored.invoice == BLUE
    assert check_logged(work) == []
