"""The published JSON Schema of usage mappings, made from the same list as the reader."""

from kashi_server.domain.attestation import SourceKind
from kashi_server.domain.usage_source.settings import COUNTS, SETTINGS, TIME_UNITS, Setting, Shape

_TEXT: dict[str, object] = {"type": "string", "minLength": 1}


def usage_mapping_schema() -> dict[str, object]:
    """The schema."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "urn:kashi:v1:usage-mapping",
        "title": "How a file of stated usage is read, as a TOML file",
        "description": "Cloud bills (CSV), Slurm's sacct --parsable2 and series of samples"
        " (Prometheus query_range as JSON, or CSV), as usage that a provider states.",
        "type": "object",
        "required": [name for name, one in SETTINGS.items() if one.needed == set(SourceKind)],
        "additionalProperties": False,
        "properties": {
            name: {**_shape(one), "description": one.decides} for name, one in SETTINGS.items()
        },
        "allOf": [_of_kind(kind) for kind in SourceKind],
        "$defs": {"chosen": _chosen(), "quantity": _quantity(), "keep": _keep()},
    }


def _of_kind(kind: SourceKind) -> dict[str, object]:
    needed = [name for name, one in SETTINGS.items() if kind in one.needed]
    foreign = [name for name, one in SETTINGS.items() if kind not in one.needed | one.allowed]
    then: dict[str, object] = {"required": needed}
    if foreign:
        then["properties"] = dict.fromkeys(foreign, False)
    return {"if": {"properties": {"kind": {"const": str(kind)}}}, "then": then}


def _shape(one: Setting) -> dict[str, object]:
    match one.shape:
        case Shape.TEXT:
            return _TEXT
        case Shape.CREDIT_CODE:
            return {"type": "string", "pattern": "^[0-9A-Z]{18}$"}
        case Shape.CHOICE:
            return {"enum": list(one.choices)}
        case Shape.OFFSET:
            return {"type": "string", "pattern": r"^(Z|[+-](0\d|1[0-4]):[0-5]\d)$"}
        case Shape.SECONDS:
            return {"type": "integer", "minimum": 1, "maximum": 3600}
        case Shape.TRUTH:
            return {"type": "boolean"}
        case _:
            return {"$ref": f"#/$defs/{one.shape}"}


def _chosen() -> dict[str, object]:
    values = {"type": "object", "minProperties": 1, "additionalProperties": _TEXT}
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {
            "value": _TEXT,
            "column": _TEXT,
            "values": values,
            "others": {"enum": ["refuse", "skip"]},
        },
        "oneOf": [
            {"required": ["value"], "maxProperties": 1},
            {"required": ["column"], "not": {"required": ["value"]}},
        ],
    }


def _quantity() -> dict[str, object]:
    return {
        "type": "object",
        "required": ["column", "unit"],
        "additionalProperties": False,
        "properties": {
            "column": _TEXT,
            "unit": {"enum": list(TIME_UNITS)},
            "counts": {"enum": list(COUNTS)},
        },
    }


def _keep() -> dict[str, object]:
    texts = {"type": "array", "items": {"type": "string"}, "minItems": 1, "uniqueItems": True}
    return {"type": "object", "minProperties": 1, "additionalProperties": texts}
