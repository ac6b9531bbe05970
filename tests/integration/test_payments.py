"""Payments: from tables and TOML, never above what was paid nor above the invoice."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date

import pytest
from expense_cases import OTHER_PROVIDER, OTHER_TENANT, PROVIDER, TENANT
from fixtures_database import Database
from kashi_server.documents.workbook_reading import read_xlsx
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import NotFound
from kashi_server.services.acting import Acting
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.paper_files import PaperFiles
from kashi_server.services.paper_mapping import PaperMapping, read_mapping
from kashi_server.services.payments import PaymentKeeping, TakenPayments
from kashi_server.services.told import Place, ToldPayment
from kashi_server.storage.unit_of_work import Work
from paper_cases import (
    BLUE,
    COMPANY,
    NOW_UTC_MS,
    OFFICE,
    SELLER,
    STRANGER,
    SheetText,
    invoice,
    number,
    take,
    taxed,
    told,
    with_blue,
)
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from two_languages import english_too
from workbooks import workbook

PAID = Payment(
    payer_id=TENANT,
    reference="20261020-0001",
    payee_id=PROVIDER,
    paid_on=date(2026, 10, 20),
    amount_fen=5_000_000,
    document="回单-1.pdf",
)
TOML = f"""\
[[payment]]
reference = "20261020-0001"
payer = "{TENANT}"
payee = "{PROVIDER}"
paid_on = 2026-10-20
amount_yuan = "50000.00"
document = "回单-1.pdf"
covers = [{{ invoice = "{BLUE.number}", amount_yuan = "50000.00" }}]
"""
HEADER = (
    "流水号",
    "付款方识别号",
    "收款方识别号",
    "付款日期",
    "付款金额",
    "发票号码",
    "核销金额",
    "回单",
)
ROW = (
    "20261020-0001", TENANT, PROVIDER, "2026-10-20", "50000.00", BLUE.number, "50000.00",
    "回单-1.pdf",
)  # fmt: skip


def paid(payment: Payment = PAID, *covers: Covered, row: int = 2) -> ToldPayment:
    """A payment as a file tells it."""
    return ToldPayment(
        place=Place(file="payments.xlsx", row=row), payment=payment, covers=tuple(covers)
    )


def cover(fen: int, serial: int = 1) -> Covered:
    """Some of an invoice."""
    return Covered(number=number(serial), amount_fen=fen)


def keeping(work: Work) -> PaymentKeeping:
    """Payments at a fixed time."""
    return PaymentKeeping(work, lambda: NOW_UTC_MS)


def taken(work: Work, *payments: ToldPayment, acting: Acting = OFFICE) -> TakenPayments:
    """Take payments."""
    return keeping(work).take(payments, acting)


def read(content: bytes, name: str, mapping: PaperMapping | None = None) -> list[ToldPayment]:
    """The payments of a file."""
    return list(PaperFiles(read_xlsx, list).payments(name, content, mapping).payments)


def test_every_format_says_the_same() -> None:
    """XLSX, CSV and TOML, and columns in any order."""
    sheet = SheetText(name="付款", rows=(HEADER, ROW))
    turned = SheetText(name="付款", rows=(tuple(reversed(HEADER)), tuple(reversed(ROW))))
    csv = "\r\n".join(",".join(map(str, row)) for row in (HEADER, ROW)).encode("gb18030")

    for content, name in (
        (workbook(sheet), "a.xlsx"),
        (workbook(turned), "a.xlsx"),
        (csv, "a.csv"),
        (TOML.encode(), "a.toml"),
    ):
        (one,) = read(content, name)
        assert (one.payment, one.covers) == (PAID, (cover(5_000_000),))


def test_rows_of_one_reference_are_one_payment() -> None:
    """A payment of two invoices is two rows."""
    second = (*ROW[:5], number(2), "10000.00", ROW[7])
    first = (*ROW[:6], "40000.00", ROW[7])

    (one,) = read(workbook(SheetText(name="付款", rows=(HEADER, first, second))), "a.xlsx")

    assert one.covers == (cover(4_000_000), cover(1_000_000, 2))


def test_constants_stand_for_columns_that_a_bank_does_not_have() -> None:
    """No bank knows credit codes: the mapping gives them."""
    header = ("交易流水号", "交易日期", "交易金额", "发票号码")
    rows = (header, ("20261020-0001", "20261020", 50_000, BLUE.number))
    mapping = read_mapping(f'[constants]\npayer = "{TENANT}"\npayee = "{PROVIDER}"\n', "map.toml")

    (one,) = read(workbook(SheetText(name="明细", rows=rows)), "a.xlsx", mapping)

    assert one.payment == replace(PAID, document="")
    assert one.covers == (cover(5_000_000),)


WHERE = "a.xlsx[付款]:2: "
MALFORMED: dict[str, tuple[dict[str, object], str]] = {
    "no reference": ({"流水号": ""}, f"{WHERE}流水号: reference must be one line"),
    "a long number": ({"流水号": 10**18}, f"{WHERE}流水号: 单元格为数值"),
    "payer": (
        {"付款方识别号": "91440300MA5"},
        f"{WHERE}付款方识别号: '91440300MA5' is not a credit",
    ),
    "payee": ({"收款方识别号": TENANT}, f"{WHERE}流水号: payment 20261020-0001 is to the payer"),
    "day": ({"付款日期": "昨天"}, f"{WHERE}付款日期: “昨天”不是日期"),
    "amount": ({"付款金额": "五万"}, f"{WHERE}付款金额: '五万' is not"),
    "negative": (
        {"付款金额": "-1.00", "核销金额": ""},
        f"{WHERE}核销金额: a payment covers -100 fen",
    ),
    "invoice": ({"发票号码": "12345678"}, f"{WHERE}发票号码: '12345678' is not the number"),
    "covers": ({"核销金额": "x"}, f"{WHERE}核销金额: 'x' is not"),
}


@pytest.mark.parametrize("name", list(MALFORMED))
def test_each_mistake_names_file_row_and_column(name: str) -> None:
    """One by one."""
    cells, message = MALFORMED[name]
    row = tuple(cells.get(column, cell) for column, cell in zip(HEADER, ROW, strict=True))

    with pytest.raises(MistakesFound) as caught:
        read(workbook(SheetText(name="付款", rows=(HEADER, row))), "a.xlsx")

    assert message in english_too(caught.value)


WRONG_TOML = {
    "no table": (TOML.replace("[[payment]]", "[[pay]]"), "a.toml:1: pay: 没有此表"),
    "not a list": (TOML.replace("[[payment]]", "[payment]"), "a.toml:1: payment: 须写作"),
    "unknown": (TOML + "colour = 1\n", "a.toml:9: payment[1].colour: 没有此字段"),
    "missing": (TOML.replace("payee", "# payee"), "payment[1].payee: 缺少此字段"),
    "float": (TOML.replace('"50000.00"\ndoc', "50000.00\ndoc"), "payment[1].amount_yuan: 50000.0"),
    "day": (TOML.replace("2026-10-20", '"2026-10-20"', 1), "payment[1].paid_on: '2026-10-20'"),
    "covers": (TOML.replace("invoice =", "number ="), "payment[1].covers: 每项对应须有"),
    "not TOML": ("[[payment", "a.toml:1: not TOML"),
}


@pytest.mark.parametrize("name", list(WRONG_TOML))
def test_each_mistake_of_toml_names_line_and_field(name: str) -> None:
    """One by one."""
    content, message = WRONG_TOML[name]

    with pytest.raises(MistakesFound) as caught:
        read(content.encode(), "a.toml")

    assert message in english_too(caught.value)


def test_a_table_without_the_columns_is_refused() -> None:
    """They are named."""
    with pytest.raises(MistakesFound, match="no sheet has the columns 流水号、付款方识别号"):
        read(b"a,b\n1,2\n", "a.csv")


def test_taking_a_payment_again_changes_nothing(work: Work) -> None:
    """And a further invoice may be covered later."""
    with_blue(work)
    take(work, told(invoice(2, taxed(1_000, 60))))
    assert taken(work, paid(PAID, cover(4_000_000))).added == 1

    assert taken(work, paid(PAID, cover(4_000_000))).unchanged == 1
    assert taken(work, paid(PAID, cover(4_000_000), cover(100_000, 2))).changed == 1
    stored = keeping(work).show(TENANT, PAID.reference, COMPANY)
    assert stored.covers == (cover(4_000_000), cover(100_000, 2))
    assert check_logged(work) == []


REFUSED: dict[str, tuple[tuple[ToldPayment, ...], str]] = {
    "another content": (
        (paid(replace(PAID, amount_fen=5_000_001)),),
        "a booked payment never changes",
    ),
    "another cover": ((paid(PAID, cover(1)),), "covers 40000.00 of invoice"),
    "above the payment": (
        (paid(PAID, cover(4_000_000), cover(1_000_001, 2)),),
        "of 5000000 fen covers 5000001 fen",
    ),
    "above the invoice": (
        (paid(replace(PAID, reference="2", amount_fen=9_000_000), cover(2_784_001)),),
        "27840.01 yuan of invoice 26442000000000000001 are covered, 27840.00 are left",
    ),
    "an unknown invoice": (
        (paid(replace(PAID, reference="2"), cover(1, 9)),),
        "there is no invoice 26442000000000000009",
    ),
    "others' invoice": (
        (paid(Payment(
            payer_id=OTHER_TENANT, reference="3", payee_id=OTHER_PROVIDER,
            paid_on=PAID.paid_on, amount_fen=10,
        ), cover(1)),),
        "the payment from",
    ),
    "a red invoice": ((paid(replace(PAID, reference="2"), cover(1, 3)),), "is a red one"),
}  # fmt: skip


@pytest.mark.parametrize("name", list(REFUSED))
def test_what_cannot_be_is_refused_whole(work: Work, name: str) -> None:
    """With file and row; and nothing of the file is taken."""
    with_blue(work)
    take(work, told(invoice(2, taxed(20_000, 1_200))))
    take(work, told(invoice(3, taxed(-1, 0), blue=BLUE.number)))
    taken(work, paid(PAID, cover(4_000_000)))
    sound = paid(replace(PAID, reference="sound"), row=9)
    wrong, message = REFUSED[name]

    with pytest.raises(MistakesFound) as caught:
        taken(work, sound, *wrong)

    assert "payments.xlsx:2: " in str(caught.value)
    assert message in english_too(caught.value)
    assert len(keeping(work).all(OFFICE)) == 1


def test_a_party_takes_and_sees_its_own(work: Work) -> None:
    """Payer and payee; to others there is none."""
    with_blue(work)
    taken(work, paid(PAID, cover(1)), acting=COMPANY)

    assert len(keeping(work).all(COMPANY)) == len(keeping(work).all(SELLER)) == 1
    assert keeping(work).all(STRANGER) == []
    with pytest.raises(NotFound, match="there is no payment"):
        keeping(work).show(TENANT, PAID.reference, STRANGER)
    with pytest.raises(MistakesFound, match="is not"):
        taken(work, paid(replace(PAID, reference="2")), acting=STRANGER)


@pytest.mark.parametrize(
    ("fen", "message"), [(5_000_001, "more than was paid"), (7_000_000, "than")]
)
def test_the_database_itself_keeps_the_bounds(work: Work, fen: int, message: str) -> None:
    """Whoever writes past the services meets the same rule."""
    with_blue(work)
    taken(work, paid())

    with pytest.raises(DatabaseError, match=message), work.engine.begin() as connection:
        connection.execute(
            text(
                "INSERT INTO payment_covers (payer_id, reference, number, amount_fen)"
                f" VALUES ('{TENANT}', '{PAID.reference}', '{BLUE.number}', {fen})"
            )
        )


def test_many_writers_never_pay_an_invoice_twice(postgresql_database: Database) -> None:
    """Sixteen clerks bring payments of one invoice at once: what is covered is never above it."""
    work = Work(postgresql_database.engine)
    with_blue(work)
    refused: list[str] = []

    def clerk(seed: int) -> None:
        payment = replace(PAID, reference=f"P-{seed}", amount_fen=1_000_000)
        try:
            taken(work, paid(payment, cover(1_000_000)))
        except MistakesFound as error:
            refused.append(str(error))

    with ThreadPoolExecutor(16) as pool:
        list(pool.map(clerk, range(16)))

    assert len(refused) == 10
    with work.begin(writes=False) as unit:
        assert unit.payments.covered_fen(BLUE.number) == 6_000_000
    assert check_logged(work) == []
