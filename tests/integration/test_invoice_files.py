"""Invoices from files: the tax bureau's export, the invoice's own XML, and what is neither."""

from dataclasses import replace

import pytest
from expense_cases import OTHER_PROVIDER, OTHER_TENANT, PROVIDER, TENANT, contract
from kashi_server.documents import workbook_reading
from kashi_server.documents.workbook_reading import (
    MEMBERS_MAX,
    XLSX_BYTES_MAX,
    read_xlsx,
)
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.positioned import MistakesFound
from kashi_server.errors import InvalidValue
from kashi_server.services.invoice_sheet import WHOLE_LINE
from kashi_server.services.paper_files import PaperFiles
from kashi_server.services.paper_mapping import PaperMapping, read_mapping
from kashi_server.services.told import Read
from paper_cases import (
    BASE_HEADERS,
    BLUE,
    HEADERS,
    PARTS_OF_BLUE,
    SheetText,
    export_of,
    export_rows,
    invoice,
    number,
    taxed,
    xml_of,
)
from two_languages import english_too
from workbooks import part_of, with_parts, workbook

CONTRACTS = (
    contract("HT-1", TENANT, PROVIDER),
    contract("HT-2", OTHER_TENANT, OTHER_PROVIDER),
)
MAPPING = """\
[[line]]
contract = "HT-1"
contains = "存储"
part = "storage"

[[line]]
contract = "HT-1"
part = "accelerator"
"""
FILE = "发票.xlsx"


def read(content: bytes, name: str = FILE, mapping: PaperMapping | None = None) -> Read:
    """The invoices of a file."""
    return PaperFiles(read_xlsx, lambda: CONTRACTS).invoices(name, content, mapping)


def test_the_bureaus_export_is_read_as_it_is() -> None:
    """Both sheets; whole invoices from one, their lines from the other, parts by the mapping."""
    content = workbook(*export_of((BLUE, "正常", "")))

    found = read(content, mapping=read_mapping(MAPPING, "map.toml"))

    (told,) = found.invoices
    assert told.invoice == BLUE
    assert told.status is InvoiceStatus.NORMAL
    assert told.parts == PARTS_OF_BLUE
    assert found.passed_by == 0
    assert (told.place.file, told.place.row) == (f"{FILE}[发票基础信息]", 2)


def test_columns_may_stand_in_any_order() -> None:
    """They are found by their headers, with titles above and columns nobody knows beside."""
    whole, lines = export_of((BLUE, "正常", ""))
    turned = [
        SheetText(name=sheet.name, rows=tuple((*reversed(row), "其他") for row in sheet.rows))
        for sheet in (whole, lines)
    ]
    titled = [replace(sheet, rows=(("全量发票查询导出",), (), *sheet.rows)) for sheet in turned]

    assert [told.invoice for told in read(workbook(*titled)).invoices] == [BLUE]


def test_either_sheet_alone_is_enough() -> None:
    """Lines add up to the invoice; an invoice without lines is one line."""
    whole, lines = export_of((BLUE, "正常", ""))

    (by_lines,) = read(workbook(lines)).invoices
    (by_whole,) = read(workbook(whole)).invoices

    assert by_lines.invoice == BLUE
    assert by_whole.invoice.amount == BLUE.amount
    assert [line.name for line in by_whole.invoice.lines] == [WHOLE_LINE]


def test_csv_is_read_in_both_encodings() -> None:
    """A spreadsheet in China saves CSV in GB 18030, with a mark or without."""
    rows = export_rows(BLUE)[1]
    text = "\r\n".join(",".join(f'"{cell}"' for cell in row) for row in (HEADERS, *rows))

    for encoding in ("utf-8-sig", "utf-8", "gb18030"):
        (told,) = read(text.encode(encoding), "发票.csv").invoices
        assert told.invoice == BLUE


def test_xml_says_the_same_as_the_export() -> None:
    """The invoice's own file, with a namespace or without; it does not say how it stands."""
    plain = xml_of(BLUE)
    named = plain.replace(b"<EInvoice>", b'<EInvoice xmlns="urn:test">')

    for content in (plain, named):
        (told,) = read(content, "a.xml").invoices
        assert told.invoice == BLUE
        assert told.status is None


