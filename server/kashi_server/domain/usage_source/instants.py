"""Times as source files write them, as UTC milliseconds. The zone is the mapping's, never guessed.

Understood are ISO 8601 (`2026-10-01T10:00:13`, also with a blank for the T, slashes for the dashes,
parts of a second, or an offset of its own) and seconds since 1970 (Slurm with SLURM_TIME_FORMAT=%s,
Prometheus). What is finer than a millisecond is cut off.
"""

import re
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Final

from kashi_server.errors import InvalidValue

_ISO: Final = re.compile(
    r"(\d{4})[-/](\d{1,2})[-/](\d{1,2})[T ](\d{1,2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?"
    r"\s*(Z|[+-]\d{2}:?\d{2})?"
)
_SECONDS: Final = re.compile(r"\d{9,10}(\.\d{1,9})?")
FIRST_YEAR: Final = 2000
"""Earlier times are blanks, like 0001-01-01; no zone leads out of the calendar from these years."""
LAST_YEAR: Final = 9000
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_MS: Final = timedelta(milliseconds=1)


def instant_ms(text: str, offset: timedelta) -> int:
    """UTC milliseconds of a time.

    Args:
        text: as the file has it.
        offset: of a time that names none, from UTC.

    Raises:
        InvalidValue: it is no time.
    """
    said = text.strip()
    if _SECONDS.fullmatch(said):
        return int(Decimal(said) * 1_000)
    match = _ISO.fullmatch(said)
    if match is None:
        raise InvalidValue(
            f"“{text}”不是时间；请写为 2026-10-01T10:00:13。"
            f"'{text}' is no time; write it like 2026-10-01T10:00:13"
        )
    year, month, day, hour, minute, second, part, zone = match.groups()
    try:
        local = datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second or 0),
            tzinfo=timezone(_offset(zone, offset)),
        )
    except ValueError as error:
        raise InvalidValue(f"“{text}”不是时间。'{text}' is no time: {error}") from error
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise InvalidValue(
            f"“{text}”不是用量的时间：超出 {FIRST_YEAR} 至 {LAST_YEAR} 年。"
            f"'{text}' is no time of use: it lies not in {FIRST_YEAR} to {LAST_YEAR}"
        )
    return (local - _EPOCH) // _MS + int((part or "0").ljust(3, "0")[:3])


def _offset(zone: str | None, offset: timedelta) -> timedelta:
    if zone is None:
        return offset
    if zone == "Z":
        return timedelta()
    digits = zone[1:].replace(":", "")
    width = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -width if zone[0] == "-" else width


def instant_text(utc_ms: int, offset: timedelta) -> str:
    """UTC milliseconds as ISO 8601 at an offset, for keys and messages."""
    local = (_EPOCH + timedelta(milliseconds=utc_ms)).astimezone(timezone(offset))
    return local.isoformat(timespec="milliseconds" if utc_ms % 1_000 else "seconds")


def local_text(utc_ms: int, offset: timedelta) -> str:
    """The same as the file's clock shows it, without the offset.

    Keys of rows are made so: a row read again by a mapping with another offset is the same row.
    """
    return instant_text(utc_ms + offset // _MS, timedelta()).removesuffix("+00:00")
