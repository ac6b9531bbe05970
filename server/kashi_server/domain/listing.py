"""A listed service item: what a programme's list of providers says, batch by batch.

The list is of provider × *service item* (服务项目), not of providers alone: one batch adds
providers, another new items of old ones. A listing names its batch (入库批次) and the document that
published it.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

from kashi_server.domain.contract import check_token
from kashi_server.domain.contract_terms import check_text
from kashi_server.domain.party import check_credit_code
from kashi_server.errors import InvalidValue


@dataclass(frozen=True, slots=True, kw_only=True)
class ProviderListing:
    """A service item of a provider, listed on the days [listed_from, listed_until)."""

    listing_id: str
    provider_id: str
    batch: str
    service_item: str
    listed_from: date
    document: str
    listed_until: date | None = None

    def __post_init__(self) -> None:
        """Refuse a listing without paper, or of no day."""
        check_token(self.listing_id, "listing_id")
        check_credit_code(self.provider_id)
        for name in ("batch", "service_item", "document"):
            check_text(getattr(self, name), name)
        if self.listed_until is not None and self.listed_until <= self.listed_from:
            raise InvalidValue(
                f"入库记录 {self.listing_id} 的结束日不晚于开始日。"
                f"listing {self.listing_id} ends before it begins"
            )

    def holds(self, day: date) -> bool:
        """Whether it holds on a day of Asia/Shanghai."""
        return self.listed_from <= day and (self.listed_until is None or day < self.listed_until)

    @property
    def key(self) -> tuple[str, str]:
        """Provider and service item: listed once at a time."""
        return self.provider_id, self.service_item


def check_listing(listing: ProviderListing, others: Iterable[ProviderListing]) -> None:
    """Refuse a second listing of one provider and item on one day.

    Raises:
        InvalidValue: they overlap; the message names the other one.
    """
    for other in others:
        if other.listing_id == listing.listing_id or other.key != listing.key:
            continue
        if other.holds(listing.listed_from) or listing.holds(other.listed_from):
            raise InvalidValue(
                f"{listing.provider_id} 的 {listing.service_item} 已在入库记录 {other.listing_id}"
                f"（{other.batch}）中；请先结束该记录。"
                f"{listing.service_item} of {listing.provider_id} is listed already by"
                f" {other.listing_id} ({other.batch}); end that listing first"
            )


def listed_at(
    listings: Iterable[ProviderListing], provider_id: str, service_item: str | None, day: date
) -> ProviderListing | None:
    """The listing of a provider's service item on a day; without an item, of any of its items."""
    for listing in sorted(listings, key=lambda one: (one.listed_from, one.listing_id)):
        if listing.provider_id != provider_id or not listing.holds(day):
            continue
        if service_item is None or listing.service_item == service_item:
            return listing
    return None
