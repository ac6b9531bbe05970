"""Carry files: what is written is read, and every damage is one sentence with file and record."""

from pathlib import Path

import pytest
from kashi import limits
from kashi.carry import MAGIC, CarryFile, write_carry_file
from kashi.errors import FormError
from kashi.v1 import carry_pb2, metering_pb2

REPORTS = carry_pb2.CARRY_KIND_REPORTS
OPENING = carry_pb2.CarryOpening(kind=REPORTS, made_utc_ms=1, made_by="relay")
RECORDS = [
    carry_pb2.CarryRecord(
        reports=metering_pb2.SubmitRequest(host_id=f"host-{n}", reports=[bytes(9 * n), b"x"])
    )
    for n in range(3)
]


@pytest.fixture
def sound(tmp_path: Path) -> Path:
    """A file of three records."""
    path = tmp_path / "carried.reports"
    assert write_carry_file(path, OPENING, RECORDS) == 3
    return path


def test_what_is_written_is_read(sound: Path) -> None:
    """Records with their numbers, twice alike; the file is its owner's alone."""
    file = CarryFile(sound, REPORTS)

    assert file.opening == OPENING
    assert list(file.records()) == list(enumerate(RECORDS, start=1)) == list(file.records())
    assert sound.stat().st_mode & 0o777 == 0o600


def test_every_truncation_is_told(sound: Path) -> None:
    """A file cut at any byte is refused, and the message names it."""
    content = sound.read_bytes()
    for length in range(len(content)):
        sound.write_bytes(content[:length])
        with pytest.raises(FormError, match=r"carried\.reports\b") as why:
            CarryFile(sound, REPORTS)
        assert "\n" not in str(why.value)


def test_every_flipped_byte_is_told(sound: Path) -> None:
    """No byte of a file can differ unnoticed."""
    content = sound.read_bytes()
    for place in range(len(content)):
        sound.write_bytes(content[:place] + bytes([content[place] ^ 0x41]) + content[place + 1 :])
        with pytest.raises(FormError, match=r"carried\.reports\b"):
            CarryFile(sound, REPORTS)


def test_what_follows_the_end_is_told(sound: Path) -> None:
    """Two files one after the other are none."""
    sound.write_bytes(sound.read_bytes() + b"more than nothing")

    with pytest.raises(FormError, match="stands after the end"):
        CarryFile(sound, REPORTS)


def test_a_file_for_something_else_is_told(sound: Path) -> None:
    """Receipts are no reports."""
    with pytest.raises(FormError, match=r"opening\.kind is a file of reports, not a file of"):
        CarryFile(sound, carry_pb2.CARRY_KIND_RECEIPTS)


def test_what_is_no_carry_file_is_told_in_both_languages(tmp_path: Path) -> None:
    """In words, the file named and nothing of the program's own writing."""
    other = tmp_path / "other"
    other.write_bytes(b"no such thing")

    with pytest.raises(FormError) as refused:
        CarryFile(other, carry_pb2.CARRY_KIND_REPORTS)

    assert str(refused.value) == f"{other} 不是携带文件。{other} is no carry file"


def test_a_length_beyond_the_limit_is_not_read(sound: Path) -> None:
    """Four bytes make nobody allocate four gigabytes."""
    huge = (limits.CARRY_RECORD_BYTES_MAX + 1).to_bytes(4, "big") + bytes(4)
    sound.write_bytes(MAGIC + huge)

    with pytest.raises(FormError, match="record 0: length"):
        CarryFile(sound, REPORTS)


def test_a_file_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    """Whoever writes fails in the middle: no file stands under the name, no rest beside it."""

    def failing() -> "list[carry_pb2.CarryRecord]":
        raise OSError(28, "No space left on device")

    def records() -> "object":
        yield RECORDS[0]
        yield from failing()

    with pytest.raises(OSError, match="No space left"):
        write_carry_file(tmp_path / "x", OPENING, records())  # type: ignore[arg-type]  # a generator that fails
    assert list(tmp_path.iterdir()) == []
