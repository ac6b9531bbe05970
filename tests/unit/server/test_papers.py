"""Papers as values: what cannot be is refused at birth."""

from dataclasses import replace
from datetime import date

import pytest
from expense_cases import PROVIDER, TENANT
from kashi_server.domain.contract_terms import Amendment, ContractPart, ContractTerms
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.evidence_file import EvidenceFile, StoredFile, Subject
from kashi_server.domain.invoice import Invoice, InvoiceLine, LinePart, amounts_by_part
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.payment import Covered, Payment, check_covers
from kashi_server.domain.taxed import NOTHING, Taxed, sum_taxed
from kashi_server.errors import InvalidValue

PART = ContractPart(
    contract_id="HT-1", amendment="", part="cards", item="accelerator", ex_tax_fen=100, tax_fen=6
)
LINE = InvoiceLine(line=1, name="算力服务费", amount=Taxed(ex_tax_fen=100, tax_fen=6))
INVOICE = Invoice(
    number="26442000000000000001",
    issued_on=date(2026, 10, 8),
    seller_id=PROVIDER,
    buyer_id=TENANT,
    seller_name="甲",
    buyer_name="乙",
    amount=LINE.amount,
    lines=(LINE,),
)
PAYMENT = Payment(
    payer_id=TENANT, reference="1", payee_id=PROVIDER, paid_on=date(2026, 10, 20), amount_fen=100
)


@pytest.mark.parametrize(("ex_tax_fen", "tax_fen"), [(100, -1), (-100, 1), (0, 1), (10**15, 10)])
def test_amounts_that_do_not_hold_together(ex_tax_fen: int, tax_fen: int) -> None:
    """A tax of the other sign, on nothing, or more than the house can count."""
    with pytest.raises(InvalidValue):
        Taxed(ex_tax_fen=ex_tax_fen, tax_fen=tax_fen)


def test_amounts_add_up() -> None:
    """A red line beside blue ones; nothing is nothing."""
    blue, red = Taxed(ex_tax_fen=100, tax_fen=6), Taxed(ex_tax_fen=-50, tax_fen=-3)

    assert (blue + red).incl_fen == 53
    assert sum_taxed([]) == NOTHING
    assert NOTHING.ex_tax_of(5) == 0
    with pytest.raises(InvalidValue, match=r"1\.00 \+ tax 0\.06 is 1\.06, not 1\.07"):
        blue.check_incl(107)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"number": "2644200000000000000"}, "20 digits"),
        ({"number": "２６４４２０００００００００００００１"}, "20 digits"),
        ({"buyer_id": "91440300MA5"}, "credit code"),
        ({"amount": NOTHING, "lines": (replace(LINE, amount=NOTHING),)}, "for nothing"),
        ({"lines": ()}, "has 0 lines"),
        ({"lines": (replace(LINE, line=2),)}, "not counted from 1"),
        ({"amount": Taxed(ex_tax_fen=101, tax_fen=6)}, r"come to 100 \+ 6 fen"),
        ({"blue_number": "26442000000000000002"}, "is blue and names a blue one"),
    ],
)
def test_an_invoice_that_cannot_be(change: dict[str, object], message: str) -> None:
    """Number, codes, lines and sums."""
    with pytest.raises(InvalidValue, match=message):
        replace(INVOICE, **change)  # type: ignore[arg-type]  # one or two fields, as parametrised


def test_a_red_invoice_takes_back_another_one() -> None:
    """Negative, and not itself."""
    back = Taxed(ex_tax_fen=-100, tax_fen=-6)
    red = replace(INVOICE, amount=back, lines=(replace(LINE, amount=back),))

    assert red.red
    with pytest.raises(InvalidValue, match="takes back itself"):
        replace(red, blue_number=red.number)