def test_a_red_invoice_names_its_blue_one() -> None:
    """The remark says it, in the export and in the XML; a red invoice itself stands."""
    remark = f"被红冲蓝字数电票号码：{BLUE.number} 红字发票信息确认单编号：44030026101000300096"
    red = invoice(2, taxed(-1_000, -60), blue=BLUE.number)

    (by_sheet,) = read(workbook(*export_of((red, "已红冲-全额", remark)))).invoices
    (by_xml,) = read(xml_of(red, remark), "red.xml").invoices

    assert by_sheet.invoice == red
    assert by_sheet.status is InvoiceStatus.NORMAL
    assert by_xml.invoice == red


def test_others_invoices_are_passed_by() -> None:
    """What a company buys from others is no business of the office, whatever its rows hold."""
    foreign = replace(BLUE, number=number(7), seller_id=OTHER_PROVIDER)
    crossed = replace(BLUE, number=number(8), buyer_id=OTHER_TENANT)
    content = workbook(*export_of((BLUE, "正常", ""), (foreign, "怪", ""), (crossed, "正常", "")))

    found = read(content)

    assert [told.invoice.number for told in found.invoices] == [BLUE.number]
    assert found.passed_by == 2
    assert read(xml_of(foreign), "a.xml") == Read(passed_by=1)


def test_a_mapping_names_columns_and_words() -> None:
    """Another export calls the number and the status otherwise."""
    whole, _lines = export_of((BLUE, "已冲销", ""))
    header = tuple("电票" if name == "数电发票号码" else name for name in whole.rows[0])
    header = tuple("旧号" if name == "发票号码" else name for name in header)
    mapping = '[columns]\nnumber = "电票"\n[status]\n"已冲销" = "red"\n'

    (told,) = read(
        workbook(replace(whole, rows=(header, *whole.rows[1:]))),
        mapping=read_mapping(mapping, "map.toml"),
    ).invoices

    assert told.invoice.number == BLUE.number
    assert told.status is InvoiceStatus.RED


def base(**cells: object) -> bytes:
    """An export of one invoice with some cells of its one row put otherwise."""
    whole, _lines = export_of((BLUE, "正常", ""))
    row = [cells.get(name, cell) for name, cell in zip(BASE_HEADERS, whole.rows[1], strict=True)]
    return workbook(replace(whole, rows=(BASE_HEADERS, tuple(row))))


def both(*, lines: int = 2, amount: str | None = None) -> bytes:
    """An export whose lines do not come to the invoice."""
    whole, detail = export_of((BLUE, "正常", ""))
    rows = [list(row) for row in detail.rows[: lines + 1]]
    if amount is not None:
        rows[1][HEADERS.index("开票日期")] = amount
    return workbook(whole, replace(detail, rows=tuple(tuple(row) for row in rows)))


WHERE = f"{FILE}[发票基础信息]:2: "
MALFORMED: dict[str, tuple[bytes, str]] = {
    "19 digits": (base(数电发票号码=BLUE.number[:-1]), f"{WHERE}数电发票号码: '2644"),
    "letters": (base(数电发票号码="2644200000000000000A"), f"{WHERE}数电发票号码: '2644"),
    "a number": (
        base(数电发票号码=int(BLUE.number)),
        f"{WHERE}数电发票号码: 单元格为数值",
    ),
    "a float": (base(数电发票号码=2.6442e19), f"{WHERE}数电发票号码: 单元格为数值"),
    "no amount": (base(金额=""), f"{WHERE}金额: 为空"),
    "words": (base(金额="六万四千"), f"{WHERE}金额: '六万四千' is not a plain decimal"),
    "parts of a fen": (base(税额="3840.001"), f"{WHERE}税额: '3840.001' yuan has parts of a fen"),
    "a binary residue": (base(税额=3840.00001), f"{WHERE}税额: '3840.00001' yuan has parts"),
    "wrong sum": (
        base(价税合计="67840.01"),
        f"{WHERE}价税合计: 64000.00 + tax 3840.00 is 67840.00",
    ),
    "tax of the other sign": (base(税额="-3840.00"), f"{WHERE}价税合计: a tax of -3840.00"),
    "no day": (base(开票日期="2026-13-01"), f"{WHERE}开票日期: “2026-13-01”不是日期"),
    "strange status": (base(发票状态="也许"), f"{WHERE}发票状态: 状态“也许”不在 正常"),
    "lines missing": (both(lines=1), f"{WHERE}数电发票号码: the lines of invoice"),
    "lines of another day": (
        both(amount="2026-10-09"),
        f"{FILE}[信息汇总表]:2: 开票日期: 发票 {BLUE.number} 与 {FILE}",
    ),
    "no columns": (
        workbook(SheetText(name="表", rows=(("号码", "金额"),))),
        f"{FILE}:1: 没有工作表含有这些列：数电发票号码",
    ),
    "twice": (
        workbook(
            SheetText(
                name="发票基础信息",
                rows=(BASE_HEADERS, export_rows(BLUE)[0], export_rows(BLUE)[0]),
            )
        ),
        f"{FILE}[发票基础信息]:3: 数电发票号码: 发票 {BLUE.number} 重复出现",
    ),
    "a column twice": (
        workbook(SheetText(name="发票基础信息", rows=((*BASE_HEADERS, "金额"),))),
        "sheet 发票基础信息 row 1: two columns are '金额'",
    ),
}


