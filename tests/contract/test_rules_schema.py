"""The published schema of rules files agrees with the loader."""

import json
import tomllib
from datetime import date, datetime
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kashi_server.domain.rules import KINDS, ValueKind
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
