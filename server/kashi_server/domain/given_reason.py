"""Why something was done, as it is kept: the words that were given, or that none were."""

from typing import Final

NO_REASON: Final = "未说明理由 no reason given"
"""What stands where an act needs no reason and none was given; nothing is put in its place."""


def reason_kept(given: str) -> str:
    """The reason that was given; where none was, that is said."""
    return given if given.strip() else NO_REASON
