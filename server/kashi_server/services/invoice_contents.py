"""Contents that were told of one invoice number, as each reader may see them.

The office sees all of them with who told each, and every decision. A party sees those that name it
as seller or buyer, without who told them, and only where one of these does not stand: of contents
between others it learns nothing, not even how many there are.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from kashi_server.domain.invoice import Invoice
from kashi_server.errors import NotFound
from kashi_server.services.acting import Acting
from kashi_server.services.invoice_versions import contested
from kashi_server.services.papers_port import (
    InvoiceDecision,
    InvoicesPort,
    InvoiceVersion,
    PapersLogPort,
)


class ContentsUnit(Protocol):
    """A unit of work as contents need it."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def log(self) -> PapersLogPort:
        """The log."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldContent:
    """A content of a number before a reader; `version`, `source`, `told_by` for the office only."""

    invoice: Invoice
    told_utc_ms: int
    stands: bool
    version: int | None = None
    source: str = ""
    told_by: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldContents:
    """What a reader may see of the contents of one number.

    `awaits`: two officers have not decided of all of them; told to the office only.
    """

    number: str
    contents: tuple[ToldContent, ...] = ()
    decisions: tuple[InvoiceDecision, ...] = ()
    awaits: bool = False

    @property
    def command(self) -> str:
        """What two officers type to decide."""
        return (
            f"kashi-server invoices decide {self.number} --version N --document DOCUMENT"
            " --reason REASON --officer LOGIN --officer LOGIN"
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class ContestedNumber:
    """A number of which two officers have to decide: its contents, and which stands until then."""

    number: str
    versions: tuple[InvoiceVersion, ...]
    standing: int

    @property
    def told_utc_ms(self) -> int:
        """When the last of them was told."""
        return max(one.told_utc_ms for one in self.versions)


def told_contents(unit: ContentsUnit, number: str, acting: Acting) -> ToldContents:
    """Contents of a number as somebody sees them; none where only one was ever told."""
    stored = unit.invoices.invoice(number)
    standing = None if stored is None else stored.version
    versions = unit.invoices.versions(number)
    if acting.party_id is None:
        return ToldContents(
            number=number,
            contents=tuple(_whole(one, standing) for one in versions),
            decisions=tuple(unit.invoices.decisions(number)),
            awaits=contested(unit, number),
        )
    # Under row-level security what stands between others is not there at all.
    own = [one for one in versions if acting.may_see(one.invoice.seller_id, one.invoice.buyer_id)]
    if all(one.version == standing for one in own):
        return ToldContents(number=number)
    return ToldContents(number=number, contents=tuple(_bare(one, standing) for one in own))


def told_beside(unit: ContentsUnit, number: str, acting: Acting) -> ToldContents:
    """Contents of a number of which none that stands is the party's.

    Raises:
        NotFound: none names it.
    """
    found = told_contents(unit, number, acting)
    if not found.contents:
        raise NotFound(f"没有发票 {number}，请先导入。there is no invoice {number}")
    return found


def contested_numbers(unit: ContentsUnit) -> Sequence[ContestedNumber]:
    """Every number that awaits a decision, the one that waits longest first; for the office."""
    found = []
    for number in unit.invoices.told_since_decided():
        if not contested(unit, number):
            continue
        stored = unit.invoices.invoice(number)
        assert stored is not None, f"invoice {number} has versions and is none"
        versions = tuple(unit.invoices.versions(number))
        found.append(ContestedNumber(number=number, versions=versions, standing=stored.version))
    return sorted(found, key=lambda one: (one.told_utc_ms, one.number))


def _whole(one: InvoiceVersion, standing: int | None) -> ToldContent:
    return ToldContent(
        invoice=one.invoice,
        told_utc_ms=one.told_utc_ms,
        stands=one.version == standing,
        version=one.version,
        source=one.source,
        told_by=one.told_by,
    )


def _bare(one: InvoiceVersion, standing: int | None) -> ToldContent:
    return ToldContent(
        invoice=one.invoice, told_utc_ms=one.told_utc_ms, stands=one.version == standing
    )
