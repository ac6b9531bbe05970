"""Asking the lists of providers: was a provider's service item listed on a day?"""

from collections.abc import Sequence
from datetime import date
from typing import Protocol

from kashi_server.domain.listing import ProviderListing, listed_at
from kashi_server.services.papers_port import ContractPapersPort


class ListsUnit(Protocol):
    """A unit of work as lists need it."""

    @property
    def papers(self) -> ContractPapersPort:
        """Provider lists."""


def listing_on(
    unit: ListsUnit, provider_id: str, day: date, service_item: str | None = None
) -> ProviderListing | None:
    """The listing of a provider's service item on a day; without an item, of any of its items.

    None says that no list here has it, which is not that no list has it: see `any_listed`.
    """
    return listed_at(unit.papers.listings(provider_id), provider_id, service_item, day)


def any_listed(unit: ListsUnit) -> bool:
    """Whether any list was imported at all: without one nobody knows who is listed."""
    return bool(unit.papers.listings())


def listings_on(unit: ListsUnit, day: date | None) -> Sequence[ProviderListing]:
    """Listings that hold on a day, by provider, item and start; without a day, all of them."""
    found = [one for one in unit.papers.listings() if day is None or one.holds(day)]
    return sorted(found, key=lambda one: (*one.key, one.listed_from))
