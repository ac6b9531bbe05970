"""Days of public notice in the rules that are shipped, and in the demonstration's."""

import pytest
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_data import load_rules
from kashi_server.services.rulebook import shipped_rules

from deploy.demo.sample_papers import sample_rules


@pytest.mark.parametrize(
    "rules_version",
    [*shipped_rules(), load_rules(sample_rules(), "rules.toml")],
    ids=lambda one: one.programme_id,
)
def test_no_programme_is_public_for_no_days(rules_version: RulesVersion) -> None:
    """That a notice of 0 days would do no text says: a number that was seen, or nobody knows it."""
    said = rules_version.parameter("publicity_days")
    known = {"national-ai-voucher": 7, "demo-compute-voucher": 7}

    assert said.value == known.get(rules_version.programme_id)
    assert (said.source is None) == (said.value is None)
