"""The published JSON Schema of rules files, made from the same list as the reader."""

from kashi_server.domain.parameters import PARAMETERS, ParameterSpec, ValueKind

_TEXT: dict[str, object] = {"type": "string", "minLength": 1}
_HEAD = ("programme_id", "version", "name_zh", "name_en", "document")
_NONE: dict[str, object] = {"const": "none"}


def rules_schema() -> dict[str, object]:
    """The schema; TOML dates are read as their ISO 8601 text."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:kashi:v1:rules-file",
        "title": "Rules of a funding programme, as a TOML file",
        "description": "One version of a programme's parameters. TOML dates are read as their"
        " ISO 8601 text. Each parameter is published (with its source), decided (by two officers,"
        " with date, reason and document) or unknown (without a value).",
        "type": "object",
        "required": [*_HEAD, "in_force_from", "parameter"],
        "additionalProperties": False,
        "properties": {
            **{name: {"$ref": "#/$defs/text"} for name in _HEAD},
            "in_force_from": {"$ref": "#/$defs/instant"},
            "in_force_until": {"$ref": "#/$defs/instant"},
            "parameter": {"type": "array", "items": {"$ref": "#/$defs/parameter"}},
        },
        "$defs": {
            "instant": {
                "description": "A whole minute with its offset, UTC or +08:00.",
                "type": "string",
                "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:00(\+08:00|\+00:00|Z)$",
            },
            "text": _TEXT,
            "decision": _decision(),
            "parameter": _parameter(),
        },
    }


def _decision() -> dict[str, object]:
    text = {"$ref": "#/$defs/text"}
    officers = {
        "type": "array", "items": text, "minItems": 2, "maxItems": 2, "uniqueItems": True
    }  # fmt: skip
    return {
        "type": "object",
        "required": ["officers", "decided_on", "reason", "document"],
        "additionalProperties": False,
        "properties": {
            "officers": officers,
            "decided_on": {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}$"},
            "reason": text,
            "document": text,
        },
    }


def _parameter() -> dict[str, object]:
    text = {"$ref": "#/$defs/text"}
    of_state = (
        ({"const": "published"}, ["source"]),
        ({"const": "decided"}, ["decision"]),
    )
    return {
        "type": "object",
        "required": ["name", "state"],
        "additionalProperties": False,
        "properties": {
            "name": {"enum": sorted(PARAMETERS)},
            "state": {"enum": ["published", "decided", "unknown"]},
            "value": {},
            "source": text,
            "confidence": {"enum": ["official", "news", "second_hand", "house"]},
            "decision": {"$ref": "#/$defs/decision"},
            "note": text,
        },
        "allOf": [
            {
                "if": {"properties": {"state": {"const": "unknown"}}},
                "then": {"not": {"required": ["value"]}},
                "else": {"required": ["value"]},
            },
            *(
                {"if": {"properties": {"state": state}}, "then": {"required": needed}}
                for state, needed in of_state
            ),
            *(
                {
                    "if": {"properties": {"name": {"const": name}}},
                    "then": {
                        "properties": {"value": {**_value(spec), "description": spec.decides}}
                    },
                }
                for name, spec in sorted(PARAMETERS.items())
            ),
        ],
    }


def _value(spec: ParameterSpec) -> dict[str, object]:
    choices = list(spec.choices)
    texts: dict[str, object] = {"type": "array", "items": _TEXT}
    yuan = {"type": "string", "pattern": r"^(0|[1-9]\d{0,14})(\.\d{1,2})?$"}
    ratio = {"type": "string", "pattern": r"^(0(\.\d{1,8})?|1(\.0{1,8})?)$"}
    period = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}/\d{4}-\d{2}-\d{2}$"}
    amount = {"type": "string", "pattern": r"^[^=]+=(0|[1-9]\d{0,14})(\.\d{1,2})?$"}
    most = {} if spec.most is None else {"maximum": spec.most}
    shapes: dict[ValueKind, dict[str, object]] = {
        ValueKind.RATIO: {"anyOf": [ratio, _NONE]},
        ValueKind.YUAN: {"anyOf": [yuan, _NONE]},
        ValueKind.COUNT: {"anyOf": [{"type": "integer", "minimum": 0, **most}, _NONE]},
        ValueKind.TRUTH: {"type": "boolean"},
        ValueKind.TEXT: _TEXT,
        ValueKind.TEXTS: texts,
        ValueKind.CHOICE: {"enum": choices},
        ValueKind.CHOICES: {"type": "array", "items": {"enum": choices}},
        ValueKind.PERIODS: {"type": "array", "items": period},
        ValueKind.AMOUNTS: {"type": "array", "items": amount, "minItems": 1},
    }
    return shapes[spec.kind]
