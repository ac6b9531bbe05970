"""Files in which the running agent shows how it is: JSON with its format, replaced at once.

Not synchronised: after a power cut they mean nothing.
"""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from kashi_agent.errors import AgentError

_Shown = TypeVar("_Shown")


def write_shown(path: Path, form: str, fields: Mapping[str, Any], *, mode: int) -> None:
    """Replace the file."""
    passing = path.with_name(f".{path.name}.new")
    passing.write_text(json.dumps({"format": form, **fields}), encoding="utf-8")
    passing.chmod(mode)
    passing.replace(path)


def read_shown(
    path: Path, form: str, make: Callable[[dict[str, Any]], _Shown], absent: str
) -> _Shown:
    """What `make` makes of the fields; `absent`: what it means that there is no file.

    Raises:
        AgentError: there is none, it is damaged, or another version's.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = fields.pop("format") == form
        shown = make(fields)
    except FileNotFoundError as error:
        raise AgentError(f"{path} does not exist: {absent}") from error
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise AgentError(f"{path} cannot be read: {error}") from error
    if not known:
        raise AgentError(f"{path} was written by another version of the agent; restart it")
    return shown
