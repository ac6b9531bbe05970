"""Findings for a person and for a machine."""

import json
from collections.abc import Iterator

from kashi_verify.findings import Findings, Flag, Outcome
from kashi_verify.flag_wording import FLAGS
from kashi_verify.wording import FAILURES, LEVELS, STATUS_NOTE, STEPS, VERDICTS


def as_text(findings: Findings) -> Iterator[str]:
    """Lines for a terminal, Chinese first."""
    for outcome in findings.outcomes:
        zh, en = STEPS[outcome.step]
        mark = "✓" if outcome.passed else "✗"
        yield f"{mark} {outcome.step:>2} {zh} / {en}"
        yield from _details(outcome)
    for flag in findings.flags:
        yield from _flag(flag)
    zh, en = VERDICTS[findings.verdict]
    level_zh, level_en = LEVELS[findings.level]
    yield f"结论 {zh} · 层级 {level_zh} / verdict: {en} · level: {level_en}"
    failure = findings.failure
    if failure is not None:
        yield f"未通过第 {failure.step.value} 步 / failed at step {failure.step.value}"
    else:
        yield f"{STATUS_NOTE[0]} / {STATUS_NOTE[1]}"


def _details(outcome: Outcome) -> Iterator[str]:
    """What was checked on one line; what failed on two, the second with the precise place."""
    if not outcome.passed:
        zh, en = FAILURES[outcome.step]
        yield f"      {zh} / {en}"
        yield f"      {outcome.detail}"
    elif outcome.detail_zh == outcome.detail:  # names and hashes alone need no second language
        yield f"      {outcome.detail}"
    else:
        yield f"      {outcome.detail_zh} / {outcome.detail}"


def _flag(flag: Flag) -> Iterator[str]:
    words = FLAGS.get(flag.code)
    yield f"! {flag.code}" if words is None else f"! {words[0]} / {words[1]} ({flag.code})"
    if flag.detail and (words is None or flag.detail != words[1]):
        yield f"      {flag.detail}"


def as_json(findings: Findings) -> str:
    """One object with stable keys."""
    failure = findings.failure
    return json.dumps(
        {
            "verdict": findings.verdict,
            "level": findings.level,
            "failed_step": None if failure is None else failure.step.value,
            "certificate": findings.summary,
            "steps": [
                {
                    "step": outcome.step.value,
                    "name_zh": STEPS[outcome.step][0],
                    "name_en": STEPS[outcome.step][1],
                    "passed": outcome.passed,
                    "detail": outcome.detail,
                }
                for outcome in findings.outcomes
            ],
            "flags": [{"code": flag.code, "detail": flag.detail} for flag in findings.flags],
        },
        ensure_ascii=False,
        indent=2,
    )
