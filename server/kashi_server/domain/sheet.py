"""A sheet that people filled in: rows of text, and what is wrong with them, cell by cell."""

from collections.abc import Iterable
from dataclasses import dataclass

from kashi_server.errors import ImportRefused

MISTAKES_TOLD = 100
"""More than that are counted, not told: who fixes these uploads again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetRow:
    """A row as it stands: its number as the spreadsheet shows it, and its cells as exact text.

    An empty cell is "". A date is `2026-10-01`, an instant `2026-10-01T10:20:00`, without zone, as
    spreadsheets have none; a number is written out exactly as the file has it.
    """

    number: int
    cells: tuple[str, ...]

    def cell(self, place: int) -> str:
        """A cell without surrounding blanks; "" beyond the last one that holds something."""
        return self.cells[place].strip() if place < len(self.cells) else ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SheetMistake:
    """What is wrong in one cell and what to do; `row` 0 speaks of the whole file."""

    row: int
    column: str
    message: str

    def __str__(self) -> str:
        where = f"第 {self.row} 行 row {self.row}, {self.column}" if self.row else self.column
        return f"{where}: {self.message}" if where else self.message


class SheetRefused(ImportRefused):
    """A sheet with mistakes; nothing of it was taken."""

    def __init__(self, mistakes: Iterable[SheetMistake]) -> None:
        """Keep every mistake, in order of the rows."""
        self.mistakes = tuple(sorted(mistakes, key=lambda one: one.row))
        told = [str(one) for one in self.mistakes[:MISTAKES_TOLD]]
        if len(self.mistakes) > MISTAKES_TOLD:
            more = len(self.mistakes) - MISTAKES_TOLD
            told.append(f"……另有 {more} 处。… and {more} more")
        super().__init__("未接收任何内容。nothing was taken:\n" + "\n".join(told))


def sheet_mistake(message: str, column: str = "") -> SheetRefused:
    """The refusal of a whole file."""
    return SheetRefused([SheetMistake(row=0, column=column, message=message)])
