"""The certificate's estimate of a subsidy: every step, what bound it, and what nobody knows."""

from collections.abc import Iterator, Mapping
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
from kashi_server.domain.told_subsidy import ToldSubsidy, told_subsidy

Data = Mapping[str, Any]


def subsidy_section(statement: Data) -> dict[str, Any]:
    """How the estimate came about, step by step, and which facts and parameters nobody knows."""
    programme, subsidy = statement["programme"], told_subsidy(statement["subsidy"])
    if programme is None:
        none = Pair(
            "没有有效的政策版本，不作估算。", "No version of a programme's rules is in force."
        )
        return section(Pair("资助估算", "Subsidy estimate"), kind="notes", notes=[none.to_data()])
    rows = [
        [
            phrase(SUBSIDY_STEP, step.name),
            figures.yuan(step.before_fen),
            figures.yuan(step.after_fen),
            step.bound or figures.UNKNOWN,
            step.reason,
            "；".join(step.sources) or figures.UNKNOWN,
        ]
        for step in subsidy.steps
    ]
    return section(
        Pair("资助估算（不构成权利）", "Subsidy estimate, no entitlement"),
        kind="figures",
        grid={
            "columns": [
                column("步骤", "step", width=95),
                column("输入（元）", "in", figure=True, width=90),
                column("输出（元）", "out", figure=True, width=90),
                column("约束", "bound by", width=142),
                column("理由", "reason", width=165),
                column("依据", "source", width=148),
            ],
            "rows": rows,
            "total": ["估算 estimate", "", figures.yuan(subsidy.estimate_fen), "", "", ""],
        },
        remarks=[one.to_data() for one in _remarks(programme, subsidy)],
    )


def _remarks(programme: Data, subsidy: ToldSubsidy) -> Iterator[Pair]:
    """By which rules, how the year to date became this statement's part, and what is missing."""
    yield Pair(
        f"政策 {programme['name_zh']} {programme['version']}，规则 SHA-256 {programme['sha256']}。",
        f"Programme {programme['name_en']}, rules version {programme['version']}.",
    )
    if subsidy.year_fen is not None:
        year, earlier = figures.yuan(subsidy.year_fen), figures.yuan(subsidy.earlier_fen)
        yield Pair(
            f"各步按本年累计：至今 {year} 元，本年其他结算单已估算 {earlier} 元，其差为本单估算。",
            f"The steps are those of the year to date: {year} yuan so far; less {earlier} yuan"
            " estimated by the year's other statements, it is this statement's estimate.",
        )
    if subsidy.missing:
        names = ", ".join(subsidy.missing)
        yield Pair(f"尚缺的事实：{names}。", f"Facts that are missing: {names}.")
    if subsidy.unknown:
        names = ", ".join(subsidy.unknown)
        yield Pair(f"尚无定论的参数：{names}。", f"Parameters that nobody knows: {names}.")


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
