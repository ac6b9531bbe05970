"""What keeps a process from its work, told once and then now and again, never at every try."""

import logging
from typing import Final

REPEAT_MS: Final = 3_600_000
"""What still stands is told again after an hour: a log that was rotated away told nobody."""

COMPLAINTS_MAX: Final = 64
"""Texts remembered at once; the one told longest ago is forgotten first."""


class Complaints:
    """Warnings that are logged once, and again after `REPEAT_MS` of the clock that is given."""

    def __init__(self, logger: logging.Logger) -> None:
        self._logger = logger
        self._told_ms: dict[str, int] = {}

    def tell(self, text: str, now_ms: int) -> None:
        """Log a warning, unless the same one was logged within the hour before `now_ms`."""
        told_ms = self._told_ms.get(text)
        if told_ms is not None and now_ms - told_ms < REPEAT_MS:
            return
        self._told_ms.pop(text, None)
        if len(self._told_ms) == COMPLAINTS_MAX:
            del self._told_ms[next(iter(self._told_ms))]
        self._told_ms[text] = now_ms
        self._logger.warning("%s", text)

    def settle(self) -> None:
        """All is well again: what is told from now on is news."""
        self._told_ms.clear()
