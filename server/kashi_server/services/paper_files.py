"""Files of papers, whatever their format, as told invoices and payments.

The format is found by content: XLSX, XML, or text; text is CSV, or TOML where the name ends so.
"""

from collections.abc import Callable, Sequence
from typing import Final

from kashi_server.domain.contract import Contract
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.errors import InvalidValue
from kashi_server.services.invoice_sheet import Sides, read_invoice_sheets, sides_of
from kashi_server.services.invoice_xml import read_invoice_xml
from kashi_server.services.paper_mapping import PaperMapping
from kashi_server.services.papers_port import PapersWork
from kashi_server.services.payment_sheet import read_payment_sheets, read_payment_toml
from kashi_server.services.sheets import Sheet, SheetReader, read_csv
from kashi_server.services.told import Read

_ZIP: Final = b"PK\x03\x04"
_BLANK: Final = b"\xef\xbb\xbf \t\r\n"


class PaperFiles:
    """Reads files of papers."""

    def __init__(self, read_xlsx: SheetReader, contracts: Callable[[], Sequence[Contract]]) -> None:
        """With a reader of spreadsheets, and the contracts whose papers are taken."""
        self._read_xlsx = read_xlsx
        self._contracts = contracts

    def invoices(self, name: str, content: bytes, mapping: PaperMapping | None = None) -> Read:
        """The invoices of an XLSX, CSV or XML file that are between the sides of contracts.

        Raises:
            MistakesFound: every mistake with file, row and column.
        """
        known = mapping or PaperMapping()
        if content.lstrip(_BLANK).startswith(b"<") or content.startswith(
            (b"\xff\xfe", b"\xfe\xff")
        ):
            return read_invoice_xml(content, name, self._sides(), known)
        return read_invoice_sheets(self._sheets(name, content), name, self._sides(), known)

    def payments(self, name: str, content: bytes, mapping: PaperMapping | None = None) -> Read:
        """The payments of an XLSX, CSV or TOML file.

        Raises:
            MistakesFound: every mistake with file, row or line, and column or field.
        """
        if name.lower().endswith(".toml"):
            return read_payment_toml(_utf8(name, content), name)
        return read_payment_sheets(self._sheets(name, content), name, mapping or PaperMapping())

    def _sheets(self, name: str, content: bytes) -> Sequence[Sheet]:
        try:
            if content.startswith(_ZIP):
                return self._read_xlsx(content)
            return [read_csv(content)]
        except InvalidValue as error:
            raise _unreadable(name, error) from error

    def _sides(self) -> Sides:
        contracts = self._contracts()
        return sides_of([(one.contract_id, one.provider_id, one.user_id) for one in contracts])


def contracts_of(work: PapersWork) -> Callable[[], Sequence[Contract]]:
    """The contracts of a database, read when asked for."""

    def read() -> Sequence[Contract]:
        with work.begin(writes=False) as unit:
            return unit.expense.contracts()

    return read


def _utf8(name: str, content: bytes) -> str:
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        told = InvalidValue(f"不是 UTF-8 编码。it is not UTF-8: {error}")
        raise _unreadable(name, told) from error


def _unreadable(name: str, error: Exception) -> MistakesFound:
    return MistakesFound([Mistake(file=name, line=1, field="", message=str(error))])
