"""Rules: published, decided or unknown; the loader names every mistake; the schema agrees."""

import json
import tomllib
from dataclasses import replace
from datetime import date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kashi_server.domain.interval import Month
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.rules import KINDS, ParameterState, ValueKind
from kashi_server.domain.rules_data import load_rules, rules_of_data
from kashi_server.services.rulebook import PROGRAMMES, shipped_rules

SOUND = """\
programme_id = "example"
version = "1"
name_zh = "示例"
name_en = "Example"
document = "a document"
in_force_from = 2026-01-01T00:00:00+08:00

[[parameter]]
name = "ratio.general"
state = "published"
value = "0.50"
source = "a text"

[[parameter]]
name = "gap_policy"
state = "decided"
value = "none"
[parameter.decision]
officers = ["first", "second"]
decided_on = 2026-01-05
reason = "nothing published counts gaps"
document = "minutes 3/2026"

[[parameter]]
name = "tax_basis"
state = "unknown"
"""

SPOILT = [
    ('version = "1"\n', "", 1, "version", "missing"),
    ("+08:00", "", 6, "in_force_from", "with its offset"),
    ("00:00+08:00", "00:30+08:00", 6, "in_force_from", "whole minute"),
    ('name_en = "Example"', 'name_en = "Example"\nyear = 2026', 5, "year", "no such field"),
    ('"ratio.general"', '"ratio.genral"', 9, "parameter[1].name", "no parameter"),
    ('"published"', '"rumoured"', 10, "parameter[1].state", "not published"),
    ('"0.50"', "0.50", 11, "parameter[1].value", "as text"),
    ('"0.50"', '"1.50"', 11, "parameter[1].value", "from 0 to 1"),
    ('source = "a text"\n', "", 8, "parameter[1].source", "must name its source"),
    ('"second"', '"first"', 18, "parameter[2].decision", "two different officers"),
    ('reason = "nothing published counts gaps"\n', "", 18, "parameter[2].decision", "reason"),
    ('state = "unknown"', 'state = "unknown"\nvalue = "incl"', 27, "parameter[3].value", "unknown"),
    ('"tax_basis"', '"gap_policy"', 25, "parameter[3].name", "given twice"),
    ('source = "a text"', 'source = "a text"\nweight = 1', 13, "parameter[1].weight", "no such"),
]


def _shape(content: Any) -> Any:
    """TOML as JSON Schema sees it: dates as their text."""
    match content:
        case dict():
            return {key: _shape(value) for key, value in content.items()}
        case list():
            return [_shape(value) for value in content]
        case datetime() | date():
            return content.isoformat()
        case _:
            return content


def _validator() -> Draft202012Validator:
    schema = json.loads((PROGRAMMES / "rules.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


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


@pytest.mark.parametrize("spoilt", SPOILT, ids=[s[3] + "-" + s[4] for s in SPOILT])
def test_the_schema_refuses_what_the_loader_refuses(
    spoilt: tuple[str, str, int, str, str],
) -> None:
    """Everything but a repeated name, which JSON Schema cannot see."""
    old, new, _line, _field, told = spoilt
    valid = _validator().is_valid(_shape(tomllib.loads(SOUND.replace(old, new, 1))))

    assert valid == (told == "given twice")


def test_shipped_programmes_are_sound_and_fit_the_schema() -> None:
    """Each file beside the schema is a version, and the schema says so too."""
    assert shipped_rules()
    for file in PROGRAMMES.glob("*.toml"):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        assert list(_validator().iter_errors(_shape(content))) == []


def test_the_schema_knows_every_parameter_and_its_kind() -> None:
    """A value of the right kind passes and one of another kind does not, for every name."""
    examples: dict[ValueKind, object] = {
        ValueKind.RATIO: "0.5",
        ValueKind.YUAN: "5000000.00",
        ValueKind.COUNT: 12,
        ValueKind.TRUTH: True,
        ValueKind.TEXT: "words",
        ValueKind.TEXTS: ["words"],
    }
    validator, content = _validator(), _shape(tomllib.loads(SOUND))
    for name, kind in KINDS.items():
        for other, value in examples.items():
            parameter = {"name": name, "state": "published", "value": value, "source": "s"}
            # A ratio and an amount of yuan are also text.
            fits = (
                other is kind
                or (kind is ValueKind.TEXT and other in (ValueKind.RATIO, ValueKind.YUAN))
                or (kind is ValueKind.YUAN and other is ValueKind.RATIO)
            )
            assert validator.is_valid({**content, "parameter": [parameter]}) == fits, (name, value)


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
