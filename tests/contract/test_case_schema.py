"""The published schema of cases agrees with the reader, and the examples with both."""

import json
import tomllib
from datetime import date
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kashi_server.domain.evaluation.case_data import load_case
from kashi_server.domain.positioned import MistakesFound
from kashi_server.services.rulebook import PROGRAMMES

EXAMPLES = sorted((Path(__file__).parents[2] / "docs" / "cases").glob("*.toml"))
SOUND = EXAMPLES[0].read_text(encoding="utf-8")
SPOILT = [
    ('case_id = "example-bundled"', "", "case_id", "is missing"),
    ("applied_on = 2026-05-20", 'applied_on = "2026-5-20"', "applied_on", "a date"),
    ("applied_on = 2026-05-20", "applied_on = 2026-05-20T08:00:00Z", "applied_on", "a date"),
    ('payment_yuan = "500000.00"', "payment_yuan = 500000", "payment_yuan", "yuan as text"),
    ('payment_yuan = "500000.00"', 'payment_yuan = "-5.00"', "payment_yuan", "negative"),
    ('payment_yuan = "500000.00"', 'payment_yuan = "5.001"', "payment_yuan", "parts of a fen"),
    ("related = false", 'related = "no"', "service.related", "true or false"),
    ('item = "storage"', 'thing = "storage"', "parts[2].item", "is missing"),
    ('card_hours = "41250.5000"', "card_hours = 41250.5", "metered[1].card_hours", "decimal"),
    ('purpose = "training"', 'purpose = ""', "service.purpose", "not empty"),
    ('format = "kashi/v1/case"', 'format = "kashi/v2/case"', "format", "must be"),
    ("[standing]", "[standing]\nmood = 1", "standing.mood", "no such field"),
]


def _shape(content: Any) -> Any:
    match content:
        case dict():
            return {key: _shape(value) for key, value in content.items()}
        case list():
            return [_shape(value) for value in content]
        case date():
            return content.isoformat()
        case _:
            return content


def _validator() -> Draft202012Validator:
    schema = json.loads((PROGRAMMES / "case.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema, format_checker=Draft202012Validator.FORMAT_CHECKER)


@pytest.mark.parametrize("example", EXAMPLES, ids=[file.stem for file in EXAMPLES])
def test_examples_are_read_and_fit_the_schema(example: Path) -> None:
    """Each example, as TOML and as the same in JSON, is the same case."""
    text = example.read_text(encoding="utf-8")
    content = _shape(tomllib.loads(text))

    assert list(_validator().iter_errors(content)) == []
    assert load_case(text, str(example)) == load_case(json.dumps(content), "case.json")


@pytest.mark.parametrize("spoilt", SPOILT, ids=[one[2] + "-" + one[3] for one in SPOILT])
def test_what_is_wrong_is_told_and_the_schema_refuses_it(spoilt: tuple[str, str, str, str]) -> None:
    """Field and reason; the line is that of the field or of the table around it."""
    old, new, field, told = spoilt
    assert old in SOUND
    text = SOUND.replace(old, new, 1)

    with pytest.raises(MistakesFound, match=told) as caught:
        load_case(text, "case.toml")

    assert field in {mistake.field for mistake in caught.value.mistakes}
    assert not _validator().is_valid(_shape(tomllib.loads(text)))
