"""Sample invoices and payments: the tax bureau's export, a 数电票 as XML, a bank's list.

Their shapes are those of docs/papers.md; numbers, names and amounts are made up.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from io import BytesIO
from typing import Final
from xml.sax.saxutils import escape

from openpyxl import Workbook

from deploy.demo.scene import ASCEND, COMPANY_A, H100, PROVIDER

Billed = dict[str, int]
"""What is invoiced by the model of the cards, in fen, tax included."""

STORAGE_FEN: Final = 5_300_00
TAX_PERCENT: Final = 6
ISSUED: Final = "2026-10-31"
PAID_ON: Final = "2026-11-02"
EXPORTED, SINGLE = "26442000000000000101", "26442000000000000102"
"""Numbers: of the invoice in the export, and of the one that comes as XML."""


@dataclass(frozen=True, slots=True)
class SampleLine:
    """A line of an invoice."""

    name: str
    incl_fen: int

    @property
    def tax_fen(self) -> int:
        """The tax in it, cut to a fen."""
        return self.incl_fen * TAX_PERCENT // (100 + TAX_PERCENT)

    @property
    def ex_tax_fen(self) -> int:
        """The rest."""
        return self.incl_fen - self.tax_fen


def invoice_files(billed: Billed) -> dict[str, bytes]:
    """Files of the tax bureau by their names: the H100 and storage as XLSX, the Ascend as XML."""
    exported = (
        SampleLine("*信息技术服务*算力租用费（H100）", billed[H100[0].model]),
        SampleLine("*信息技术服务*存储服务费", STORAGE_FEN),
    )
    single = (SampleLine("*信息技术服务*算力租用费（昇腾910B）", billed[ASCEND[0].model]),)
    return {"invoices.xlsx": _export(exported), "invoice-910b.xml": _xml(single)}


def payments_xlsx(billed: Billed) -> bytes:
    """A bank's list: one payment for each invoice, in full."""
    head = (
        *("流水号", "付款方识别号", "收款方识别号", "付款日期", "付款金额"),
        *("发票号码", "核销金额", "回单"),
    )
    amounts = (
        (EXPORTED, billed[H100[0].model] + STORAGE_FEN),
        (SINGLE, billed[ASCEND[0].model]),
    )
    rows = [
        (
            f"DEMO-PAY-{place}", COMPANY_A.party_id, PROVIDER.party_id, PAID_ON, _yuan(fen),
            number, _yuan(fen), f"演示回单-{place}",
        )
        for place, (number, fen) in enumerate(amounts, 1)
    ]  # fmt: skip
    return _workbook({"付款": [head, *rows]})


_WHOLE: Final = (
    "序号", "发票代码", "发票号码", "数电发票号码", "销方识别号", "销方名称", "购方识别号",
    "购买方名称", "开票日期", "金额", "税额", "价税合计", "发票来源", "发票票种", "发票状态",
    "是否正数发票", "发票风险等级", "开票人", "备注",
)  # fmt: skip
_LINES: Final = (*_WHOLE[:9], "货物或应税劳务名称", "税率", *_WHOLE[9:])


def _export(lines: Sequence[SampleLine]) -> bytes:
    """全量发票查询导出: sheet 发票基础信息 with the whole, 信息汇总表 with the lines."""
    said = {
        "序号": "1",
        "数电发票号码": EXPORTED,
        "销方识别号": PROVIDER.party_id,
        "销方名称": PROVIDER.name_zh,
        "购方识别号": COMPANY_A.party_id,
        "购买方名称": COMPANY_A.name_zh,
        "开票日期": f"{ISSUED} 10:20:30",
        "发票来源": "电子发票服务平台",
        "发票票种": "数电票（增值税专用发票）",
        "发票状态": "正常",
        "是否正数发票": "是",
        "发票风险等级": "正常",
        "备注": "演示 demonstration",
    }
    whole = said | _amounts(lines)
    each = [
        said | _amounts([line]) | {"货物或应税劳务名称": line.name, "税率": f"{TAX_PERCENT}%"}
        for line in lines
    ]
    return _workbook(
        {
            "发票基础信息": [_WHOLE, _row(_WHOLE, whole)],
            "信息汇总表": [_LINES, *(_row(_LINES, one) for one in each)],
        }
    )


def _xml(lines: Sequence[SampleLine]) -> bytes:
    """The XML of a 数电票, unsigned."""
    total = _amounts(lines)
    told = "".join(
        f"<IssuItemInformation><ItemName>{escape(line.name)}</ItemName>"
        f"<Amount>{_yuan(line.ex_tax_fen)}</Amount><TaxRate>0.06</TaxRate>"
        f"<ComTaxAm>{_yuan(line.tax_fen)}</ComTaxAm></IssuItemInformation>\n"
        for line in lines
    )
    return f"""\
<?xml version="1.0" encoding="UTF-8"?>
<EInvoice>
<Header><EIid>{SINGLE}</EIid></Header>
<EInvoiceData>
<SellerInformation><SellerIdNum>{PROVIDER.party_id}</SellerIdNum>\
<SellerName>{escape(PROVIDER.name_zh)}</SellerName></SellerInformation>
<BuyerInformation><BuyerIdNum>{COMPANY_A.party_id}</BuyerIdNum>\
<BuyerName>{escape(COMPANY_A.name_zh)}</BuyerName></BuyerInformation>
<BasicInformation><TotalAmWithoutTax>{total["金额"]}</TotalAmWithoutTax>\
<TotalTaxAm>{total["税额"]}</TotalTaxAm>\
<TotalTax-includedAmount>{total["价税合计"]}</TotalTax-includedAmount></BasicInformation>
{told}<AdditionalInformation><Remark>演示 demonstration</Remark></AdditionalInformation>
</EInvoiceData>
<TaxSupervisionInfo><InvoiceNumber>{SINGLE}</InvoiceNumber>\
<IssueTime>{ISSUED}</IssueTime></TaxSupervisionInfo>
</EInvoice>
""".encode()


def _amounts(lines: Sequence[SampleLine]) -> dict[str, str]:
    return {
        "金额": _yuan(sum(line.ex_tax_fen for line in lines)),
        "税额": _yuan(sum(line.tax_fen for line in lines)),
        "价税合计": _yuan(sum(line.incl_fen for line in lines)),
    }


def _row(headers: Sequence[str], cells: dict[str, str]) -> tuple[str, ...]:
    return tuple(cells.get(header, "") for header in headers)


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _workbook(sheets: dict[str, Sequence[Sequence[str]]]) -> bytes:
    book = Workbook()
    book.remove(book.worksheets[0])
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(list(row))
    content = BytesIO()
    book.save(content)
    book.close()
    return content.getvalue()
