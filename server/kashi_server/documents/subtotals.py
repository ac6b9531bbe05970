"""The certificate's subtotals: by month, by kind of device, by level of evidence."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from kashi_server.documents import figures
from kashi_server.documents.wording import EVIDENCE_LEVEL, VENDOR, Pair, column, phrase, section

Data = Mapping[str, Any]
_DOMESTIC: Final = {True: "是 yes", False: "否 no", None: figures.UNKNOWN}
_SUMS: Final = [
    column("租用", "leased", figure=True, width=100),
    column("计量", "metered", figure=True, width=100),
    column("计费", "billed", figure=True, width=100),
    column("金额（元）", "amount", figure=True, width=110),
    column("合格（元）", "eligible", figure=True, width=110),
]


def month_section(summary: Data) -> dict[str, Any]:
    """One row a month, with totals."""
    rows = [
        [
            month["month"],
            f"{month['statement']['number']} r{month['statement']['revision']}",
            *_sums(month),
            figures.percent(month["coverage"]),
        ]
        for month in summary["months"]
    ]
    totals = summary["totals"]
    return section(
        Pair("月度小计（卡时）", "By month, in card-hours"),
        kind="figures",
        grid={
            "columns": [
                column("月份", "month", width=60),
                column("结算单", "statement", width=170),
                *_SUMS,
                column("覆盖率", "coverage", figure=True, width=90),
            ],
            "rows": rows,
            "total": ["合计 total", "", *_sums(totals), figures.percent(totals["coverage"])],
        },
    )


def model_section(summary: Data) -> dict[str, Any]:
    """One row a kind of device: how many, and what they come to."""
    rows = [
        [
            VENDOR.get(model["vendor"].lower(), model["vendor"]),
            model["model"],
            figures.gibibytes(model["memory_bytes"]),
            "整卡 whole"
            if model["form"] == "whole"
            else f"分区 part {model['share'] or figures.UNKNOWN}",
            _DOMESTIC[model["domestic"]],
            str(model["devices"]),
            *_sums(model),
        ]
        for model in summary["models"]
    ]
    return section(
        Pair("设备型号（卡时）", "Devices by model, in card-hours"),
        kind="figures",
        grid={
            "columns": [
                column("厂商", "vendor", width=70),
                column("型号", "model", width=120),
                column("显存", "memory", figure=True, width=60),
                column("形态", "form", width=70),
                column("国产", "domestic", width=55),
                column("数量", "count", figure=True, width=45),
                *_SUMS,
            ],
            "rows": rows,
            "total": [*("合计 total", "", "", "", "", ""), *_sums(summary["totals"])],
        },
    )


def _sums(row: Data) -> list[str]:
    hours = figures.exact_card_hours
    return [
        hours(row["leased_card_hours"]),
        hours(row["card_hours"]),
        hours(row["billed_card_hours"]),
        figures.yuan(row["amount_fen"]),
        figures.yuan(row["eligible_fen"]),
    ]


def level_text(levels: Sequence[Data]) -> str:
    """Which part of the lines stands on which evidence."""
    return "；".join(
        f"{phrase(EVIDENCE_LEVEL, one['level'])}：{one['lines']} 行 lines，"
        f"{figures.exact_card_hours(one['card_hours'])} 卡时"
        for one in levels
    )
