"""What stands on the page, as plain data for the template: sections in their order.

The template prints strings; every figure is spelled here, from the statement's own integers.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.chart import Bar, daily_chart
from kashi_server.documents.estimate import parameter_annex, subsidy_section
from kashi_server.documents.money_pages import money_sections
from kashi_server.documents.parties import party_sections
from kashi_server.documents.printed import Printed
from kashi_server.documents.proof import evidence_section, integrity_section, verification_section
from kashi_server.documents.subtotals import model_section, month_section
from kashi_server.documents.tables import (
    day_section,
    device_annex,
    line_section,
    number_devices,
)
from kashi_server.documents.wording import NUMBER, TITLE, Pair, section
from kashi_server.domain.certificate import (
    DEMO_EN,
    DEMO_ZH,
    NOTICE_EN,
    NOTICE_ZH,
    Certificate,
    Seal,
)

FONT: Final = "Noto Sans CJK SC"
Data = Mapping[str, Any]


def page_content(certificate: Certificate, printed: Printed, seal: Seal) -> dict[str, Any]:
    """Everything the template prints but the QR code."""
    statement = printed.last
    return {
        "font": FONT,
        "title_zh": TITLE.zh,
        "title_en": TITLE.en,
        "number_label": NUMBER.to_data(),
        "number": str(certificate.number),
        "issuer": certificate.issuer.name_zh,
        "description": f"{statement['user']['name_zh']} {statement['period']['month']}",
        "demo": certificate.demo,
        "demo_notice": {"zh": DEMO_ZH, "en": DEMO_EN},
        "footer_notice": {"zh": NOTICE_ZH, "en": NOTICE_EN},
        "headline": _headline(printed.summary["totals"]),
        "sections": _sections(certificate, printed, seal),
    }


def _headline(totals: Data) -> list[dict[str, object]]:
    hours = figures.exact_card_hours
    return [
        _figure(Pair("计量卡时", "Metered"), hours(totals["card_hours"]), "卡时"),
        _figure(Pair("计费卡时", "Billed"), hours(totals["billed_card_hours"]), "卡时"),
        _figure(Pair("金额", "Amount"), figures.yuan(totals["amount_fen"]), "元 CNY"),
        _figure(Pair("观测覆盖率", "Coverage"), figures.percent(totals["coverage"]), ""),
    ]


def _figure(label: Pair, value: str, unit: str) -> dict[str, object]:
    return {"label": label.to_data(), "value": value, "unit": unit}


def _sections(certificate: Certificate, printed: Printed, seal: Seal) -> list[dict[str, Any]]:
    if printed.several:
        return _period_sections(certificate, printed, seal)
    statement, summary = printed.last, printed.summary
    numbered = number_devices(statement["devices"])
    return [
        *party_sections(certificate, printed),
        _chart_section(statement["days"]),
        line_section(statement, numbered),
        day_section(statement["days"]),
        month_section(summary),
        model_section(summary),
        *money_sections(summary),
        subsidy_section(statement),
        evidence_section(printed),
        integrity_section(certificate, printed, seal),
        verification_section(printed),
        _stamps(),
        device_annex(statement, numbered),
        *parameter_annex(statement),
    ]


def _period_sections(
    certificate: Certificate, printed: Printed, seal: Seal
) -> list[dict[str, Any]]:
    """Several months: their subtotals; the lines stand in each month's own certificate."""
    summary = printed.summary
    lines = Pair(
        "逐行明细、日表、设备清单与资助估算见各月证明；全部明细随本 PDF 附为 lines.csv 与各月"
        " statement 文件。",
        "Lines, days, devices and estimates stand in each month's own certificate; all lines are"
        " attached as lines.csv and in each month's statement.",
    )
    return [
        *party_sections(certificate, printed),
        month_section(summary) | {"remarks": [lines.to_data()]},
        model_section(summary),
        *money_sections(summary),
        evidence_section(printed),
        integrity_section(certificate, printed, seal),
        verification_section(printed),
        _stamps(),
    ]


def _chart_section(days: Sequence[Data]) -> dict[str, Any]:
    bars = [
        Bar(label=str(int(day["date"][8:])), observed_ms=day["observed_ms"], gap_ms=day["gap_ms"])
        for day in days
    ]
    chart = daily_chart(bars)
    observed_ms = sum(bar.observed_ms for bar in bars)
    return section(
        Pair("每日设备小时", "Device-hours by day"),
        kind="chart",
        svg=chart.svg,
        lines=list(chart.line_labels),
        days=list(chart.day_labels),
        alt=(
            f"柱状图：{len(bars)} 天的已观测设备小时与未观测缺口，合计"
            f" {figures.grouped(str(observed_ms // figures.HOUR_MS))} 设备小时。数值见日表。"
        ),
        remarks=[
            Pair(
                "蓝色：已观测；斜线：无人观测的缺口，从不补算。一个分区计为一个设备，不折算。",
                "Blue: observed. Hatched: gaps nobody observed, never filled in. A partition counts"
                " as one device here.",
            ).to_data()
        ],
    )


def _stamps() -> dict[str, Any]:
    return section(
        Pair("各方确认", "Confirmed by"),
        kind="stamps",
        stamps=[
            Pair("需求方（盖章）", "User, stamp").to_data(),
            Pair("供给方（盖章）", "Provider, stamp").to_data(),
        ],
    )
