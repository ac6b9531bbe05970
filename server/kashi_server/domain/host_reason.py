"""Why a host stands as it does, in the server's own words: stored once, told in both languages.

What is stored stays as it is: whoever reads it as data knows it by that. Officers' reasons are
theirs, and are told as they gave them.
"""

import re
from typing import Final

ENROLLED: Final = "enrolled"
"""Stored of a host that was let in."""

_FORKED: Final = re.compile(r"fork: epoch ([0-9]+) sequence ([0-9]+) is taken by another report;.*")


def reason_in_both(stored: str) -> tuple[str, str]:
    """A stored reason in Chinese and in English; an officer's words twice."""
    if stored == ENROLLED:
        return "已接入", stored
    forked = _FORKED.fullmatch(stored)
    if forked is not None:
        epoch, sequence = forked.groups()
        return (
            f"报告分叉：纪元 {epoch} 序号 {sequence} 已有另一份报告；暂挂至两名经办人解除",
            stored,
        )
    return stored, stored


def reason_words(stored: str) -> str:
    """A stored reason as one text: the Chinese first, then the English one."""
    zh, en = reason_in_both(stored)
    return zh if zh == en else f"{zh} {en}"
