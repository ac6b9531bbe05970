"""Texts in both languages, as the agent's refusals are: 中文一句。English sentence, in one text."""

import re
from collections.abc import Iterable
from typing import Final

_BOTH: Final = re.compile(r"(.+)。\s*([!-~].*)", re.DOTALL)


HALF_CHARACTERS_MAX: Final = 480
"""Of several texts together: both halves pass between meter and agent, and none pushes the other
out."""


def together(texts: Iterable[str]) -> str:
    """Several texts as one in both languages: what each says in Chinese, then in English."""
    parted = [halves(text) for text in texts]
    zh = "；".join(part for part, _ in parted)[:HALF_CHARACTERS_MAX]
    en = "; ".join(part for _, part in parted)[:HALF_CHARACTERS_MAX]
    return f"{zh}。{en}" if parted else ""


def halves(text: str) -> tuple[str, str]:
    """The two halves of `中文。English`; of anything else, all of it twice.

    Either half may hold full stops of its own: they part at the last Chinese one before a sentence
    that does not begin in Chinese.
    """
    both = _BOTH.fullmatch(text)
    return (both[1], both[2]) if both else (text, text)
