"""Longhua's published rules, and the same with other values: one thing changed at a time."""

from dataclasses import replace
from pathlib import Path
from typing import Final

from kashi_server.domain.parameters import Value, check_value
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.services.rulebook import read_rules

LONGHUA: Final = read_rules(Path(__file__).parent / "programmes" / "longhua-2024.toml")
"""30 % of the least of contract, invoice and payment; every parameter that is asked for known."""


def ruled(**values: Value | None) -> RulesVersion:
    """Longhua's rules with other values; None: listed as unknown. `__` is the dot of a name."""
    named = {name.replace("__", "."): value for name, value in values.items()}
    kept = tuple(one for one in LONGHUA.parameters if one.name not in named)
    said = tuple(
        Parameter(name=name, state=ParameterState.UNKNOWN)
        if value is None
        else Parameter(
            name=name,
            state=ParameterState.PUBLISHED,
            value=check_value(name, value),
            source="settled for the example",
        )
        for name, value in named.items()
    )
    return replace(LONGHUA, parameters=kept + said)
