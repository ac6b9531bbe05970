"""A minimal reader of protobuf's wire format: numbers, varints and length-delimited fields.

Enough for the messages of evidence, and it reads what every protobuf reader reads: a field of
another wire type than expected is passed over, of a field that stands twice the last counts (a
message merges), a 32-bit number is cut to 32 bits. Otherwise a host could sign bytes that the
server counts in one way and a verifier in another. Truncated or oversized fields fail.
"""

from typing import Final

from kashi_verify.findings import CheckFailed

_VARINT: Final = 0
_FIXED_64: Final = 1
_BYTES: Final = 2
_GROUP: Final = 3
_GROUP_END: Final = 4
_FIXED_32: Final = 5
_GROUPS_MAX: Final = 100
_SIGN: Final = 1 << 63

Message = dict[int, list[int | bytes]]


def read_varint(content: bytes, place: int) -> tuple[int, int]:
    """A varint and the place after it."""
    value = shift = 0
    while shift < 70:
        if place >= len(content):
            raise CheckFailed("消息在一个数的中间结束。A message ends inside a number")
        byte = content[place]
        place += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            if value >> 64:
                raise CheckFailed("有数超过 64 位。A number exceeds 64 bits")
            return value, place
        shift += 7
    raise CheckFailed("有数长于十字节。A number is longer than ten bytes")


def read_message(content: bytes) -> Message:
    """Fields by number, each a list in the order of the bytes."""
    fields: Message = {}
    groups: list[int] = []
    place, end = 0, len(content)
    while place < end:
        tag, place = read_varint(content, place)
        number, wire_type = tag >> 3, tag & 7
        value: int | bytes
        if wire_type == _VARINT:
            value, place = read_varint(content, place)
        elif wire_type in (_BYTES, _FIXED_64, _FIXED_32):
            length = 8 if wire_type == _FIXED_64 else 4
            if wire_type == _BYTES:
                length, place = read_varint(content, place)
            if place + length > end:
                raise CheckFailed("消息在一个字段中间结束。A message ends inside a field")
            value, place = content[place : place + length], place + length
        else:
            _follow_group(groups, number, wire_type)
            continue
        if not groups and wire_type in (_VARINT, _BYTES):
            fields.setdefault(number, []).append(value)
    if groups:
        raise CheckFailed("消息在一个组中间结束。A message ends inside a group")
    return fields


def _follow_group(groups: list[int], number: int, wire_type: int) -> None:
    """Enter or leave a group: no message of evidence has one, so what is inside is unknown."""
    if wire_type == _GROUP and len(groups) < _GROUPS_MAX:
        groups.append(number)
    elif wire_type != _GROUP_END or not groups or groups.pop() != number:
        raise CheckFailed(f"字段的类型 {wire_type} 不对。A field of wire type {wire_type}")


def integer(message: Message, number: int) -> int:
    """A numeric field of 64 bits, 0 where absent; the last one counts, as protobuf has it."""
    found = [value for value in message.get(number, ()) if isinstance(value, int)]
    return found[-1] if found else 0


def integer32(message: Message, number: int) -> int:
    """A numeric field of 32 bits, 0 where absent; longer numbers are cut, as protobuf has it."""
    return integer(message, number) & 0xFFFF_FFFF


def signed(message: Message, number: int) -> int:
    """An int64 field, 0 where absent."""
    value = integer(message, number)
    return value - (1 << 64) if value & _SIGN else value


def octets(message: Message, number: int) -> bytes:
    """A bytes field, empty where absent."""
    found = repeated(message, number)
    return found[-1] if found else b""


def inner(message: Message, number: int) -> Message:
    """A message field, empty where absent; one that stands twice is merged."""
    return read_message(b"".join(repeated(message, number)))


def text(message: Message, number: int) -> str:
    """A string field, empty where absent."""
    try:
        return octets(message, number).decode()
    except UnicodeDecodeError as error:
        raise CheckFailed(f"字段 {number} 不是文本。Field {number} is not text") from error


def repeated(message: Message, number: int) -> list[bytes]:
    """A repeated message field, in order."""
    return [value for value in message.get(number, ()) if isinstance(value, bytes)]
