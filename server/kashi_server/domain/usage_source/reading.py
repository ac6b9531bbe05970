"""What reading a source file gives: records by contract, what was passed over, and mistakes."""

import csv
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Final, TypeVar

from kashi_server.domain.attestation import SourceKind, StatedRecord
from kashi_server.domain.hardware_name import named_device, names_partition, vendors_id
from kashi_server.domain.interval import MINUTE_MS, Month
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.domain.usage_source.instants import instant_ms
from kashi_server.domain.usage_source.mapping import UsageMapping
from kashi_server.domain.usage_source.values import Row, SkippedRow
from kashi_server.errors import InvalidValue

MISTAKES_MAX: Final = 200
"""Mistakes of one file that are listed; whoever has more mends those first."""

OTHER_ROW: Final = "other_row"
OTHER_CONTRACT: Final = "other_contract"


T = TypeVar("T")


class FieldWrong(InvalidValue):
    """A column of a row says what cannot be."""

    def __init__(self, column: str, message: str) -> None:
        super().__init__(message)
        self.column = column


def field_of(column: str, read: Callable[[], T]) -> T:
    """What a column says.

    Raises:
        FieldWrong: it says nothing that can be read.
    """
    try:
        return read()
    except InvalidValue as error:
        raise FieldWrong(column, str(error)) from error


def unit_of(mapping: UsageMapping, row: Row) -> tuple[str, bool]:
    """The unit of a row and whether that is a hardware id: only in the vendor's own form is it one,
    whatever the mapping says. What is none is a name within the site.

    Raises:
        FieldWrong: the row names none, or what no vendor's id is where a bill's mapping says ids.
    """
    column = mapping.unit.column
    named = field_of(column, lambda: mapping.unit.of(row))
    if not mapping.identified:
        return f"{mapping.site}/{named}", False
    hardware_id = vendors_id(named, mapping.vendor)
    # The mapping of a series says nothing of its label, so it promises nothing either.
    if mapping.kind is SourceKind.BILL and not (hardware_id or _speaks_of_device(named)):
        raise FieldWrong(
            column,
            f"“{named}”不是厂商的硬件编号；unit 如为实例等名称，请从映射文件中去掉 identified。"
            f"'{named}' is no vendor's hardware id; where units are names, as of instances, take"
            " `identified` out of the mapping",
        )
    return hardware_id or f"{mapping.site}/{named}", hardware_id is not None


def _speaks_of_device(named: str) -> bool:
    """It holds an id in another spelling, or names a part of a card: those are judged later."""
    return named_device(named) is not None or names_partition(named, as_id=True)


def span_of(mapping: UsageMapping, row: Row, start: str, end: str) -> tuple[int, int]:
    """Start and end of a row in UTC milliseconds, from the columns so named.

    Raises:
        FieldWrong: one of them is no time, or the row ends before it starts.
    """
    start_ms = field_of(start, lambda: instant_ms(row[start], mapping.offset))
    end_ms = field_of(end, lambda: instant_ms(row[end], mapping.offset))
    if end_ms < start_ms:
        raise FieldWrong(
            end, f"结束于 {row[end]}，早于其开始。ends at {row[end]}, before its start"
        )
    return start_ms, end_ms


