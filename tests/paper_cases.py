"""Papers for tests: a contract in parts, invoices as the tax bureau tells them, and who acts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date

from expense_cases import HOST_A, OTHER_PROVIDER, OTHER_TENANT, PROVIDER, START, TENANT
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus
from kashi_server.domain.taxed import Taxed, sum_taxed
from kashi_server.services.acting import Acting
from kashi_server.services.importing import Imported, ImportFile, Importing
from kashi_server.services.invoices import InvoiceKeeping, TakenInvoices
from kashi_server.services.told import Place, ToldInvoice
from kashi_server.storage.unit_of_work import Work

NOW_UTC_MS = (START + 20 * 1440) * 60_000
"""The 21st of October 2026."""

OFFICE = Acting(actor="officer")
COMPANY = Acting(actor="clerk", party_id=TENANT)
SELLER = Acting(actor="seller", party_id=PROVIDER)
STRANGER = Acting(actor="stranger", party_id=OTHER_TENANT)

PARTIES = f"""\
[[party]]
party_id = "{PROVIDER}"
kind = "provider"
name_zh = "示例算力服务"

[[party]]
party_id = "{OTHER_PROVIDER}"
kind = "provider"
name_zh = "另一算力服务"

[[party]]
party_id = "{TENANT}"
kind = "company"
name_zh = "示例智能科技"

[[party]]
party_id = "{OTHER_TENANT}"
kind = "company"
name_zh = "另一智能科技"

[[tenure]]
host_id = "{HOST_A}"
owner = "{PROVIDER}"
operator = "{PROVIDER}"
kind = "leased_out"
from = 2026-09-01T00:00:00+08:00
"""

CONTRACT = f"""\
[[contract]]
contract_id = "HT-1"
provider = "{PROVIDER}"
user = "{TENANT}"
signed_on = 2026-08-20
from = 2026-09-01T00:00:00+08:00
until = 2027-09-01T00:00:00+08:00
unrelated_declared = true

[[contract]]
contract_id = "HT-2"
provider = "{OTHER_PROVIDER}"
user = "{OTHER_TENANT}"
signed_on = 2026-08-20
from = 2026-09-01T00:00:00+08:00
"""

PARTS = """\
[[contract_part]]
contract = "HT-1"
item = "accelerator"
ex_tax_yuan = "780000.00"
tax_yuan = "46800.00"
incl_yuan = "826800.00"

[[contract_part]]
contract = "HT-1"
item = "storage"
ex_tax_yuan = "120000.00"
tax_yuan = "7200.00"

