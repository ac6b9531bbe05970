"""Sample papers of the demonstration: what an office and a company's clerk would have on the desk.

They belong to company A's contract of the demonstration and to its certified month: what is
invoiced is what the statement comes to. All of it is made up, and the rules say so of themselves.
"""

import json
import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Final

from deploy.demo.sample_invoices import Billed, invoice_files, payments_xlsx
from deploy.demo.scene import COMPANY_A, PROVIDER

CONTRACT: Final = "HT-2026-A"
PROGRAMME: Final = "demo-compute-voucher"
SERVICE_ITEM: Final = "智算训练服务"
MADE_UP: Final = "演示用虚构文件，不作依据 made up for the demonstration"
SETTLED: Final[dict[str, str]] = {
    "application_windows": '["2026-01-01/2099-12-31"]',
    "threshold.year_yuan": '"0"',
    "threshold.basis": '"eligible"',
    "date_basis": '"application_date"',
    "tax_basis": '"incl"',
    "startup.age_basis": '"application_date"',
    "stacking.startup_line": '"stacking_ratio"',
    "pool.overflow": '"first_come"',
    "expense_scope.exclude": '["storage"]',
    "credit_record_required": "false",
    "gap_policy": '"none"',
    "min_evidence_level": '"E1"',
    "min_utilisation_ratio": '"none"',
    "mutual_exclusions": "[]",
    "years_max": '"none"',
    "prorate": '"none"',
    "rounding.mode": '"truncate"',
    "rounding.unit_yuan": '"0.01"',
    "rounding.steps": '["ratio"]',
    "voucher.validity_months": "6",
    "voucher.partial_use": "true",
    "review_steps": '["形式审查", "专家评审", "公示"]',
    "review.corrections_max": "2",
    # No text gives 训力券 its days of public notice; the one notice seen, of the national voucher's
    # 2025 batch in Shenzhen, was public for these.
    "publicity_days": "7",
    "clawback.interest_year_ratio": '"0.0365"',
}
"""What the shipped text leaves open or ties to its own round, as the demonstration settles it."""


def lay_samples(folder: Path, statement: dict[str, Any]) -> None:
    """Write the sample files into a fresh folder.

    Args:
        folder: where to.
        statement: company A's statement of the month, as `kashi-server statements` prints it.
    """
    folder.mkdir(parents=True)
    billed = billed_of(statement)
    texts = {
        "papers.toml": _PAPERS,
        "rules.toml": sample_rules(),
        "mapping.toml": _MAPPING,
        "form.toml": _FORM,
    }
    for name, text in texts.items():
        (folder / name).write_text(text, encoding="utf-8")
    for name, content in (invoice_files(billed) | {"payments.xlsx": payments_xlsx(billed)}).items():
        (folder / name).write_bytes(content)


def billed_of(statement: dict[str, Any]) -> Billed:
    """What a statement comes to, by the model of the cards; in fen."""
    models = {one["hardware_id"]: str(one["model"]) for one in statement["devices"]}
    billed: Billed = {}
    for line in statement["lines"]:
        model = models[line["hardware_id"]]
        billed[model] = billed.get(model, 0) + int(line["amount_fen"])
    return billed


def sample_rules() -> str:
    """Rules for the sample round: those of 训力券 as shipped, what they leave open settled."""
    shipped = resources.files("kashi_server") / "programmes" / "shenzhen-compute-voucher.toml"
    known = tomllib.loads(shipped.read_text(encoding="utf-8"))
    parts = [_HEAD]
    for one in known["parameter"]:
        if one["name"] in SETTLED:
            continue
        value = json.dumps(one["value"], ensure_ascii=False) if "value" in one else None
        parts.append(_parameter(one["name"], value, one.get("source", "")))
    parts += [_parameter(name, value, MADE_UP) for name, value in SETTLED.items()]
    return "\n".join(parts)


def _parameter(name: str, value: str | None, source: str) -> str:
    head = f'[[parameter]]\nname = "{name}"\n'
    if value is None:
        return f'{head}state = "unknown"\n'
    said = json.dumps(source, ensure_ascii=False)
    return f'{head}state = "published"\nvalue = {value}\nsource = {said}\n'


_HEAD: Final = f"""\
# 演示用规则：以训力券已公布参数为底，未知者由演示虚构。Rules of the demonstration: what is
# published of 训力券, and what no text says made up. Nobody's programme.
programme_id = "{PROGRAMME}"
version = "1"
name_zh = "演示训力券（虚构）"
name_en = "Demonstration compute voucher (made up)"
document = "{MADE_UP}"
in_force_from = 2026-01-01T00:00:00+08:00
"""

_PAPERS: Final = f"""\
# 合同分项与服务机构名单 Parts of the contract, and the list that names its provider.
[[contract_part]]
contract = "{CONTRACT}"
item = "accelerator"
ex_tax_yuan = "1200000.00"
tax_yuan = "72000.00"
domestic = false

[[contract_part]]
contract = "{CONTRACT}"
item = "storage"
ex_tax_yuan = "60000.00"
tax_yuan = "3600.00"
domestic = false

[[listing]]
listing_id = "demo-1"
provider = "{PROVIDER.party_id}"
batch = "演示批次"
service_item = "{SERVICE_ITEM}"
listed_from = 2026-01-01
document = "{MADE_UP}"
"""

_MAPPING: Final = f"""\
# 发票行对应合同部分 Which part of the contract a line of an invoice is for.
[[line]]
contract = "{CONTRACT}"
contains = "存储"
part = "storage"

[[line]]
contract = "{CONTRACT}"
contains = "算力"
part = "accelerator"
"""

_FORM: Final = f"""\
# 申报表 The form of the claim: {COMPANY_A.name_zh}. Papers are left out: they are gathered.
contracts = ["{CONTRACT}"]
from = 2026-10-01
until = 2026-10-31
other_money = []               # 声明无其他财政资金 there is none

[declared]
kind = "企业"
legal_person = true
in_jurisdiction = true
credit_clean = true
listed_provider = false
purpose = "training"
service_item = "{SERVICE_ITEM}"
project = "示例大模型训练"
"""
