"""Papers in any order: what claims take never passes an invoice, rents never pass the month, and
what is written comes back as it was."""

from datetime import date
from fractions import Fraction
from itertools import pairwise

from expense_cases import (
    FULL,
    HOST_A,
    OCTOBER,
    START,
    assignment,
    contract,
    device,
    hours_of,
    terms,
)
from hypothesis import given, settings
from hypothesis import strategies as st
from kashi_server.domain.interval import Interval
from kashi_server.domain.invoice import Invoice, InvoiceLine
from kashi_server.domain.rating import Facts, rate
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.services.invoice_sheet import read_invoice_sheets, sides_of
from kashi_server.services.invoice_xml import read_invoice_xml
from kashi_server.services.paper_mapping import PaperMapping
from kashi_server.services.sheets import Cell, Row, Sheet
from paper_cases import BLUE, export_of, number, xml_of

SIDES = sides_of([("HT-1", BLUE.seller_id, BLUE.buyer_id)])
DAY = 1440

amounts = st.builds(
    lambda ex, tax: Taxed(ex_tax_fen=ex, tax_fen=ex * tax // 100),
    st.integers(1, 10**9),
    st.integers(0, 13),
)
names = st.text(
    st.characters(codec="utf-8", categories=("L", "N", "P", "S")), min_size=1, max_size=20
).filter(lambda name: name.strip("'") == name and name == name.strip())


@st.composite
def blue_invoices(draw: st.DrawFn) -> Invoice:
    """Invoices between the sides of one contract."""
    parts = draw(st.lists(st.tuples(names, amounts), min_size=1, max_size=6))
    return Invoice(
        number=number(draw(st.integers(1, 10**11))),
        issued_on=draw(st.dates(date(2024, 1, 1), date(2030, 12, 31))),
        seller_id=BLUE.seller_id,
        buyer_id=BLUE.buyer_id,
        seller_name=BLUE.seller_name,
        buyer_name=BLUE.buyer_name,
        amount=sum_taxed(amount for _name, amount in parts),
        lines=tuple(
            InvoiceLine(line=place, name=name, amount=amount)
            for place, (name, amount) in enumerate(parts, 1)
        ),
    )


def sheets_of(made: Invoice, order: list[int]) -> list[Sheet]:
    """The export's sheets with their columns in another order."""
    return [
        Sheet(
            sheet.name,
            tuple(
                Row(place, tuple(Cell(str(row[column])) for column in _turned(order, len(row))))
                for place, row in enumerate(sheet.rows, 1)
            ),
        )
        for sheet in export_of((made, "正常", ""))
    ]


def _turned(order: list[int], width: int) -> list[int]:
    return sorted(range(width), key=lambda column: (order[column % len(order)], column))


@settings(deadline=None, max_examples=25)
@given(blue_invoices(), st.lists(st.integers(0, 9), min_size=3, max_size=9))
def test_an_export_comes_back_as_the_invoice(made: Invoice, order: list[int]) -> None:
    """Columns in any order, any names and amounts: the same invoice, from sheets and from XML."""
    (by_sheet,) = read_invoice_sheets(sheets_of(made, order), "a", SIDES, PaperMapping()).invoices
    text = xml_of(made).decode()
    for line in made.lines:
        safe = line.name.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        text = text.replace(f"<ItemName>{line.name}</ItemName>", f"<ItemName>{safe}</ItemName>", 1)

    (by_xml,) = read_invoice_xml(text.encode(), "a", SIDES, PaperMapping()).invoices

    assert by_sheet.invoice == made
    assert by_xml.invoice == made


@given(amounts, st.lists(st.integers(0, 10**6), max_size=20))
def test_parts_of_an_amount_never_have_more_without_tax_than_the_whole(
    whole: Taxed, weights: list[int]
) -> None:
    """Cut for each claim by itself: less than a fen a claim is lost, and none is won."""
    total = sum(weights)
    shares = [whole.incl_fen * weight // total for weight in weights] if total else []

    parts = [whole.ex_tax_of(share) for share in shares]

    assert sum(parts) <= whole.ex_tax_fen
    exact = Fraction(whole.ex_tax_fen * sum(shares), whole.incl_fen)
    assert exact - sum(parts) < max(1, len(parts))


cuts = st.lists(st.integers(1, 31 * DAY - 1), max_size=6, unique=True).map(sorted)


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 10**9), cuts, st.integers(1, 9))
def test_a_month_in_pieces_is_the_rent_less_a_fen_a_piece(
    rent_fen: int, at_minutes: list[int], devices: int
) -> None:
    """However assignments split the month among devices: never above the rent, and short of it by
    less than a fen a line."""
    rent = Price(
        price_id="R-1",
        contract_id="HT-1",
        model="",
        yuan=Fraction(rent_fen, 100),
        basis=Basis.FLAT_RENT,
        interval=Interval(START - DAY, None),
        unit=PriceUnit.CONTRACT_MONTH,
    )
    edges = [0, *at_minutes, 31 * DAY]
    leases = [
        assignment(
            START + start,
            START + end,
            assignment_id=f"A-{place}",
            hardware_id=f"GPU-{place % devices}",
        )
        for place, (start, end) in enumerate(pairwise(edges))
    ]
    # Every part of a day is observed: its first minute after each edge and each midnight.
    minutes = {START + edge for edge in edges[:-1]} | {START + DAY * day for day in range(31)}
    seen = {
        (f"GPU-{place}", HOST_A, minute): FULL for place in range(devices) for minute in minutes
    }
    facts = Facts(
        devices=[device(f"GPU-{place}") for place in range(devices)], hours=hours_of(seen)
    )

    lines = rate(facts, terms(leases, [rent], contracts=[contract()]), OCTOBER.interval()).lines

    billed = [line for line in lines if line.billed_ms]
    total_fen = sum(line.amount_fen for line in billed)
    assert rent_fen - len(billed) < total_fen <= rent_fen
    assert all(sum(day.amount_fen for day in line.days) == line.amount_fen for line in lines)
    if not at_minutes:
        assert total_fen == rent_fen
