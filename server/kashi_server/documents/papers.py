"""What papers say, on the certificate's page: the contract and the provider's listing.

What nobody stated is printed as not stated. Invoices and payments stand in `money_pages`.
"""

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.wording import row
from kashi_server.domain.interval import SHANGHAI, instant_of

Data = Mapping[str, Any]
NOT_STATED: Final = "未提供 not stated"
UNKNOWN: Final = "未知 unknown"


def contract_rows(summary: Data, programme: Data | None) -> list[dict[str, object]]:
    """Rows of the contract, of the provider's listing, and of what the rules ask beside them."""
    stated = summary["stated"]
    contract, listings = stated["contract"], stated["listings"]
    return [
        row("合同金额与构成", "Contract total, parts", _parts(contract), wide=True),
        row("补充协议", "Amendments", _amendments(contract), wide=True),
        row("供给方入库批次与服务项目", "Listing: batch, item", _listings(listings), wide=True),
        row(
            "非关联方声明文件", "Declaration, paper", _declaration(stated["declaration"]), wide=True
        ),
        row("政策基期", "Base period of the rules", _base_period(programme), wide=True),
        row("项目名称与用途", "Project and purpose", _project(stated["project"]), wide=True),
        row("需求方联系人", "User's contact", stated["contact"] or NOT_STATED),
        row("数据中心或站点", "Data centre or site", stated["site"] or NOT_STATED),
    ]


def _declaration(declaration: Data | None) -> str:
    if declaration is None:
        return NOT_STATED
    stands = "非关联 unrelated" if declaration["unrelated"] else "关联 related"
    return f"{stands}，{declaration['declared_on']}，{declaration['document']}"


def _project(project: Data | None) -> str:
    if project is None:
        return NOT_STATED
    paper = f"{project['document']}（{project['stated_on']}）"
    return f"{project['name']}；{project['purpose']}；{paper}"


def _base_period(programme: Data | None) -> str:
    """The rules' own parameter: what nobody published or decided is unknown."""
    parameters = () if programme is None else programme["parameters"]
    found = next((one for one in parameters if one["name"] == "base_period"), None)
    if found is None:
        return "无有效政策规则 no rules in force" if programme is None else "—"
    return str(found["value"]) if found["value"] is not None else UNKNOWN


def _parts(contract: Data | None) -> str:
    if contract is None:
        return NOT_STATED
    parts = "；".join(
        f"{part['part']}（{part['item']}）{figures.yuan(part['ex_tax_fen'] + part['tax_fen'])} 元"
        for part in contract["parts"]
    )
    total = figures.yuan(contract["ex_tax_fen"] + contract["tax_fen"])
    return f"含税 incl. tax {total} 元：{parts}"


def _amendments(contract: Data | None) -> str:
    if contract is None:
        return NOT_STATED
    return (
        "；".join(f"{one['number']}（{one['signed_on']}）" for one in contract["amendments"])
        or "无 none"
    )


def _listings(listings: Sequence[Data] | None) -> str:
    if listings is None:
        return NOT_STATED
    return "；".join(
        f"{one['batch']} {one['service_item']}，{_day(one['start_minute'])} 起，{one['document']}"
        for one in listings
    )


def _day(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()
