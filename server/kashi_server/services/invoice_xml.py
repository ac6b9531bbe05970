"""An invoice from its own file: the XML of a 数电票.

The layout (root `EInvoice`) was taken from programs in public that read it, not from the standard's
text: see docs/papers.md for what is sourced and what is assumed. The file says nothing of how the
invoice stands today.
"""

import re
from typing import Final
from xml.etree.ElementTree import Element

from kashi_server.domain.invoice import Invoice, InvoiceLine, check_number
from kashi_server.domain.positioned import Mistake, MistakesFound
from kashi_server.domain.taxed import Taxed
from kashi_server.errors import InvalidValue
from kashi_server.services.invoice_sheet import Sides, parts_of
from kashi_server.services.paper_mapping import PaperMapping
from kashi_server.services.plain_xml import at, local_name, read_xml, text_at
from kashi_server.services.sheets import Cell, day, fen
from kashi_server.services.told import Place, Read, ToldInvoice

ROOT: Final = "EInvoice"
_DATA: Final = "EInvoiceData"
_BASIC: Final = (_DATA, "BasicInformation")
_BLUE: Final = re.compile(r"被红冲蓝字数电(?:发)?票号码\s*[:：]\s*(\d{20})(?!\d)")


def read_invoice_xml(content: bytes, file: str, sides: Sides, mapping: PaperMapping) -> Read:
    """The invoice of a file, where it is between the sides of a contract.

    Raises:
        MistakesFound: it is none, or fields of it are not what they must be; each named.
    """
    place = Place(file=file, row=1)
    try:
        root = read_xml(content)
    except InvalidValue as error:
        raise MistakesFound([place.mistake("", str(error))]) from error
    if local_name(root) != ROOT:
        raise MistakesFound(
            [
                place.mistake(
                    local_name(root), f"不是数电票（缺少 <{ROOT}>）。is not a 数电票: <{ROOT}>"
                )
            ]
        )
    reading = _Reading(root, place)
    pair = (
        reading.text(_DATA, "SellerInformation", "SellerIdNum"),
        reading.text(_DATA, "BuyerInformation", "BuyerIdNum"),
    )
    if pair not in sides:
        return Read(passed_by=1)
    invoice = reading.invoice(*pair)
    if reading.mistakes or invoice is None:
        raise MistakesFound(reading.mistakes)
    told = ToldInvoice(
        place=place, invoice=invoice, status=None, parts=parts_of(invoice, sides, mapping)
    )
    return Read(invoices=(told,))


class _Reading:
    def __init__(self, root: Element, place: Place) -> None:
        self.mistakes: list[Mistake] = []
        self._root = root
        self._place = place

    def text(self, *path: str) -> str:
        try:
            return text_at(self._root, *path)
        except InvalidValue as error:
            self._mistake("/".join(path), str(error))
            return ""

    def invoice(self, seller_id: str, buyer_id: str) -> Invoice | None:
        number = self._number()
        issued = self.text("TaxSupervisionInfo", "IssueTime") or self.text(*_BASIC, "RequestTime")
        try:
            issued_on = day(Cell(issued))
        except InvalidValue as error:
            self._mistake("TaxSupervisionInfo/IssueTime", str(error))
            return None
        amount = self._amount(
            self._root,
            ((*_BASIC, "TotalAmWithoutTax"), (*_BASIC, "TotalTaxAm")),
            (*_BASIC, "TotalTax-includedAmount"),
        )
        lines = self._lines()
        if self.mistakes or amount is None:
            return None
        try:
            return Invoice(
                number=number,
                issued_on=issued_on,
                seller_id=seller_id,
                buyer_id=buyer_id,
                seller_name=self.text(_DATA, "SellerInformation", "SellerName"),
                buyer_name=self.text(_DATA, "BuyerInformation", "BuyerName"),
                amount=amount,
                lines=lines,
                blue_number=self._blue() if amount.incl_fen < 0 else "",
            )
        except InvalidValue as error:
            self._mistake(ROOT, str(error))
            return None

    def _mistake(self, name: str, message: str) -> None:
        self.mistakes.append(self._place.mistake(name, message))

    def _number(self) -> str:
        path = ("TaxSupervisionInfo", "InvoiceNumber")
        number = self.text(*path) or self.text("Header", "EIid")
        try:
            return check_number(number)
        except InvalidValue as error:
            self._mistake("/".join(path), str(error))
            return ""

    def _lines(self) -> tuple[InvoiceLine, ...]:
        lines: list[InvoiceLine] = []
        for place, element in enumerate(at(self._root, _DATA, "IssuItemInformation"), 1):
            name = f"IssuItemInformation[{place}]"
            amount = self._amount(element, (("Amount",), ("ComTaxAm",)), None, name)
            if amount is None:
                continue
            try:
                said = text_at(element, "ItemName")
                lines.append(InvoiceLine(line=place, name=said, amount=amount))
            except InvalidValue as error:
                self._mistake(f"{name}/ItemName", str(error))
        return tuple(lines)

    def _amount(
        self,
        element: Element,
        paths: tuple[tuple[str, ...], tuple[str, ...]],
        incl_path: tuple[str, ...] | None,
        within: str = "",
    ) -> Taxed | None:
        fens: list[int] = []
        for path in (*paths, *([incl_path] if incl_path else [])):
            name = "/".join(filter(None, (within, *path)))
            try:
                fens.append(fen(Cell(text_at(element, *path))))
            except InvalidValue as error:
                self._mistake(name, str(error))
        if len(fens) < (3 if incl_path else 2):
            return None
        try:
            amount = Taxed(ex_tax_fen=fens[0], tax_fen=fens[1])
            if incl_path:
                amount.check_incl(fens[2])
        except InvalidValue as error:
            self._mistake("/".join(filter(None, (within, *(incl_path or paths[1])))), str(error))
            return None
        return amount

    def _blue(self) -> str:
        """The blue invoice that a red one names in its remark."""
        for element in self._root.iter():
            found = _BLUE.search(element.text or "") if local_name(element) == "Remark" else None
            if found:
                return found[1]
        return ""
