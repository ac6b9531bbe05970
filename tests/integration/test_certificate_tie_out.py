"""The tie-out of a certificate: what was invoiced and paid by a printed day, less red invoices."""

import io
import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from claim_cases import add_papers, invoice_number
from cryptography import x509
from fixtures_certificates import CertifiedMonth, make_month, write_files
from fixtures_database import Database
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from kashi_server.domain.taxed import Taxed
from kashi_server.errors import Refused
from kashi_server.services.acting import Acting
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.papers_port import StatusChange
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from kashi_verify.findings import CheckFailed, Verdict
from kashi_verify.money import check_money
from kashi_verify.verification import Question, verify
from pypdf import PdfReader

STATEMENT = "KS-2026-09-HT-A"
ISSUED = date(2026, 11, 30)
LATER = "26442000000000000077"
METERED_FEN = 76_65


@pytest.fixture
def month(database: Database) -> CertifiedMonth:
    """A certified month with papers beside it: one invoice of 500 yuan, paid in full."""
    return _with_papers(database.work)


def _with_papers(work: Work) -> CertifiedMonth:
    made = make_month(work)
    made.issue()
    made.clock.now_ms = int(datetime(2026, 11, 30, 4, tzinfo=UTC).timestamp()) * 1000
    add_papers(work)
    return made


def reissued(month: CertifiedMonth) -> StoredCertificate:
    """The certificate of company A with the papers known by now."""
    return month.keeping.reissue(STATEMENT, "officer", "papers came")


def money_of(month: CertifiedMonth, issued: StoredCertificate) -> dict[str, Any]:
    """What its summary says of money."""
    found: dict[str, Any] = json.loads(month.keeping.file(issued.number, "summary"))
    money: dict[str, Any] = found["stated"]["money"]
    whole = json.loads(month.keeping.file(issued.number, "certificate"))
    assert whole["summary"]["stated"]["money"] == money
    return money


def red(work: Work, fen: int, serial: int = 99, *, mapped: bool = False) -> None:
    """A red invoice that takes back of company A's invoice."""
    with work.begin(writes=False) as unit:
        stored = unit.invoices.invoice(invoice_number(0))
    assert stored is not None
    blue: Invoice = stored.invoice
    amount = Taxed(ex_tax_fen=-fen, tax_fen=0)
    made = replace(
        blue,
        number=invoice_number(serial),
        issued_on=date(2026, 10, 25),
        amount=amount,
        lines=(InvoiceLine(line=1, name="算力租用", amount=amount),),
        blue_number=blue.number,
    )
    parts = ((1, "HT-A", "accelerator"),) if mapped else ()
    told = ToldInvoice(invoice=made, status=None, parts=parts, place=Place(file="x", row=1))
    InvoiceKeeping(work, lambda: 0).take([told], Acting(actor="officer"))


def tie_of(month: CertifiedMonth) -> dict[str, Any]:
    """The tie-out of the next edition."""
    tie: dict[str, Any] = money_of(month, reissued(month))["tie_out"]
    return tie


@pytest.mark.parametrize("mapped", [False, True])
def test_what_red_invoices_took_back_is_not_invoiced(month: CertifiedMonth, mapped: bool) -> None:
    """Of 500 yuan 400 are taken back: 100 are invoiced, whether the red lines are mapped or not."""
    red(month.work, 400_00, mapped=mapped)
    issued = reissued(month)
    money = money_of(month, issued)
    (invoice,) = money["invoices"]

    assert money["tie_out"]["invoiced_incl_fen"] == 100_00
    assert money["tie_out"]["paid_fen"] == 100_00
    assert money["tie_out"]["invoiced_less_metered_fen"] == 100_00 - METERED_FEN
    assert (invoice["status"], invoice["left_incl_fen"]) == ("partly_red", 100_00)
    assert [one["incl_fen"] for one in invoice["reds"]] == [-400_00]
    assert invoice["reds"][0]["unmapped_incl_fen"] == (0 if mapped else -400_00)
    assert invoice["reds"][0]["contract_incl_fen"] == (-400_00 if mapped else None)


def test_an_invoice_taken_back_whole_is_nothing(month: CertifiedMonth) -> None:
    """Neither counted, nor taken off twice; what was paid on it no longer ties."""
    red(month.work, 500_00, mapped=True)
    tie = tie_of(month)

    assert (tie["invoiced_incl_fen"], tie["invoiced_ex_tax_fen"], tie["paid_fen"]) == (0, 0, 0)


def test_papers_after_the_printed_day_do_not_count(month: CertifiedMonth) -> None:
    """Seen on a day before both, neither invoice nor payment count; the day is stated."""
    month.clock.advance(-_days(date(2026, 10, 19)))
    early = money_of(month, reissued(month))
    month.clock.advance(_days(date(2026, 10, 19)))
    late = money_of(month, reissued(month))

    assert early["tie_out"]["until_day"] == "2026-10-19"
    assert (early["tie_out"]["invoiced_incl_fen"], early["tie_out"]["paid_fen"]) == (500_00, 0)
    assert early["payments"] == []
    assert late["tie_out"]["until_day"] == ISSUED.isoformat()
    assert late["tie_out"]["paid_fen"] == 500_00


