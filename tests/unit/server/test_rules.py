"""Rules: published, decided or unknown; the loader names every mistake with its line."""

import json
from dataclasses import replace

import pytest
from kashi_server.domain.interval import Month
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.rules import ParameterState
from kashi_server.domain.rules_data import load_rules, rules_of_data
from kashi_server.services.rulebook import shipped_rules
from rules_cases import SOUND, SPOILT


def test_a_sound_file_survives_its_canonical_data() -> None:
    """What is stored reads back as what was loaded, with the same hash."""
    version = load_rules(SOUND, "sound.toml")

    again = rules_of_data(json.loads(version.to_bytes()))

    assert again == version
    assert again.sha256 == version.sha256
    assert version.unknown == ("tax_basis",)


@pytest.mark.parametrize(("old", "new", "line", "field", "told"), SPOILT)
def test_a_mistake_is_named_with_its_line(
    old: str, new: str, line: int, field: str, told: str
) -> None:
    """File, line and field lead to it."""
    with pytest.raises(MistakesFound) as refusal:
        load_rules(SOUND.replace(old, new, 1), "spoilt.toml")

    assert [(m.line, m.field) for m in refusal.value.mistakes] == [(line, field)]
    assert told in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("publicity_days", 3_650),
        ("voucher.validity_months", 1_200),
        ("startup.max_age_months", 1_200),
        ("clawback.ban_months", 1_200),
        ("retention_years", 100),
        ("years_max", 100),
    ],
)
def test_a_term_beyond_the_calendar_is_refused_with_its_bound(name: str, most: int) -> None:
    """A last day that no calendar has would fail when a claim is due; the file's line is told."""
    text = SOUND + (
        f'\n[[parameter]]\nname = "{name}"\nstate = "published"\nvalue = {{}}\nsource = "第1条"\n'
    )
    load_rules(text.format(most), "longest.toml")
    with pytest.raises(MistakesFound) as refusal:
        load_rules(text.format(most + 1), "absurd.toml")

    (mistake,) = refusal.value.mistakes
    value_line = text.count("\n") - 1
    assert (mistake.line, mistake.field) == (value_line, "parameter[4].value")
    assert f"{name} is {most + 1}; it is {most} at most" in str(refusal.value)


def test_the_shenzhen_voucher_says_what_is_published_and_no_more() -> None:
    """50 %, 60 % for start-ups, 10 000 000.00 a company and year, 500 000 a year; to 2026-12-17."""
    (version,) = [v for v in shipped_rules() if v.programme_id == "shenzhen-compute-voucher"]

    assert (str(version.ratio("ratio.general")), str(version.ratio("ratio.startup"))) == (
        "1/2",
        "3/5",
    )
    assert version.fen("cap.company_year_yuan") == 1_000_000_000
    assert version.fen("threshold.year_yuan") == 50_000_000
    assert version.fen("voucher.min_face_yuan") is None
    assert {"startup.age_basis", "tax_basis", "voucher.validity_months"} <= set(version.unknown)
    assert all(
        parameter.source
        for parameter in version.parameters
        if parameter.state is ParameterState.PUBLISHED
    )
    last = Month(2026, 12).interval().start + 17 * 1440 - 1
    assert last in version.in_force
    assert last + 1 not in version.in_force


def test_every_value_is_in_the_hash() -> None:
    """Another value, source or date is another hash; another comment is not."""
    version = load_rules(SOUND, "sound.toml")

    assert load_rules("# a comment\n" + SOUND, "sound.toml").sha256 == version.sha256
    others = [
        load_rules(SOUND.replace('"0.50"', '"0.5"'), "other.toml"),
        load_rules(SOUND.replace("a text", "another text"), "other.toml"),
        replace(version, version="2"),
    ]
    assert len({version.sha256, *(other.sha256 for other in others)}) == 4
