"""Canonical JSON: the one spelling that is hashed. Read strictly, spelled again, compared."""

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from kashi_verify.findings import CheckFailed
from kashi_verify.limits import DEPTH_MAX


def read_canonical(name: str, content: bytes) -> dict[str, Any]:
    """Read an object whose bytes must be its canonical spelling.

    UTF-8, keys sorted, no spaces, no escapes beyond need, no floats, no key twice.

    Raises:
        CheckFailed: they are not; `name` stands in the message.
    """
    try:
        value = json.loads(
            content.decode("utf-8"),
            object_pairs_hook=_no_key_twice,
            parse_float=_no_float,
            parse_constant=_no_float,
        )
        spelled = json.dumps(
            value, ensure_ascii=False, sort_keys=True, separators=(",", ":"), allow_nan=False
        ).encode()
    except (ValueError, RecursionError) as error:
        raise CheckFailed(
            f"{name} 不是规范的 JSON。{name} is not canonical JSON: {error}"
        ) from error
    if not isinstance(value, dict):
        raise CheckFailed(f"{name} 不是对象。{name} is not an object")
    if spelled != content:
        raise CheckFailed(f"{name} 写法不规范。{name} is not spelled canonically")
    if _depth(value) > DEPTH_MAX:
        raise CheckFailed(
            f"{name} 的嵌套超过 {DEPTH_MAX} 层。{name} is nested deeper than {DEPTH_MAX}"
        )
    return value


def _depth(value: object) -> int:
    inner: Sequence[object] = ()
    if isinstance(value, dict):
        inner = list(value.values())
    elif isinstance(value, list):
        inner = value
    else:
        return 0
    return 1 + max(map(_depth, inner), default=0)


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text} is not an integer")