@dataclass(slots=True, kw_only=True)
class Reading:
    """A file as it is read. `skipped` counts rows passed over, by why."""

    file: str
    mapping: UsageMapping
    records: dict[str, list[StatedRecord]] = field(default_factory=dict)
    skipped: Counter[str] = field(default_factory=Counter)
    mistakes: list[Mistake] = field(default_factory=list)

    def wrong(self, line: int, name: str, message: str) -> None:
        """Note a mistake.

        Raises:
            MistakesFound: there are too many to go on.
        """
        self.mistakes.append(Mistake(file=self.file, line=line, field=name, message=message))
        if len(self.mistakes) >= MISTAKES_MAX:
            raise MistakesFound(self.mistakes)

    def take(self, contract_id: str, record: StatedRecord) -> None:
        """Keep a record, unless it cannot be placed in one month."""
        first = record.minutes.start
        last = (record.end_utc_ms - 1) // MINUTE_MS
        if not record.whole and Month.of(first) != Month.of(last):
            self.wrong(
                record.line,
                "",
                f"“{record.unit_id}”跨过 {Month.of(first)} 的月末，"
                f"{record.end_utc_ms - record.start_utc_ms} 毫秒中"
                f"只写明用量 {record.stated_ms} 毫秒，无从得知属于哪个月；请按月导出。"
                f"'{record.unit_id}' crosses the end of {Month.of(first)} and states"
                f" {record.stated_ms} ms of {record.end_utc_ms - record.start_utc_ms} ms: nobody"
                " can tell in which month; have it exported month by month",
            )
            return
        self.records.setdefault(contract_id, []).append(record)

    def finish(self) -> "Reading":
        """The reading, if nothing was wrong.

        Raises:
            MistakesFound: something was.
        """
        if self.mistakes:
            raise MistakesFound(self.mistakes)
        return self


def decoded(reading: Reading, content: bytes) -> str:
    """A file's text; a byte order mark at its head is no part of it.

    Raises:
        MistakesFound: it is not encoded as the mapping says.
    """
    encoding = "utf-8-sig" if reading.mapping.encoding == "utf-8" else reading.mapping.encoding
    try:
        return content.decode(encoding)
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        mistake = Mistake(
            file=reading.file,
            line=line,
            field="",
            message=f"不是 {reading.mapping.encoding} 编码；请在映射文件中写明其编码。"
            f"is not {reading.mapping.encoding}: {error.reason}; say its encoding in the"
            " mapping",
        )
        raise MistakesFound([mistake]) from error


def csv_rows(reading: Reading, text: str, delimiter: str) -> Iterator[tuple[int, Row]]:
    """Line and row of every row that the mapping keeps.

    Raises:
        MistakesFound: there is no head, or it lacks a column.
    """
    lines = csv.reader(text.splitlines(keepends=True), delimiter=delimiter, strict=True)
    try:
        head = [name.strip() for name in next(lines, [])]
        check_head(reading, head)
        for cells in lines:
            if not any(cell.strip() for cell in cells):
                continue
            row = row_of(reading, lines.line_num, head, cells)
            if row is not None:
                yield lines.line_num, row
    except csv.Error as error:
        reading.wrong(lines.line_num, "", f"不是 CSV。is no CSV: {error}")


def check_head(reading: Reading, head: list[str], *virtual: str) -> None:
    """Refuse a head that lacks a column of the mapping, or has one twice; `virtual` ones are made.

    Raises:
        MistakesFound: all that is wrong with it.
    """
    if not any(head):
        reading.wrong(1, "", "为空。is empty")
    for name in sorted({name for name in head if name and head.count(name) > 1}):
        reading.wrong(1, name, "在表头中出现两次。stands twice in the head")
    for name in reading.mapping.columns:
        if name not in head and name not in virtual:
            known = ", ".join(name for name in head if name)
            reading.wrong(
                1,
                name,
                f"没有这一列；表头有 {known}。there is no such column; the head has {known}",
            )
    reading.finish()


def row_of(reading: Reading, line: int, head: list[str], cells: list[str]) -> Row | None:
    """A row by its columns, or None where it is wrong or passed over."""
    if len(cells) != len(head):
        reading.wrong(
            line,
            "",
            f"有 {len(cells)} 列，而表头有 {len(head)} 列。"
            f"has {len(cells)} columns; the head has {len(head)}",
        )
        return None
    row = dict(zip(head, cells, strict=True))
    if not reading.mapping.kept(row):
        reading.skipped[OTHER_ROW] += 1
        return None
    return row


def contract_of(reading: Reading, line: int, row: Row) -> str | None:
    """The contract of a row, or None where it has none here."""
    chosen = reading.mapping.contract
    try:
        return chosen.of(row)
    except SkippedRow:
        reading.skipped[OTHER_CONTRACT] += 1
    except InvalidValue as error:
        reading.wrong(line, chosen.column, str(error))
    return None
