"""Whoever operates a host reads what the agent refuses, and why, in Chinese and in English."""

from pathlib import Path

import kashi_agent
import pytest
from kashi_agent import cli, meterd  # noqa: F401 - so that every error of the tree is known
from kashi_agent.errors import AgentError
from two_languages import Message, messages

FOLDER = Path(kashi_agent.__file__).parent

CALLS = {"nvmlInitWithFlags", "nvmlShutdown", "nvmlDeviceGetCount_v2", "nvmlDevice*"}
"""NVIDIA's `DriverGone` is given the call that failed; what it says of it has both halves."""


def tree(kind: type[Exception]) -> set[str]:
    """The names of an error and of all that are made of it."""
    return {kind.__name__}.union(*map(tree, kind.__subclasses__()))


def told() -> list[Message]:
    """Every message of the agent's errors, of what is wrong with a command line, and of those of
    the contract that the agent makes."""
    errors = {*tree(AgentError), "_Refused", "FormError", "ArgumentTypeError"}
    return list(messages([FOLDER], errors))


def test_every_refusal_of_the_agent_has_a_chinese_half_and_an_english_one() -> None:
    """Chinese first, in one string: "中文。English"; so it reaches the command line, the status and
    the doctor."""
    found = told()
    wrong = [one for one in found if not one.told_twice and one.text not in CALLS]

    assert len(found) > 100  # the walk itself works
    assert wrong == []


@pytest.mark.parametrize(
    ("text", "both"),
    [
        ("{} 不存在。{} does not exist", True),
        ("{}: {}", True),
        ("{} does not exist", False),
        ("{} 不存在", False),
        ("It does not exist。不存在", False),
    ],
)
def test_what_counts_as_both_languages(text: str, both: bool) -> None:
    """A value alone needs no words; one language is not enough, nor the English first."""
    assert Message("here", "AgentError", text).told_twice is both
