"""What is said of each parameter is what the steps do."""

import ast
import inspect
import re
import sys

import pytest
from kashi_server.domain.evaluation.evaluate import STEPS
from kashi_server.domain.parameter_words import CLAIMS, LEDGER, PARAMETER_WORDS, RECORD
from kashi_server.domain.parameters import FACTORS, PARAMETERS

STEP_NAMES = [name for name, _function in STEPS]
ELSEWHERE = {CLAIMS, LEDGER, RECORD}


def asked_by(function: object) -> set[str]:
    """Parameters whose names stand in a step's source."""
    source = inspect.getsource(sys.modules[function.__module__])
    texts = {
        node.value
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    named = texts & PARAMETERS.keys()
    if re.search(r"f.base\.\{", source):
        named |= {f"base.{factor}" for factor in FACTORS}
    return named


@pytest.mark.parametrize(("step", "function"), STEPS, ids=STEP_NAMES)
def test_each_step_asks_for_what_is_said_of_it(step: str, function: object) -> None:
    """A parameter that a step names is said to be used there, and the other way round; rounding is
    asked for by name of the step in one place for all."""
    said = {name for name, words in PARAMETER_WORDS.items() if step in words.steps}

    assert {name for name in said if not name.startswith("rounding.")} == asked_by(function)


def test_every_parameter_is_used_by_something_that_there_is() -> None:
    """No word for what is no parameter, none left out, no step of another name."""
    assert set(PARAMETER_WORDS) == set(PARAMETERS)
    for name, words in PARAMETER_WORDS.items():
        assert words.steps, name
        assert set(words.steps) <= {*STEP_NAMES, *ELSEWHERE}, name
        assert re.search("[\u4e00-\u9fff]", words.zh), name
        assert words.unknown, name
