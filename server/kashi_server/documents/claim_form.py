"""The form of a claim as a PDF: data in, bytes out, the same bytes for the same data and time.

PDF/UA like the certificate; it is not signed: what it says is proved by the pack's manifest and by
the log, not by the sheet.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Final

import typst

from kashi_server.documents.presentation import FONT
from kashi_server.documents.rendering import packaged_fonts
from kashi_server.domain.capital_amount import capital_amount
from kashi_server.domain.claim_states import ClaimState, Mode
from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.money import yuan_text
from kashi_server.services.claim_words import MODES, STATES, STEPS

_TEMPLATE: Final = Path(__file__).with_name("claim_form.typ")
Said = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimForm:
    """Prints forms with the fonts of one folder; see `services.claim_pack.FormPress`."""

    font_folder: Path = field(default_factory=packaged_fonts)

    def form(self, said: dict[str, object], utc_ms: int) -> bytes:
        """The form as PDF."""
        fonts = typst.Fonts(
            include_system_fonts=False,
            include_embedded_fonts=False,
            font_paths=[str(self.font_folder)],
        )
        compiled = typst.compile(
            _TEMPLATE.read_bytes(),
            font_paths=fonts,
            sys_inputs={"page": json.dumps(_page(said), ensure_ascii=False)},
            pdf_standards=["ua-1"],
            timestamp=utc_ms // 1000,
        )
        assert isinstance(compiled, bytes)  # no output file was named
        return compiled


def _page(said: Said) -> dict[str, Any]:
    batch, content = said["batch"], said["content"]
    return {
        "font": FONT,
        "title": f"{said['programme']['name_zh']} 申报表",
        "title_en": f"Claim, {said['programme']['name_en']}",
        "claim_id": said["claim_id"],
        "sections": [
            {"title": "申报 Claim", "rows": _head(said, batch)},
            {"title": "内容 Content", "rows": _content(content)},
            {"title": "金额 Amounts", "rows": _amounts(said)},
        ],
        "tables": [_statements(content), _invoices(content), _steps(said)],
    }


def _head(said: Said, batch: Said) -> list[list[str]]:
    return [
        ["受理编号 claim", said["claim_id"]],
        ["批次 batch", f"{batch['batch_id']}（{'；'.join(batch['documents'])}）"],
        ["规则 rules", f"{batch['programme_id']} {batch['version']}  {batch['rules_sha256']}"],
        ["兑付方式 mode", MODES[Mode(said["mode"])]],
        ["申报单位 company", f"{said['company']['name_zh']}  {said['company']['party_id']}"],
        ["收款单位 payee", f"{said['payee']['name_zh']}  {said['payee']['party_id']}"],
        ["申报日期 applied on", said["applied_on"] or "—"],
        ["状态 state", STATES[ClaimState(said["state"])]],
    ]


def _content(content: Said) -> list[list[str]]:
    declared = [f"{name}: {value}" for name, value in content["declared"].items()]
    money = [
        f"{one['programme_id']} {yuan_text(one['amount_fen'])} 元 ({one['level']})"
        for one in content["other_money"] or ()
    ]
    none = "未声明 not stated" if content["other_money"] is None else "无 none"
    return [
        ["合同 contracts", "；".join(content["contracts"])],
        ["期间 period", f"{content['first']} – {content['last']}"],
        ["声明 declared", "；".join(declared) or "—"],
        ["其他财政资金 other public money", "；".join(money) or none],
        ["支付 payments", "；".join(content["payments"]) or "—"],
    ]


def _amounts(said: Said) -> list[list[str]]:
    amounts, voucher = said["amounts"], said["voucher"]
    rows = [
        ["测算金额 computed", _yuan(said["computed_fen"])],
        ["核定金额 approved", _yuan(amounts["approved_fen"] or None)],
        ["已拨付 paid", _yuan(amounts["disbursed_fen"] or None)],
    ]
    if voucher is not None:
        rows.append(
            [
                "券 voucher",
                (
                    f"{voucher['number']}  {yuan_text(voucher['face_fen'])} 元，"
                    f"余额 balance {yuan_text(voucher['balance_fen'])} 元，"
                    f"{voucher['valid_from']} – {voucher['valid_until'] or '—'}"
                ),
            ]
        )
    return rows


def _statements(content: Said) -> dict[str, Any]:
    return {
        "title": "结算单 Statements",
        "head": ["结算单 statement", "版本 revision"],
        "rows": [[one["number"], str(one["revision"])] for one in content["statements"]],
    }


def _invoices(content: Said) -> dict[str, Any]:
    return {
        "title": "发票 Invoices",
        "head": ["发票号码 number", "合同 contract", "部分 part", "申报金额 claimed（元）"],
        "rows": [
            [one["number"], one["contract_id"], one["part"], yuan_text(one["amount_fen"])]
            for one in content["invoices"]
        ],
    }


def _steps(said: Said) -> dict[str, Any]:
    return {
        "title": "办理过程 Steps",
        "head": ["时间 time", "环节 step", "经办 by", "理由与文件 reason, document"],
        "rows": [_step(event) for event in said["events"]],
    }


def _step(event: Said) -> Sequence[str]:
    at = datetime.fromtimestamp(event["utc_ms"] // 1000, SHANGHAI)
    by = "、".join(one for one in (event["actor"], event["second"]) if one)
    why = "；".join(one for one in (event["reason"], event["document"]) if one)
    return [f"{at:%Y-%m-%d %H:%M}", STEPS[event["step"]], by, why]


def _yuan(fen: int | None) -> str:
    return "—" if fen is None else f"{yuan_text(fen)} 元（{capital_amount(fen)}）"
