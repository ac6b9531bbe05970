"""What is left of invoices, by the server and by the verifier, which share no code."""

from datetime import date

from hypothesis import given
from hypothesis import strategies as st
from kashi_server.domain.interval import Month
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.domain.tie_out import InvoicePaper, PaidPaper, RedPaper, TieOut
from kashi_verify.money import check_money

DAY = date(2026, 11, 30)


def amounts(largest_fen: int, sign: int = 1) -> st.SearchStrategy[Taxed]:
    """Amounts of one sign with a tax of six per cent."""
    return st.integers(1, largest_fen).map(
        lambda fen: Taxed(ex_tax_fen=sign * fen, tax_fen=sign * (fen * 6 // 100))
    )


reds = st.builds(
    RedPaper,
    number=st.just("26442000000000000099"),
    issued_on=st.just(DAY),
    amount=amounts(700, -1),
    of_contract=st.none() | amounts(500, -1),
)
invoices = st.builds(
    InvoicePaper,
    number=st.integers(1, 9).map(lambda serial: f"26442000{serial:012d}"),
    issued_on=st.just(DAY),
    status=st.sampled_from(InvoiceStatus),
    amount=amounts(1000),
    of_contract=amounts(1000),
    reds=st.lists(reds, max_size=3).map(tuple),
)


@given(st.lists(invoices, max_size=4), st.integers(0, 5000))
def test_server_and_verifier_leave_the_same(papers: list[InvoicePaper], metered_fen: int) -> None:
    """Whatever was taken back, mapped or not: never below nothing, never above the whole rest."""
    standing = [one for one in papers if one.left is None or one.left.incl_fen]
    paid = [
        PaidPaper(reference="PAY", paid_on=DAY, invoice=one.number, covered_fen=7)
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
