"""Parts and amendments of contracts, declarations, projects and provider lists in the database."""

from collections.abc import Sequence
from datetime import date
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from kashi_server.domain.contract_terms import Amendment, ContractPart, ContractTerms
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.interval import SHANGHAI, instant_of, minute_of_day
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.storage.tables.papers import (
    contract_amendments,
    contract_parts,
    project_descriptions,
    provider_listings,
    related_declarations,
)


class ContractPapersRepository:
    """Speaks through one connection; see `services.papers_port`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def amendments(self) -> Sequence[Amendment]:
        """All amendments, by contract and in their order."""
        query = select(contract_amendments).order_by(contract_amendments.c.contract_id)
        found = [_amendment(row) for row in self._connection.execute(query)]
        return sorted(found, key=lambda one: (one.contract_id, one.order))

    def parts(self) -> Sequence[ContractPart]:
        """All parts, by contract, amendment and name."""
        columns = contract_parts.c
        query = select(contract_parts).order_by(
            columns.contract_id, columns.amendment, columns.part
        )
        return [_part(row) for row in self._connection.execute(query)]

    def terms(self, contract_id: str) -> ContractTerms:
        """Parts and amendments of one contract; empty where nothing was stated."""
        columns = contract_parts.c
        of_parts = (
            select(contract_parts)
            .where(columns.contract_id == contract_id)
            .order_by(columns.amendment, columns.part)
        )
        of_amendments = select(contract_amendments).where(
            contract_amendments.c.contract_id == contract_id
        )
        found = [_amendment(row) for row in self._connection.execute(of_amendments)]
        return ContractTerms(
            contract_id=contract_id,
            parts=tuple(_part(row) for row in self._connection.execute(of_parts)),
            amendments=tuple(sorted(found, key=lambda one: one.order)),
        )

    def declarations(self, contract_id: str | None = None) -> Sequence[RelatedDeclaration]:
        """Declarations, of all contracts or one, by contract and day."""
        columns = related_declarations.c
        query = select(related_declarations).order_by(columns.contract_id, columns.declared_on)
        if contract_id is not None:
            query = query.where(columns.contract_id == contract_id)
        return [
            RelatedDeclaration(
                contract_id=row.contract_id,
                declared_on=date.fromisoformat(row.declared_on),
                unrelated=row.unrelated,
                document=row.document,
            )
            for row in self._connection.execute(query)
        ]

    def projects(self, contract_id: str | None = None) -> Sequence[ProjectDescription]:
        """Descriptions of projects, of all contracts or one, by contract and day."""
        columns = project_descriptions.c
        query = select(project_descriptions).order_by(columns.contract_id, columns.stated_on)
        if contract_id is not None:
            query = query.where(columns.contract_id == contract_id)
        return [_project(row) for row in self._connection.execute(query)]

    def listings(self, provider_id: str | None = None) -> Sequence[ProviderListing]:
        """Listings, of all providers or one, by id."""
        query = select(provider_listings).order_by(provider_listings.c.listing_id)
        if provider_id is not None:
            query = query.where(provider_listings.c.provider_id == provider_id)
        return [_listing(row) for row in self._connection.execute(query)]

    def put_amendment(self, amendment: Amendment) -> None:
        """Add an amendment; it never changes."""
        self._connection.execute(
            insert(contract_amendments).values(
                contract_id=amendment.contract_id,
                number=amendment.number,
                signed_on=amendment.signed_on.isoformat(),
                effective_minute=amendment.effective,
                document=amendment.document,
                changes_end=amendment.changes_end,
                end_minute=amendment.end,
                end_before_minute=amendment.end_before,
            )
        )

    def put_part(self, part: ContractPart) -> None:
        """Add a part; it never changes."""
        self._connection.execute(
            insert(contract_parts).values(
                contract_id=part.contract_id,
                amendment=part.amendment,
                part=part.part,
                item=part.item,
                ex_tax_fen=part.ex_tax_fen,
                tax_fen=part.tax_fen,
                domestic=part.domestic,
                owned=part.owned,
            )
        )

    def put_declaration(self, declaration: RelatedDeclaration) -> None:
        """Add a declaration; it never changes."""
        self._connection.execute(
            insert(related_declarations).values(
                contract_id=declaration.contract_id,
                declared_on=declaration.declared_on.isoformat(),
                unrelated=declaration.unrelated,
                document=declaration.document,
            )
        )

    def put_project(self, project: ProjectDescription) -> None:
        """Add a description; it never changes."""
        self._connection.execute(
            insert(project_descriptions).values(
                contract_id=project.contract_id,
                stated_on=project.stated_on.isoformat(),
                project=project.project,
                purpose=project.purpose,
                document=project.document,
                site=project.site,
                contact=project.contact,
            )
        )

    def put_listing(self, listing: ProviderListing) -> None:
        """Add a listing, or set its end."""
        until = listing.listed_until
        values = {
            "provider_id": listing.provider_id,
            "batch": listing.batch,
            "service_item": listing.service_item,
            "start_minute": minute_of_day(listing.listed_from),
            "end_minute": None if until is None else minute_of_day(until),
            "document": listing.document,
        }
        here = provider_listings.c.listing_id == listing.listing_id
        changed = self._connection.execute(update(provider_listings).where(here).values(**values))
        if changed.rowcount == 0:
            self._connection.execute(
                insert(provider_listings).values(listing_id=listing.listing_id, **values)
            )


def _amendment(row: Row[Any]) -> Amendment:
    return Amendment(
        contract_id=row.contract_id,
        number=row.number,
        signed_on=date.fromisoformat(row.signed_on),
        effective=row.effective_minute,
        document=row.document,
        changes_end=row.changes_end,
        end=row.end_minute,
        end_before=row.end_before_minute,
    )


def _part(row: Row[Any]) -> ContractPart:
    return ContractPart(
        contract_id=row.contract_id,
        amendment=row.amendment,
        part=row.part,
        item=row.item,
        ex_tax_fen=row.ex_tax_fen,
        tax_fen=row.tax_fen,
        domestic=row.domestic,
        owned=row.owned,
    )


def _project(row: Row[Any]) -> ProjectDescription:
    return ProjectDescription(
        contract_id=row.contract_id,
        stated_on=date.fromisoformat(row.stated_on),
        project=row.project,
        purpose=row.purpose,
        document=row.document,
        site=row.site,
        contact=row.contact,
    )


def _listing(row: Row[Any]) -> ProviderListing:
    return ProviderListing(
        listing_id=row.listing_id,
        provider_id=row.provider_id,
        batch=row.batch,
        service_item=row.service_item,
        listed_from=_day(row.start_minute),
        document=row.document,
        listed_until=None if row.end_minute is None else _day(row.end_minute),
    )


def _day(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()
