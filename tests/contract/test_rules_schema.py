"""The published schema of rules files agrees with the loader."""

import json
import tomllib
from datetime import date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kashi_server.domain.parameters import PARAMETERS, ValueKind, check_value
from kashi_server.errors import InvalidValue
from kashi_server.services.rulebook import PROGRAMMES
from rules_cases import SOUND, SPOILT


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


@pytest.mark.parametrize("spoilt", SPOILT, ids=[s[3] + "-" + s[4] for s in SPOILT])
def test_the_schema_refuses_what_the_loader_refuses(
    spoilt: tuple[str, str, int, str, str],
) -> None:
    """Everything but a repeated name, which JSON Schema cannot see."""
    old, new, _line, _field, told = spoilt
    valid = _validator().is_valid(_shape(tomllib.loads(SOUND.replace(old, new, 1))))

    assert valid == (told == "given twice")


def test_shipped_programmes_fit_the_schema() -> None:
    """Each file beside the schema validates."""
    assert list(PROGRAMMES.glob("*.toml"))
    for file in PROGRAMMES.glob("*.toml"):
        content = tomllib.loads(file.read_text(encoding="utf-8"))
        assert list(_validator().iter_errors(_shape(content))) == []


def test_the_schema_and_the_reader_agree_on_every_parameter() -> None:
    """Whatever the value, the schema takes what the reader takes and refuses what it refuses."""
    values: list[object] = [
        "0.5", "1.5", "5000000.00", "none", "words", "", 12, -1, True, [], ["words"], [""],
        ["accelerator"], ["price"], ["2026-01-01/2026-02-01"], ["2026-01-01"], ["tier1=5.00"],
        ["tier1=5.001"], "ceiling", "claim_first", "E2", "calendar", 0.5, None, {},
    ]  # fmt: skip
    validator, content = _validator(), _shape(tomllib.loads(SOUND))
    for name, spec in PARAMETERS.items():
        for value in [*values, *spec.choices, list(spec.choices)]:
            parameter = {"name": name, "state": "published", "value": value, "source": "s"}
            fits = validator.is_valid({**content, "parameter": [parameter]})
            assert fits == _taken(name, value), (name, value)
    assert {spec.kind for spec in PARAMETERS.values()} == set(ValueKind)


def _taken(name: str, value: object) -> bool:
    try:
        check_value(name, value)
    except InvalidValue:
        return False
    return True