@pytest.mark.parametrize("name", list(MALFORMED))
def test_each_mistake_names_file_row_and_column(name: str) -> None:
    """One by one."""
    content, told = MALFORMED[name]

    with pytest.raises(MistakesFound) as caught:
        read(content)

    assert told in english_too(caught.value)


def test_every_mistake_is_told_at_once() -> None:
    """Two cells wrong are two mistakes."""
    with pytest.raises(MistakesFound, match="2 mistakes") as caught:
        read(base(金额="x", 开票日期="y"))

    assert {mistake.field for mistake in caught.value.mistakes} == {"金额", "开票日期"}


def test_a_number_in_a_cell_is_money_to_fifteen_digits() -> None:
    """What a spreadsheet computed is taken as it shows it, not as the machine's fraction."""
    (told,) = read(base(金额=64_000.000000000001, 税额=3_840, 价税合计=67_840.0)).invoices

    assert told.invoice.amount == BLUE.amount


XML = xml_of(BLUE).decode()
BROKEN_XML: dict[str, tuple[bytes, str]] = {
    "not closed": (XML[:-9].encode(), "it is not XML that can be read"),
    "entities": (
        XML.replace("<EInvoice>", '<!DOCTYPE x [<!ENTITY a "b">]><EInvoice>').encode(),
        "it declares a document type",
    ),
    "a foreign file": (
        XML.replace("<EInvoice>", '<!DOCTYPE x SYSTEM "file:///etc/passwd"><EInvoice>').encode(),
        "it declares a document type",
    ),
    "hidden in UTF-16": (
        XML.replace("UTF-8", "UTF-16")
        .replace("<EInvoice>", '<!DOCTYPE x [<!ENTITY a "b">]><EInvoice>')
        .encode("utf-16"),
        "it declares a document type",
    ),
    "too deep": (b"<a>" * 100 + b"</a>" * 100, "one within another"),
    "another root": (b"<Invoice/>", "Invoice: 不是数电票"),
    "no number": (
        XML.replace(BLUE.number, "").encode(),
        "TaxSupervisionInfo/InvoiceNumber: '' is not the number",
    ),
    "wrong sum": (
        XML.replace(">67840.00<", ">67840.01<").encode(),
        "EInvoiceData/BasicInformation/TotalTax-includedAmount: 64000.00 + tax",
    ),
    "line without a name": (
        XML.replace("*信息技术服务*算力服务费", "").encode(),
        "IssuItemInformation[1]/ItemName: line 1 has no name",
    ),
    "line without an amount": (
        XML.replace("<Amount>56000.00</Amount>", "").encode(),
        "IssuItemInformation[1]/Amount: 为空",
    ),
    "amount twice": (
        XML.replace("<Amount>56000.00</Amount>", "<Amount>1</Amount><Amount>2</Amount>").encode(),
        "IssuItemInformation[1]/Amount: Amount 出现了 2 次",
    ),
    "no day": (
        XML.replace("<IssueTime>2026-10-08</IssueTime>", "").encode(),
        "TaxSupervisionInfo/IssueTime: “”不是日期",
    ),
    "lines of another sum": (
        XML.replace(">56000.00<", ">56000.01<").encode(),
        f"EInvoice: the lines of invoice {BLUE.number} come to",
    ),
}


@pytest.mark.parametrize("name", list(BROKEN_XML))
def test_each_mistake_of_xml_names_its_element(name: str) -> None:
    """And nothing that XML can do to its reader is done."""
    content, told = BROKEN_XML[name]

    with pytest.raises(MistakesFound) as caught:
        read(content, "a.xml")

    assert english_too(caught.value).startswith("1 mistake; nothing was taken:\n  a.xml:1: ")
    assert told in english_too(caught.value)


