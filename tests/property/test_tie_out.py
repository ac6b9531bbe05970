"""What is left of invoices, by the server and by the verifier, which share no code."""

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.interval import Month
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.domain.tie_out import InvoicePaper, Left, PaidPaper, RedPaper, TieOut
from kashi_verify.money import check_money

DAY = date(2026, 11, 30)


def amounts(largest_fen: int, sign: int = 1) -> st.SearchStrategy[Taxed]:
    """Amounts of one sign with a tax of six per cent."""
    return st.integers(1, largest_fen).map(
        lambda fen: Taxed(ex_tax_fen=sign * fen, tax_fen=sign * (fen * 6 // 100))
    )


@st.composite
def reds(draw: st.DrawFn) -> RedPaper:
    """A red invoice, of which the contract, another one, or nobody has the lines."""
    amount = draw(amounts(700, -1))
    return RedPaper(
        number="26442000000000000099",
        issued_on=DAY,
        amount=amount,
        of_contract=draw(st.none() | amounts(500, -1)),
        unmapped_fen=draw(st.just(0) | st.integers(amount.incl_fen, 0)),
    )


invoices = st.builds(
    InvoicePaper,
    number=st.integers(1, 9).map(lambda serial: f"26442000{serial:012d}"),
    issued_on=st.just(DAY),
    status=st.sampled_from(InvoiceStatus),
    amount=amounts(1000),
    of_contract=amounts(1000),
    reds=st.lists(reds(), max_size=3).map(tuple),
)


@given(
    st.lists(invoices, max_size=4, unique_by=lambda one: one.number),
    st.integers(0, 5000),
    st.integers(1, 1500),
)
def test_server_and_verifier_leave_the_same(
    papers: list[InvoicePaper], metered_fen: int, covered_fen: int
) -> None:
    """Whatever was taken back, mapped or not: never below nothing, never above the whole rest; and
    what is paid for a contract is never above what was paid, nor above what is left to it."""
    standing = [one for one in papers if one.left is None or one.left.incl_fen]
    paid = [
        PaidPaper(reference="PAY", paid_on=DAY, invoice=one.number, covered_fen=covered_fen)
        for one in standing
    ]
    money = TieOut(
        until_day=DAY,
        until_month=Month(2026, 10),
        metered_fen=metered_fen,
        invoices=papers,
        payments=paid,
    ).to_data()

    check_money(money, DAY)
    for one in papers:
        rest = one.amount.incl_fen + sum(red.amount.incl_fen for red in one.reds)
        assert one.left is None or 0 <= one.left.incl_fen <= max(0, rest)
        paid_fen = one.paid_fen(covered_fen)
        assert (paid_fen is None) == (one.left is None)
        assert paid_fen is None or one.left is None or 0 <= paid_fen <= one.left.incl_fen
        assert (paid_fen or 0) <= covered_fen


def shared(of_contract_fen: int, *reds: RedPaper) -> TieOut:
    """An invoice of 500 yuan, paid in full, of which so much is for the contract."""
    number = "26442000000000000001"
    one = InvoicePaper(
        number=number,
        issued_on=DAY,
        status=InvoiceStatus.PARTLY_RED if reds else InvoiceStatus.NORMAL,
        amount=Taxed(ex_tax_fen=500_00, tax_fen=0),
        of_contract=Taxed(ex_tax_fen=of_contract_fen, tax_fen=0),
        reds=reds,
    )
    paid = PaidPaper(reference="PAY", paid_on=DAY, invoice=number, covered_fen=500_00)
    return TieOut(
        until_day=DAY,
        until_month=Month(2026, 10),
        metered_fen=50_00,
        invoices=[one],
        payments=[] if one.left == Left() else [paid],
    )


def taken_back(fen: int, *, of_contract_fen: int | None = None, unmapped_fen: int = 0) -> RedPaper:
    """A red invoice of so much."""
    of_contract = None
    if of_contract_fen is not None:
        of_contract = Taxed(ex_tax_fen=-of_contract_fen, tax_fen=0)
    return RedPaper(
        number="26442000000000000099",
        issued_on=DAY,
        amount=Taxed(ex_tax_fen=-fen, tax_fen=0),
        of_contract=of_contract,
        unmapped_fen=-unmapped_fen,
    )


@pytest.mark.parametrize(
    ("tie_out", "invoiced_fen", "paid_fen", "unknown"),
    [
        pytest.param(shared(50_00), 50_00, 50_00, 0, id="a tenth of a shared invoice"),
        pytest.param(
            shared(500_00, taken_back(450_00, of_contract_fen=450_00)), 50_00, 50_00, 0, id="red"
        ),
        pytest.param(
            shared(500_00, taken_back(450_00, unmapped_fen=450_00)), 50_00, 50_00, 0, id="one only"
        ),
        pytest.param(
            shared(250_00, taken_back(250_00, unmapped_fen=250_00)), 0, 0, 1, id="of whom unknown"
        ),
        pytest.param(shared(250_00, taken_back(250_00)), 250_00, 250_00, 0, id="of another"),
        pytest.param(
            shared(250_00, taken_back(500_00, unmapped_fen=500_00)), 0, 0, 0, id="all of it"
        ),
    ],
)
def test_the_tie_out_never_reads_high(
    tie_out: TieOut, invoiced_fen: int, paid_fen: int, unknown: int
) -> None:
    """Paid is the contract's share of what is left of an invoice; whose part an unmapped red one
    of several contracts took back is unknown, and counts for none of them."""
    money = tie_out.to_data()
    check_money(money, DAY)
    tie = money["tie_out"]

    assert isinstance(tie, dict)
    assert (tie["invoiced_incl_fen"], tie["paid_fen"]) == (invoiced_fen, paid_fen)
    assert tie["unknown_invoices"] == unknown


def test_tax_cut_apart_may_leave_a_fen_on_nothing() -> None:
    """Three red invoices, each with its tax cut by itself, take back all of 9.58 yuan and 56 of its
    57 fen of tax: one fen is left, and nobody is refused a certificate for it."""
    taken = [
        Taxed(ex_tax_fen=-ex_tax, tax_fen=-tax) for ex_tax, tax in ((1, 0), (258, 15), (699, 41))
    ]
    paper = InvoicePaper(
        number="26442000000000000001",
        issued_on=DAY,
        status=InvoiceStatus.PARTLY_RED,
        amount=Taxed(ex_tax_fen=958, tax_fen=57),
        of_contract=Taxed(ex_tax_fen=958, tax_fen=57),
        reds=tuple(
            RedPaper(number=f"9{n}", issued_on=DAY, amount=one, of_contract=one, unmapped_fen=0)
            for n, one in enumerate(taken)
        ),
    )
    money = TieOut(
        until_day=DAY,
        until_month=Month(2026, 10),
        metered_fen=0,
        invoices=[paper],
        payments=[],
    ).to_data()

    check_money(money, DAY)
    assert paper.left is not None
    assert (paper.left.ex_tax_fen, paper.left.incl_fen) == (0, 1)