def test_amounts_by_part_leave_out_what_is_for_none() -> None:
    """Two lines for one part are one amount."""
    lines = [replace(LINE, line=line) for line in (1, 2, 3)]
    parts = [LinePart(line=line, contract_id="HT-1", part="cards") for line in (1, 3)]

    assert amounts_by_part(lines, parts) == {("HT-1", "cards"): Taxed(ex_tax_fen=200, tax_fen=12)}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"item": "wine"}, "'wine' is none of accelerator"),
        ({"ex_tax_fen": -1}, "negative amount"),
        ({"tax_fen": -1}, "a tax of"),
        ({"part": "a/b"}, "may hold letters"),
        ({"amendment": "a\nb"}, "one line"),
    ],
)
def test_a_part_that_cannot_be(change: dict[str, object], message: str) -> None:
    """Items in the words of the rules, amounts that add up."""
    with pytest.raises(InvalidValue, match=message):
        replace(PART, **change)  # type: ignore[arg-type]  # one field, as parametrised


def test_amendments_hold_in_their_order() -> None:
    """By the minute from which they hold, whatever order they came in."""
    first = Amendment(
        contract_id="HT-1", number="A", signed_on=date(2026, 1, 2), effective=10, document="d"
    )
    second = replace(first, number="B", effective=20)
    terms = ContractTerms(
        contract_id="HT-1",
        parts=(
            PART,
            replace(PART, amendment="B", ex_tax_fen=300, tax_fen=0),
            replace(PART, amendment="A", ex_tax_fen=200, tax_fen=0),
            replace(PART, amendment="A", part="disks", item="storage"),
        ),
        amendments=(second, first),
    )

    assert terms.held_at(9).total.ex_tax_fen == 100
    assert terms.held_at(10).total.ex_tax_fen == 300
    assert terms.held_at(20).of_item("accelerator").ex_tax_fen == 300
    assert terms.held_at() == terms.held_at(20)
    assert terms.stated
    assert not ContractTerms(contract_id="HT-2").stated
    with pytest.raises(InvalidValue, match="states an end and changes none"):
        replace(first, end=30)


def test_papers_need_a_document() -> None:
    """A declaration and a listing without one are nobody's word."""
    with pytest.raises(InvalidValue, match="document must be one line"):
        RelatedDeclaration(
            contract_id="HT-1", declared_on=date(2026, 1, 1), unrelated=True, document=""
        )
    with pytest.raises(InvalidValue, match="batch must be one line"):
        ProviderListing(
            listing_id="L",
            provider_id=PROVIDER,
            batch="x" * 201,
            service_item="s",
            listed_from=date(2026, 1, 1),
            document="d",
        )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"payee_id": TENANT}, "to the payer itself"),
        ({"amount_fen": 0}, "of 0 fen"),
        ({"reference": ""}, "reference must be one line"),
    ],
)
def test_a_payment_that_cannot_be(change: dict[str, object], message: str) -> None:
    """To oneself, of nothing, without a reference."""
    with pytest.raises(InvalidValue, match=message):
        replace(PAYMENT, **change)  # type: ignore[arg-type]  # one field, as parametrised


def test_covers_that_cannot_be() -> None:
    """One invoice twice, or more than was paid."""
    some = Covered(number=INVOICE.number, amount_fen=60)

    with pytest.raises(InvalidValue, match="names an invoice twice"):
        check_covers(PAYMENT, (some, some))
    with pytest.raises(InvalidValue, match="covers 120 fen"):
        check_covers(PAYMENT, (some, replace(some, number="26442000000000000002")))


@pytest.mark.parametrize("text", ["invoice", "wine:1", "claim: ", "HT-1"])
def test_a_subject_that_cannot_be(text: str) -> None:
    """A kind and a name."""
    with pytest.raises(InvalidValue):
        Subject.parse(text)


def test_a_file_without_a_byte_is_none() -> None:
    """Nor one without a hash, or of nobody."""
    with pytest.raises(InvalidValue, match="without a byte"):
        StoredFile(sha256="0" * 64, size_bytes=0, media_type="text/plain")
    with pytest.raises(InvalidValue, match="is not a SHA-256"):
        StoredFile(sha256="A" * 64, size_bytes=1, media_type="text/plain")
    with pytest.raises(InvalidValue, match="credit code"):
        EvidenceFile(
            file=StoredFile(sha256="0" * 64, size_bytes=1, media_type="text/plain"),
            owner_id="nobody",
            subject=Subject.parse("claim:C-1"),
            name="a.txt",
            added_by="clerk",
            added_utc_ms=1,
        )
