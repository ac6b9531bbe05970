"""Every finding in words: what it means and what to do. They stand in `words.toml`, by code."""

import tomllib
from pathlib import Path
from typing import Final

from kashi_agent.doctor.finding import Finding, Level

_TEXT: Final = Path(__file__).with_name("words.toml").read_text(encoding="utf-8")

WORDS: Final[dict[str, Finding]] = {
    code: Finding(code=code, level=Level(said.pop("level")), **said)
    for code, said in tomllib.loads(_TEXT).items()
}
"""By code. What stands in braces is put in by the check."""


def finding(code: str, **values: str) -> Finding:
    """What was found, ready to be said."""
    return WORDS[code].told(values)
