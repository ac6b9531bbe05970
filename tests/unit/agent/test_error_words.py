"""Whoever operates a host reads what the agent refuses, and why, in Chinese and in English."""

from pathlib import Path

import kashi_agent
from two_languages import HOLE, sources

AGENT = sources(Path(kashi_agent.__file__).parent)

ERRORS = AGENT.errors("AgentError", "_Refused", "FormError", "ArgumentTypeError")
"""The agent's errors, what is wrong with a command line, and of the contract what it makes."""

CALLS = {"nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDevice*"}
"""NVIDIA's `DriverGone` is given the call that failed; what it says of it has both halves."""

STOPS = "。？"
"""A Chinese half may end with a question."""


def test_a_key_token_error_has_the_same_facts_in_both_halves() -> None:
    """As many values in each: the doctor shows whoever reads Chinese the Chinese half alone."""
    found = [one for one in AGENT.messages(AGENT.errors("KeyTokenError")) if not one.wordless]
    parted = {one: one.text.rpartition("。") for one in found}

    assert len(found) > 15  # the walk itself works
    assert [one for one, (zh, _, en) in parted.items() if zh.count(HOLE) != en.count(HOLE)] == []


def test_every_refusal_of_the_agent_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string: "中文。English"; so it reaches the command line, the status and
    the doctor."""
    found = list(AGENT.messages(ERRORS))
    wrong = [one for one in found if not one.told_twice(STOPS) and not one.wordless]

    assert len(found) > 100  # the walk itself works
    assert [one for one in wrong if one.text not in CALLS] == []
