"""The certificate's estimate of a subsidy: every step, what bound it, and what nobody knows."""

from collections.abc import Mapping
from typing import Any

from kashi_server.documents import figures
from kashi_server.documents.wording import (
    PARAMETER_STATE,
    SUBSIDY_STEP,
    Pair,
    column,
    phrase,
    section,
)

Data = Mapping[str, Any]


def subsidy_section(statement: Data) -> dict[str, Any]:
    """How the estimate came about, step by step, and which parameters nobody knows."""
    programme, subsidy = statement["programme"], statement["subsidy"]
    if programme is None:
        none = Pair(
            "没有有效的政策版本，不作估算。", "No version of a programme's rules is in force."
        )
        return section(Pair("资助估算", "Subsidy estimate"), kind="notes", notes=[none.to_data()])
    rows = [
        [
            phrase(SUBSIDY_STEP, step["step"]),
            figures.yuan(step["input"]),
            figures.yuan(step["output"]),
            step["bound"] or figures.UNKNOWN,
            step["reason"],
            step["source"] or figures.UNKNOWN,
        ]
        for step in subsidy["trace"]
    ]
    return section(
        Pair("资助估算（不构成权利）", "Subsidy estimate, no entitlement"),
        kind="figures",
        grid={
            "columns": [
                column("步骤", "step", width=95),
                column("输入（元）", "in", figure=True, width=90),
                column("输出（元）", "out", figure=True, width=90),
                column("约束参数", "bound by", width=142),
                column("理由", "reason", width=165),
                column("依据", "source", width=148),
            ],
            "rows": rows,
            "total": ["估算 estimate", "", figures.yuan(subsidy["estimate_fen"]), "", "", ""],
        },
        remarks=[
            Pair(
                f"政策 {programme['name_zh']} {programme['version']}，规则 SHA-256"
                f" {programme['sha256']}。",
                f"Programme {programme['name_en']}, rules version {programme['version']}.",
            ).to_data()
        ],
    )


def parameter_annex(statement: Data) -> list[dict[str, Any]]:
    """Every parameter of the rules: what is published, decided, and what nobody knows."""
    programme = statement["programme"]
    if programme is None:
        return []
    rows = [
        [
            parameter["name"],
            parameter["value"] if parameter["value"] is not None else figures.UNKNOWN,
            phrase(PARAMETER_STATE, parameter["state"]),
            parameter["source"] or figures.UNKNOWN,
        ]
        for parameter in programme["parameters"]
    ]
    grid = {
        "columns": [
            column("参数", "parameter", width=100),
            column("值", "value", width=140),
            column("状态", "state", width=60),
            column("依据", "source", width=160),
        ],
        "rows": rows,
        "total": [],
    }
    return [section(Pair("附表：政策参数", "Annex: parameters"), kind="figures", grid=grid)]
