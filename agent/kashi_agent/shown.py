"""Files in which the running agent shows how it is: JSON with its format, replaced at once.

Not synchronised: after a power cut they mean nothing.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import is_dataclass
from pathlib import Path
from types import UnionType
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

from kashi_agent.errors import AgentError

INTEGER_MAX: Final = 1 << 63

_Shown = TypeVar("_Shown")


def check_types(shown: object) -> None:
    """Check that every field of a dataclass is what it says it is, and so its parts in lists.

    Raises:
        TypeError: one is not; it is named.
    """
    for name, hint in get_type_hints(type(shown)).items():
        value, union = getattr(shown, name), get_origin(hint) is UnionType
        kinds = {get_origin(one) or one for one in (get_args(hint) if union else (hint,))}
        if type(value) not in kinds or (type(value) is int and abs(value) > INTEGER_MAX):
            raise TypeError(f"{name} is {value!r:.80}")
        for part in value if isinstance(value, list) else ():
            if is_dataclass(part):
                check_types(part)


def write_shown(path: Path, form: str, fields: Mapping[str, Any], *, mode: int) -> None:
    """Replace the file."""
    passing = path.with_name(f".{path.name}.new")
    passing.write_text(json.dumps({"format": form, **fields}), encoding="utf-8")
    passing.chmod(mode)
    passing.replace(path)


def read_shown(
    path: Path, form: str, make: Callable[[dict[str, Any]], _Shown], absent: tuple[str, str]
) -> _Shown:
    """What `make` makes of the fields; `absent`: what it means, in both languages, that there is no
    file.

    What is made is looked at field by field: a text for a number would else fail where it is used.

    Raises:
        AgentError: there is none, it is damaged, or another version's.
    """
    try:
        fields: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        known = fields.pop("format") == form
        shown = make(fields)
        check_types(shown)
    except FileNotFoundError as error:
        zh, en = absent
        raise AgentError(f"{path} 不存在：{zh}。{path} does not exist: {en}") from error
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise AgentError(f"{path} 无法读取。{path} cannot be read: {error}") from error
    if not known:
        raise AgentError(
            f"{path} 由另一版本的代理写成，请重启代理。"
            f"{path} was written by another version of the agent; restart it"
        )
    return shown