SOUND = workbook(*export_of((BLUE, "正常", "")))
SHEET = "xl/worksheets/sheet1.xml"
DECLARED = b'<?xml version="1.0"?><!DOCTYPE x [<!ENTITY a "b">]><worksheet/>'
HOSTILE: dict[str, tuple[bytes, str]] = {
    "no ZIP": (b"PK\x03\x04" + b"x" * 100, "it is not an XLSX file"),
    "an empty ZIP of another kind": (
        with_parts(SOUND, {"[Content_Types].xml": b"<Types/>"}),
        "it is not a workbook that can be read",
    ),
    "entities": (with_parts(SOUND, {SHEET: DECLARED}), "it declares a document type"),
    "entities under another name": (
        with_parts(SOUND, {"xl/worksheets/sheet1.png": DECLARED}),
        "it declares a document type",
    ),
    "entities behind a long comment": (
        with_parts(SOUND, {SHEET: b"<!--" + b"x" * 9_000 + b"-->" + DECLARED[21:]}),
        "it declares a document type",
    ),
    "many parts": (
        with_parts(SOUND, {f"x{place}.txt": b"x" for place in range(MEMBERS_MAX)}),
        "parts; at most",
    ),
    "not XML": (with_parts(SOUND, {SHEET: b"<worksheet>"}), "it is not XML that can be read"),
    "formula": (
        workbook(SheetText(name="表", rows=(("金额",), ("=1+1",)))),
        "cell A2 of 表 holds a formula",
    ),
    "wide": (
        workbook(SheetText(name="表", rows=(tuple("x" for _ in range(201)),))),
        "more than 200 columns",
    ),
    "endless cell": (
        workbook(SheetText(name="表", rows=(("x" * 4_001,),))),
        "cell A1 of 表 has 4001 characters",
    ),
    "a row far below": (
        with_parts(
            SOUND, {SHEET: part_of(SOUND, SHEET).replace(b'<row r="2"', b'<row r="1000000"')}
        ),
        "more than 50000 rows",
    ),
    "neither encoding": (b"\xff\xff\xff\xff", "it is text neither in UTF-8 nor in GB 18030"),
    "open quotes": (b'"a,b\n', "it is not CSV"),
}


@pytest.mark.parametrize("name", list(HOSTILE))
def test_hostile_files_are_one_sentence(name: str) -> None:
    """Whatever a file is, its reader says what is wrong and does nothing else."""
    content, told = HOSTILE[name]

    with pytest.raises(MistakesFound) as caught:
        read(content, "发票")

    assert told in english_too(caught.value)


def test_what_unpacks_to_too_much_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    """By what it says of its size; and it is held to that while it is unpacked."""
    monkeypatch.setattr(workbook_reading, "UNPACKED_BYTES_MAX", 100_000)
    bomb = with_parts(SOUND, {SHEET: b"<worksheet>" + b" " * 200_000 + b"</worksheet>"})

    with pytest.raises(InvalidValue, match="unpacked it is larger than 100000 bytes"):
        read_xlsx(bomb)


def test_a_large_file_is_refused_before_it_is_read() -> None:
    """By its size alone."""
    with pytest.raises(InvalidValue, match="bytes; at most"):
        read_xlsx(b"PK\x03\x04" + bytes(XLSX_BYTES_MAX))


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        ("[column]\n", "map.toml:1: column: 没有此表"),
        ('[columns]\nnumber = ""\n', "map.toml:2: columns.number: 须为文本"),
        ('[status]\n"x" = "gone"\n', "map.toml:2: status.x: “gone”不在 normal"),
        ('[[line]]\npart = "p"\n', "map.toml:1: line[1].contract: "),
        ('[[line]]\ncontract = "HT-1"\npart = "p"\nlike = "x"\n', "line[1].like: 没有此字段"),
        ("[columns", "map.toml:1: not TOML"),
    ],
)
def test_a_mapping_with_mistakes_is_refused(wrong: str, told: str) -> None:
    """Line and field of each."""
    with pytest.raises(MistakesFound) as caught:
        read_mapping(wrong, "map.toml")

    assert told in english_too(caught.value)


def test_a_mapping_of_no_such_field_is_refused() -> None:
    """The fields that there are, are named."""
    mapping = read_mapping('[columns]\nnummer = "x"\n', "map.toml")

    with pytest.raises(MistakesFound, match=r"\[columns\] names nummer; fields here are number"):
        read(SOUND, mapping=mapping)