def _days(day: date) -> int:
    """Milliseconds from a day to the day of issue."""
    return (ISSUED - day).days * 86_400_000


def test_an_invoice_without_its_red_one_is_unknown(sqlite_database: Database) -> None:
    """Partly red-flushed by an invoice that is not here: counted as unknown, never as whole."""
    month = _with_papers(sqlite_database.work)
    with month.work.begin() as unit:
        unit.invoices.add_status(
            StatusChange(
                number=invoice_number(0),
                change=2,
                status=InvoiceStatus.PARTLY_RED,
                source="export.xlsx",
                told_by="clerk",
                told_utc_ms=1,
            )
        )
        unit.commit()
    issued = reissued(month)
    tie = money_of(month, issued)["tie_out"]

    assert (tie["invoiced_incl_fen"], tie["unknown_invoices"]) == (0, 1)
    assert "未知 unknown" in printed(month, issued)


def printed(month: CertifiedMonth, issued: StoredCertificate) -> str:
    """The text of its pages."""
    reader = PdfReader(io.BytesIO(month.keeping.file(issued.number, "pdf")))
    return "".join(page.extract_text() for page in reader.pages)


def test_page_and_verifier_tell_the_same(sqlite_database: Database, tmp_path: Path) -> None:
    """The printed day and amounts are those of the summary; the verifier reaches them itself."""
    month = _with_papers(sqlite_database.work)
    red(month.work, 400_00)
    issued = reissued(month)
    files = write_files(month, issued.number, tmp_path)
    root = x509.load_pem_x509_certificate(files.root.read_bytes())
    now = datetime(2027, 1, 5, tzinfo=UTC)
    findings = verify(Question(pdf=files.pdf.read_bytes(), now=now, root=root, bundle=files.bundle))
    text = "".join(printed(month, issued).split())

    assert findings.verdict is Verdict.VALID, findings.failure
    for told in ("2026-11-30", "100.00元", "23.35元", invoice_number(99), "-400.00", "红字发票"):
        assert told in text


Change = Callable[[dict[str, Any]], None]


def _put(*place: str | int, value: object) -> Change:
    def change(money: dict[str, Any]) -> None:
        held: Any = money
        for key in place[:-1]:
            held = held[key]
        held[place[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (_put("tie_out", "invoiced_incl_fen", value=500_00), "papers give 10000"),
        (_put("tie_out", "paid_fen", value=1), "papers give 10000"),
        (_put("tie_out", "until_day", value="2026-12-01"), "after the day of issue"),
        (_put("tie_out", "until_day", value="2026-10-24"), "after 2026-10-24"),
        (_put("tie_out", "until_month", value="2026-12"), "as closed"),
        (_put("invoices", 0, "left_incl_fen", value=500_00), "give (10000, 10000)"),
        (_put("invoices", 0, "reds", value=[]), "give (None, None)"),
        (_put("invoices", 0, "reds", 0, "incl_fen", value=-399_00), "are not the sum"),
        (_put("invoices", 0, "reds", 0, "unmapped_incl_fen", value=-401_00), "more of a red one"),
        (_put("invoices", 0, "contract_paid_fen", value=500_00), "its share give 10000"),
        (_put("payments", 0, "paid_on", value="2026-12-24"), "after 2026-11-30"),
        (_put("payments", 0, "invoice", value=LATER), "nothing is left"),
    ],
)
def test_a_false_tie_out_is_found(money: dict[str, Any], change: Change, told: str) -> None:
    """By arithmetic of the verifier's own, however the papers are bent."""
    check_money(money, ISSUED)
    change(money)
    with pytest.raises(CheckFailed) as failed:
        check_money(money, ISSUED)

    assert told in str(failed.value)


@pytest.fixture(scope="module")
def true_money(tmp_path_factory: pytest.TempPathFactory) -> Iterator[bytes]:
    """The money of a certificate whose invoice is partly taken back."""
    engine = open_engine(f"sqlite:///{tmp_path_factory.mktemp('tie') / 'kashi.sqlite'}")
    migrate(engine)
    month = _with_papers(Work(engine))
    red(month.work, 400_00)
    yield json.dumps(money_of(month, reissued(month))).encode()
    engine.dispose()


@pytest.fixture
def money(true_money: bytes) -> dict[str, Any]:
    """A copy of it."""
    found: dict[str, Any] = json.loads(true_money)
    return found


def test_a_day_alone_is_no_new_edition(sqlite_database: Database) -> None:
    """The next day the same papers say the same: nothing is issued again."""
    month = _with_papers(sqlite_database.work)
    reissued(month)
    month.clock.advance(86_400_000)

    with pytest.raises(Refused, match="everything that is known"):
        reissued(month)
