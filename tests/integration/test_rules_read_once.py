"""Rules are parsed once: a version never changes, and a city has evaluated thousands of claims."""

from collections.abc import Callable
from dataclasses import replace

import pytest
from claim_cases import rules
from kashi_server.domain import rules_data
from kashi_server.domain.rules import Parameter, RulesVersion
from kashi_server.services.claim_envelopes import envelopes_around
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.rules_reading import rules_of
from kashi_server.storage.unit_of_work import Work


@pytest.fixture
def parsed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of all parameters that are parsed from now on."""
    found: list[str] = []
    whole: Callable[..., Parameter] = rules_data.parameter_of_data

    def noted(data: dict[str, object]) -> Parameter:
        found.append(str(data["name"]))
        return whole(data)

    rules_of.cache_clear()
    monkeypatch.setattr(rules_data, "parameter_of_data", noted)
    return found


def _around(work: Work, version: RulesVersion) -> tuple[str, ...]:
    with work.begin(writes=False) as unit:
        return envelopes_around(unit, version, 2026)


def test_an_evaluation_parses_no_rules_that_one_before_it_parsed(
    work: Work, parsed: list[str]
) -> None:
    """The envelopes around a programme are looked for among all registered versions each time: the
    second time nothing is parsed, and a version that was registered since is, alone."""
    member = rules("read-once-member")
    first = rules("read-once-first", kind='"envelope"', envelope__members='["read-once-member"]')
    Rulebook(work, lambda: 0).register([member, first])
    once = _around(work, member)
    assert parsed
    parsed.clear()
    again = _around(work, member)

    assert again == once == ("read-once-first",)
    assert parsed == []
    later = replace(first, programme_id="read-once-later")
    Rulebook(work, lambda: 0).register([later])
    parsed.clear()
    assert _around(work, member) == ("read-once-first", "read-once-later")
    assert len(parsed) == len(later.parameters)


def test_what_is_read_again_is_what_was_registered(work: Work, parsed: list[str]) -> None:
    """To the byte, and of other contents nothing: texts that differ in one word are told apart."""
    versions = [rules("read-again"), replace(rules("read-again-2"), document="另一份文件")]
    Rulebook(work, lambda: 0).register(versions)
    for _time in range(2):
        parsed.clear()
        with work.begin(writes=False) as unit:
            found = unit.expense.rules()
        assert {one.sha256 for one in found} == {one.sha256 for one in versions}
    assert parsed == []
