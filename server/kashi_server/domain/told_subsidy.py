"""The steps of a stored statement's subsidy as pages show them, whichever way it was estimated.

Statements are never rewritten: those of before tell `trace`, steps of their own in fen; later ones
tell `steps`, as every evaluation does.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from kashi_server.domain.money import parse_yuan

Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStep:
    """One step: what went in and out, what bound it, why (both languages), by which texts."""

    name: str
    before_fen: int
    after_fen: int
    bound: str | None
    reason: str
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldSubsidy:
    """What a statement tells of its subsidy. `year_fen` None: it does not say."""

    estimate_fen: int | None
    year_fen: int | None
    earlier_fen: int | None
    steps: tuple[ToldStep, ...]
    unknown: tuple[str, ...]
    missing: tuple[str, ...]


def told_subsidy(subsidy: Data) -> ToldSubsidy:
    """Read a statement's subsidy."""
    steps = _older(subsidy) if "trace" in subsidy else _evaluated(subsidy)
    return ToldSubsidy(
        estimate_fen=subsidy["estimate_fen"],
        year_fen=subsidy.get("year_fen"),
        earlier_fen=subsidy.get("earlier_fen"),
        steps=steps,
        unknown=tuple(subsidy["unknown"]),
        missing=tuple(subsidy.get("missing", ())),
    )


def _older(subsidy: Data) -> tuple[ToldStep, ...]:
    return tuple(
        ToldStep(
            name=step["step"],
            before_fen=step["input"],
            after_fen=step["output"],
            bound=step["bound"],
            reason=step["reason"],
            sources=(step["source"],) if step["source"] else (),
        )
        for step in subsidy["trace"]
    )


def _evaluated(subsidy: Data) -> tuple[ToldStep, ...]:
    return tuple(
        ToldStep(
            name=step["step"],
            before_fen=parse_yuan(step["before_yuan"]),
            after_fen=parse_yuan(step["after_yuan"]),
            bound=step["bound"],
            reason=f"{step['reason_zh']} {step['reason_en']}",
            sources=_sources(step),
        )
        for step in subsidy["steps"]
    )


def _sources(step: Data) -> tuple[str, ...]:
    """The texts behind what bound it; where nothing did, behind all that the step used."""
    used = [rule for rule in step["rules"] if rule["source"]]
    binding = [rule for rule in used if rule["name"] == step["bound"]]
    return tuple(dict.fromkeys(str(rule["source"]) for rule in binding or used))
