"""The certificate's first page: the document itself, the parties, the contract, the money."""

from collections.abc import Mapping
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.papers import contract_rows
from kashi_server.documents.printed import Printed
from kashi_server.documents.wording import BASIS, Pair, phrase, row, section
from kashi_server.domain.certificate import Certificate, TimeStamping

Data = Mapping[str, Any]

STAMPING: Final = {
    TimeStamping.NONE: "未要求 none asked for",
    TimeStamping.RFC3161: "RFC 3161，见签名 in the signature",
    TimeStamping.UNAVAILABLE: "未取得：时间戳机构无应答 missing: the authority gave none",
}


def party_sections(certificate: Certificate, printed: Printed) -> list[dict[str, Any]]:
    """The document itself, the two parties, the contract and the money."""
    statement = printed.last
    return [
        section(
            Pair("证明", "Certificate"), kind="facts", pairs=2, rows=_head(certificate, printed)
        ),
        section(
            Pair("双方与合同", "Parties and contract"),
            kind="facts",
            pairs=2,
            rows=[
                *_party(statement["user"], "需求方", "User"),
                *_provider(statement),
                *_contract(statement),
                *_stated(printed),
            ],
        ),
        section(Pair("金额", "Amounts"), kind="facts", pairs=2, rows=_amounts(printed)),
    ]


def _stated(printed: Printed) -> list[dict[str, object]]:
    if printed.last["contract"] is None:
        return []
    return contract_rows(printed.summary, printed.last["programme"])


def _head(certificate: Certificate, printed: Printed) -> list[dict[str, object]]:
    start, end = printed.statements[0]["period"]["start"], printed.last["period"]["end"]
    days = sum(len(statement["days"]) for statement in printed.statements)
    months = [statement["period"]["month"] for statement in printed.statements]
    named = months[0] if len(months) == 1 else f"{months[0]} – {months[-1]}"
    superseded = "—" if certificate.supersedes is None else str(certificate.supersedes)
    return [
        row("证明编号", "Certificate no.", str(certificate.number), strong=True),
        row("核验码", "Verification code", str(certificate.code), strong=True),
        row("出具单位", "Issued by", _named(certificate.issuer.to_data())),
        row("出具系统", "Issuing system", certificate.issuer.system),
        row("出具时间", "Issued at", figures.instant_text(certificate.issued_at.isoformat())),
        row("替代证明", "Supersedes", superseded),
        row(
            "结算单",
            "Statement",
            f"{certificate.statement_number} · r{certificate.statement_revision}",
        ),
        row("所属月份", "Month", f"{named}（{days} 天 days）"),
        row("版次", "Edition", str(certificate.edition)),
        row("时间戳", "Time-stamp", STAMPING[certificate.time_stamping]),
        row(
            "计量期间",
            "Period",
            f"{figures.instant_text(start)} 至 {figures.instant_text(end)}（不含 exclusive）",
            wide=True,
        ),
    ]


def _named(party: Data) -> str:
    return " ".join(part for part in (party["name_zh"], party["name_en"]) if part)


def _party(party: Data, zh: str, en: str) -> list[dict[str, object]]:
    return [
        row(zh, en, _named(party), wide=True, strong=True),
        row("统一社会信用代码", "Social credit code", party["party_id"]),
        row("注册区", "District", party["district"] or figures.UNKNOWN),
    ]


def _provider(statement: Data) -> list[dict[str, object]]:
    if statement["provider"] is None:
        return [
            row(
                "供给方",
                "Provider",
                "无：自有或未登记合同 none: self-owned or no contract",
                wide=True,
            )
        ]
    return _party(statement["provider"], "供给方", "Provider")


def _contract(statement: Data) -> list[dict[str, object]]:
    contract = statement["contract"]
    if contract is None:
        return [row("合同", "Contract", "无 none", wide=True)]
    end = contract["term"]["end"]
    until = "无固定期限 open-ended" if end is None else figures.instant_text(end)
    declared = {True: "已声明 declared", False: "声明为关联方 related", None: "未声明 not declared"}
    return [
        row("合同编号", "Contract no.", contract["contract_id"]),
        row("签订日期", "Signed on", contract["signed_on"]),
        row(
            "服务期限",
            "Term",
            f"{figures.instant_text(contract['term']['start'])} 至 {until}",
            wide=True,
        ),
        row(
            "计费依据",
            "Billed quantity",
            "；".join(phrase(BASIS, name) for name in contract["basis"]),
        ),
        row("非关联方声明", "Unrelated parties", declared[contract["unrelated_declared"]]),
    ]


def _amounts(printed: Printed) -> list[dict[str, object]]:
    totals = printed.summary["totals"]
    hours = figures.exact_card_hours
    rows = [
        row("金额合计", "Amount", f"{figures.yuan(totals['amount_fen'])} 元", strong=True),
        row("大写", "In capitals", totals["amount_capitals"], strong=True),
        row("其中合格费用", "Eligible part", f"{figures.yuan(totals['eligible_fen'])} 元"),
        row("合格费用大写", "In capitals", totals["eligible_capitals"]),
        row("租用卡时", "Leased card-hours", hours(totals["leased_card_hours"])),
        row("计量卡时", "Metered card-hours", hours(totals["card_hours"])),
        row("计费卡时", "Billed card-hours", hours(totals["billed_card_hours"])),
        row("缺口", "Gap, device-hours", figures.card_hours(totals["gap_ms"], figures.WHOLE)),
    ]
    if not printed.several:
        estimate = printed.last["subsidy"]["estimate_fen"]
        told = f"{figures.yuan(estimate)} 元（估算 estimate）"
        rows.append(row("资助估算", "Subsidy, an estimate", told, wide=True))
    return rows
