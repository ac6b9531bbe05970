"""The published schema of usage mappings agrees with the reader."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from kashi_server.domain.positioned import MistakesFound
from kashi_server.domain.usage_source.mapping import load_mapping
from kashi_server.services.rulebook import PROGRAMMES
from usage_samples import BILL, SERIES, SLURM

SAMPLES = Path(__file__).parents[2] / "docs/cases/usage"


def _validator() -> Draft202012Validator:
    schema = json.loads((PROGRAMMES / "usage-mapping.schema.json").read_text(encoding="utf-8"))
    Draft202012Validator.check_schema(schema)
    return Draft202012Validator(schema)


def _read(text: str) -> bool:
    try:
        load_mapping(text, "mapping.toml")
    except MistakesFound:
        return False
    return True


def test_published_samples_fit_schema_and_reader() -> None:
    """Each mapping beside the documentation, and those of the tests."""
    texts = [file.read_text(encoding="utf-8") for file in SAMPLES.glob("*.mapping.toml")]
    assert len(texts) == 3

    for text in (*texts, BILL, SLURM, SERIES):
        assert list(_validator().iter_errors(tomllib.loads(text))) == []
        assert _read(text)


@pytest.mark.parametrize(
    ("mapping", "old", "new"),
    [
        (BILL, 'kind = "bill"', 'kind = "guess"'),
        (BILL, 'kind = "bill"\n', ""),
        (BILL, 'vendor = "nvidia"', 'vendor = "amd"'),
        (BILL, 'utc_offset = "+08:00"', 'utc_offset = "+25:00"'),
        (BILL, 'start = "from"\n', ""),
        (BILL, 'value = "HT-1"', 'value = "HT-1", column = "c"'),
        (BILL, 'value = "HT-1"', 'value = ""'),
        (BILL, 'value = "HT-1"', 'column = "c", values = {}'),
        (BILL, 'unit = "second"', 'unit = "day"'),
        (BILL, 'unit = "second"', 'unit = "second", counts = "all"'),
        (BILL, 'site = "cloud-a"', 'site = "cloud-a"\nmetric = "m"'),
        (BILL, 'site = "cloud-a"', 'site = "cloud-a"\ncolour = "red"'),
        (BILL, 'site = "cloud-a"', 'site = "cloud-a"\nkeep = { a = [] }'),
        (BILL, 'site = "cloud-a"', 'site = "cloud-a"\nencoding = "utf-16"'),
        (SLURM, 'site = "hpc-a"', 'site = "hpc-a"\nidentified = true'),
        (SERIES, "gap_limit_s = 60", "gap_limit_s = 0"),
        (SERIES, "gap_limit_s = 60", 'gap_limit_s = "60"'),
        (SERIES, 'metric = "DCGM_FI_DEV_GPU_UTIL"\n', ""),
    ],
)
def test_the_schema_refuses_what_the_reader_refuses(mapping: str, old: str, new: str) -> None:
    """A mapping that an editor marks is one that the import refuses."""
    assert old in mapping
    spoilt: Any = mapping.replace(old, new, 1)

    assert not _read(spoilt)
    assert not _validator().is_valid(tomllib.loads(spoilt))
