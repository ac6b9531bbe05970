"""Texts in both languages, as the agent's refusals are: 中文一句。English sentence, in one text."""

import re
from typing import Final

_BOTH: Final = re.compile(r"(.+)。\s*([!-~].*)", re.DOTALL)


def halves(text: str) -> tuple[str, str]:
    """The two halves of `中文。English`; of anything else, all of it twice.

    Either half may hold full stops of its own: they part at the last Chinese one before a sentence
    that does not begin in Chinese.
    """
    both = _BOTH.fullmatch(text)
    return (both[1], both[2]) if both else (text, text)
