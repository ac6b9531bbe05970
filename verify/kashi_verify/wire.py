"""A minimal reader of protobuf's wire format: numbers, varints and length-delimited fields.

Enough for the messages of evidence, strict where it matters: a truncated or oversized field, a
group or a fixed-size field fails. Unknown fields are kept by number and ignored by who reads.
"""

from typing import Final

from kashi_verify.findings import CheckFailed

_VARINT: Final = 0
_BYTES: Final = 2
_SIGN: Final = 1 << 63

Message = dict[int, list[int | bytes]]


def read_varint(content: bytes, place: int) -> tuple[int, int]:
    """A varint and the place after it."""
    value = shift = 0
    while shift < 70:
        if place >= len(content):
            raise CheckFailed("a message ends inside a number")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise CheckFailed("a number exceeds 64 bits")
            return value, place
        shift += 7
    raise CheckFailed("a number is longer than ten bytes")


def read_message(content: bytes) -> Message:
    """Fields by number, each a list in the order of the bytes."""
    fields: Message = {}
    place, end = 0, len(content)
    while place < end:
        tag, place = read_varint(content, place)
        value: int | bytes
        if tag & 7 == _VARINT:
            value, place = read_varint(content, place)
        elif tag & 7 == _BYTES:
            length, place = read_varint(content, place)
            if place + length > end:
                raise CheckFailed("a message ends inside a field")
            value, place = content[place : place + length], place + length
        else:
            raise CheckFailed(f"a field of wire type {tag & 7}")
        fields.setdefault(tag >> 3, []).append(value)
    return fields


def integer(message: Message, number: int) -> int:
    """A numeric field, 0 where absent; the last one counts, as protobuf has it."""
    found = message.get(number)
    if found is None:
        return 0
    value = found[-1]
    if not isinstance(value, int):
        raise CheckFailed(f"field {number} is not a number")
    return value


def signed(message: Message, number: int) -> int:
    """An int64 field, 0 where absent."""
    value = integer(message, number)
    return value - (1 << 64) if value & _SIGN else value


def octets(message: Message, number: int) -> bytes:
    """A bytes field, empty where absent."""
    found = message.get(number)
    if found is None:
        return b""
    value = found[-1]
    if not isinstance(value, bytes):
        raise CheckFailed(f"field {number} is not bytes")
    return value


def text(message: Message, number: int) -> str:
    """A string field, empty where absent."""
    try:
        return octets(message, number).decode()
    except UnicodeDecodeError as error:
        raise CheckFailed(f"field {number} is not text") from error


def repeated(message: Message, number: int) -> list[bytes]:
    """A repeated message field, in order."""
    values = message.get(number, [])
    found = [value for value in values if isinstance(value, bytes)]
    if len(found) != len(values):
        raise CheckFailed(f"field {number} is not a list of messages")
    return found
