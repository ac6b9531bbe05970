"""What the portal is made of: everything it reaches is handed in, nothing is looked up."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, cast

from starlette.requests import HTTPConnection

from kashi_server.domain.assignment_draft import AssignmentDraft
from kashi_server.domain.closing_day import ClosingCalendar
from kashi_server.portal.pace import Pace
from kashi_server.services.assignment import Assigning
from kashi_server.services.assignment_views import AssignmentViews, ContractRow
from kashi_server.services.claim_desk import ClaimDesk
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.confirming import Confirming
from kashi_server.services.paper_desk import PaperDesk
from kashi_server.services.sessions import SessionKeeping
from kashi_server.services.sight import Reader
from kashi_server.services.stated_desk import StatedDesk
from kashi_server.services.tokens import IssuedToken
from kashi_server.services.trails import Explaining
from kashi_server.services.views import Views


class TokenDesk(Protocol):
    """Hands out enrolment tokens."""

    def issue_token(self, operator_party_id: str, issued_by: str, lifetime_ms: int) -> IssuedToken:
        """A fresh token for one host of a party.

        Raises:
            InvalidValue: there is no such party code, or the lifetime is out of bounds.
        """


class SheetDesk(Protocol):
    """Makes and reads the spreadsheet of proposals."""

    def template(self, contracts: Sequence[ContractRow]) -> bytes:
        """An XLSX file with the heads, and the contracts that its rows may name."""

    def read(self, content: bytes) -> list[AssignmentDraft]:
        """The proposals of a filled-in template.

        Raises:
            SheetRefused: every mistake with its row and column.
        """


class PackDesk(Protocol):
    """Makes the pack of a claim."""

    def pack(self, shown: ShownClaim, reader: Reader) -> bytes:
        """Everything that the claim needs, in one archive, for its company and the office.

        Raises:
            NotFound: the reader is neither.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class PortalParts:
    """The portal's dependencies.

    Attributes:
        clock: UTC milliseconds.
        demo: the server is a demonstration; every page says so.
        assignments: reads as the portal's role; `assigning` writes what a side did, after the
            reader's own look has found the contract or assignment.
        stated: reads likewise, and writes what a side says to stated usage.
        papers, claims: read as the portal's role and write likewise; `packing` makes packs.
        explaining: walks trails as the owner, for the office alone.
        confirming: takes both parties' confirmations of certificates.
        pace: how often one address may ask the public pages.
        enrolment_address: tells host and port that agents enrol at, for the install command.
        version: of the server, shown in the footer.
        calendar: when months close, which pages announce.
    """

    sessions: SessionKeeping
    views: Views
    tokens: TokenDesk
    assignments: AssignmentViews
    assigning: Assigning
    stated: StatedDesk
    sheets: SheetDesk
    papers: PaperDesk
    claims: ClaimDesk
    packing: PackDesk
    explaining: Explaining
    confirming: Confirming
    clock: Callable[[], int]
    demo: bool
    pace: Pace
    enrolment_address: Callable[[], str]
    version: str
    calendar: ClosingCalendar = field(default_factory=ClosingCalendar)


def parts_of(connection: HTTPConnection) -> PortalParts:
    """The parts of the app that serves a request."""
    return cast("PortalParts", connection.app.state.parts)