[[contract_part]]
contract = "HT-2"
part = "cards"
item = "accelerator"
ex_tax_yuan = "1000.00"
tax_yuan = "60.00"
"""


def imported(work: Work, *texts: str, now: int = NOW_UTC_MS) -> Imported:
    """Import TOML texts."""
    files = [ImportFile(f"file{place}.toml", text) for place, text in enumerate(texts, 1)]
    return Importing(work, lambda: now).take(files, "officer")


def agreed(work: Work) -> None:
    """Two contracts in parts, between four parties."""
    imported(work, PARTIES, CONTRACT, PARTS)


def number(serial: int) -> str:
    """A number of a 数电票."""
    return f"26442000{serial:012d}"


def taxed(ex_tax_yuan: int, tax_yuan: int) -> Taxed:
    """Whole yuan, as fen."""
    return Taxed(ex_tax_fen=ex_tax_yuan * 100, tax_fen=tax_yuan * 100)


BLUE = Invoice(
    number=number(1),
    issued_on=date(2026, 10, 8),
    seller_id=PROVIDER,
    buyer_id=TENANT,
    seller_name="示例算力服务",
    buyer_name="示例智能科技",
    amount=taxed(64_000, 3_840),
    lines=(
        InvoiceLine(line=1, name="*信息技术服务*算力服务费", amount=taxed(56_000, 3_360)),
        InvoiceLine(line=2, name="*信息技术服务*存储服务费", amount=taxed(8_000, 480)),
    ),
)
PARTS_OF_BLUE = ((1, "HT-1", "accelerator"), (2, "HT-1", "storage"))


def invoice(serial: int, *amounts: Taxed, blue: str = "") -> Invoice:
    """Another invoice between the same two, with lines of these amounts."""
    return replace(
        BLUE,
        number=number(serial),
        amount=sum_taxed(amounts),
        lines=tuple(
            InvoiceLine(line=place, name=f"*信息技术服务*算力服务费{place}", amount=amount)
            for place, amount in enumerate(amounts, 1)
        ),
        blue_number=blue,
    )


def told(
    made: Invoice,
    status: InvoiceStatus | None = InvoiceStatus.NORMAL,
    parts: Sequence[tuple[int, str, str]] = (),
    file: str = "invoices.xlsx",
    row: int = 2,
) -> ToldInvoice:
    """An invoice as a file tells it."""
    place = Place(file=file, row=row)
    return ToldInvoice(place=place, invoice=made, status=status, parts=tuple(parts))


def keeping(work: Work) -> InvoiceKeeping:
    """Invoices at a fixed time, watched by nobody."""
    return InvoiceKeeping(work, lambda: NOW_UTC_MS)


def take(work: Work, *invoices: ToldInvoice, acting: Acting = OFFICE) -> TakenInvoices:
    """Take invoices."""
    return keeping(work).take(invoices, acting)


def with_blue(work: Work) -> None:
    """The contracts and one invoice for two of its parts."""
    agreed(work)
    take(work, told(BLUE, parts=PARTS_OF_BLUE))


HEADERS = (
    "序号", "发票代码", "发票号码", "数电发票号码", "销方识别号", "销方名称", "购方识别号",
    "购买方名称", "开票日期", "税收分类编码", "特定业务类型", "货物或应税劳务名称", "规格型号",
    "单位", "数量", "单价", "金额", "税率", "税额", "价税合计", "发票来源", "发票票种",
    "发票状态", "是否正数发票", "发票风险等级", "开票人", "备注",
)  # fmt: skip
LINE_ONLY = {
    "税收分类编码", "特定业务类型", "货物或应税劳务名称", "规格型号", "单位", "数量", "单价",
    "税率",
}  # fmt: skip
BASE_HEADERS = tuple(name for name in HEADERS if name not in LINE_ONLY)


@dataclass(frozen=True, kw_only=True)
class SheetText:
    """A sheet to be written: its name and its rows, the header first."""

    name: str
    rows: tuple[tuple[object, ...], ...]


def export_rows(
    made: Invoice, status: str = "正常", remark: str = ""
) -> tuple[tuple[object, ...], list[tuple[object, ...]]]:
    """The rows that the tax bureau's export has of an invoice: one whole, and one a line."""
    common: dict[str, object] = {
        "序号": 1,
        "数电发票号码": made.number,
        "销方识别号": made.seller_id,
        "销方名称": made.seller_name,
        "购方识别号": made.buyer_id,
        "购买方名称": made.buyer_name,
        "开票日期": f"{made.issued_on} 10:20:30",
        "发票来源": "电子发票服务平台",
        "发票票种": "数电票（增值税专用发票）",
        "发票状态": status,
        "是否正数发票": "否" if made.red else "是",
        "发票风险等级": "正常",
        "备注": remark,
    }

    def row(headers: Sequence[str], amount: Taxed, name: str = "") -> tuple[object, ...]:
        cells = {
            **common,
            "货物或应税劳务名称": name,
            "金额": f"{amount.ex_tax_fen / 100:.2f}",
            "税额": f"{amount.tax_fen / 100:.2f}",
            "价税合计": f"{amount.incl_fen / 100:.2f}",
        }
        return tuple(cells.get(header, "") for header in headers)

    lines = [row(HEADERS, line.amount, line.name) for line in made.lines]
    return row(BASE_HEADERS, made.amount), lines


def export_of(*invoices: tuple[Invoice, str, str]) -> tuple[SheetText, SheetText]:
    """The export's two sheets; of each invoice its status and its remark."""
    told_rows = [export_rows(*one) for one in invoices]
    return (
        SheetText(name="发票基础信息", rows=(BASE_HEADERS, *(whole for whole, _l in told_rows))),
        SheetText(
            name="信息汇总表",
            rows=(HEADERS, *(line for _whole, lines in told_rows for line in lines)),
        ),
    )


def xml_of(made: Invoice, remark: str = "") -> bytes:
    """The XML file of an invoice."""
    yuan = {
        "ex": f"{made.amount.ex_tax_fen / 100:.2f}",
        "tax": f"{made.amount.tax_fen / 100:.2f}",
        "incl": f"{made.amount.incl_fen / 100:.2f}",
    }
    lines = "".join(
        f"<IssuItemInformation><ItemName>{line.name}</ItemName>"
        f"<Amount>{line.amount.ex_tax_fen / 100:.2f}</Amount><TaxRate>0.06</TaxRate>"
        f"<ComTaxAm>{line.amount.tax_fen / 100:.2f}</ComTaxAm></IssuItemInformation>"
        for line in made.lines
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        f"<EInvoice><Header><EIid>{made.number}</EIid></Header><EInvoiceData>"
        f"<SellerInformation><SellerIdNum>{made.seller_id}</SellerIdNum>"
        f"<SellerName>{made.seller_name}</SellerName></SellerInformation>"
        f"<BuyerInformation><BuyerIdNum>{made.buyer_id}</BuyerIdNum>"
        f"<BuyerName>{made.buyer_name}</BuyerName></BuyerInformation>"
        f"<BasicInformation><TotalAmWithoutTax>{yuan['ex']}</TotalAmWithoutTax>"
        f"<TotalTaxAm>{yuan['tax']}</TotalTaxAm>"
        f"<TotalTax-includedAmount>{yuan['incl']}</TotalTax-includedAmount></BasicInformation>"
        f"{lines}<AdditionalInformation><Remark>{remark}</Remark></AdditionalInformation>"
        f"</EInvoiceData><TaxSupervisionInfo><InvoiceNumber>{made.number}</InvoiceNumber>"
        f"<IssueTime>{made.issued_on}</IssueTime></TaxSupervisionInfo></EInvoice>"
    ).encode()
