"""Bills that a provider states and the company countersigns, over a real database."""

import json
from collections.abc import Sequence

from corrected_months import Books
from expense_cases import END, OTHER_TENANT, PROVIDER, TENANT
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.services.acting import Acting
from kashi_server.services.stating import SourceFile, Taken, UsageStating
from kashi_server.storage.unit_of_work import Work
from kashi_verify.arithmetic import check_arithmetic
from usage_samples import BILL

COMPANY = Acting(actor="company-a", party_id=TENANT)
SELLER = Acting(actor="provider-a", party_id=PROVIDER)
STRANGER = Acting(actor="company-b", party_id=OTHER_TENANT)
OFFICE = Acting(actor="officer-a")
RENTED = "KS-2026-10-HT-1"
NOW_MS = (END + 4 * 1440) * MINUTE_MS


def hour_row(hour: int, *, used: int = 3600, instance: str = "i-1", day: int = 1) -> str:
    """A row of a bill: an hour of an instance with 8 cards in October."""
    return (
        f"{instance},8,2026-10-{day:02d} {hour:02d}:00:00,"
        f"2026-10-{day:02d} {hour + 1:02d}:00:00,{used}\n"
    )


def taking(
    work: Work, *sources: str, mapping: str = BILL, names: Sequence[str] = ("bill.csv",)
) -> Taken:
    """Take files as the provider's statement."""
    files = [
        SourceFile(names[place % len(names)], source.encode())
        for place, source in enumerate(sources)
    ]
    return stating(work).take(SourceFile("mapping.toml", mapping.encode()), files, "officer-a")


def stating(work: Work) -> UsageStating:
    """The service, a few days after October."""
    return UsageStating(work, lambda: NOW_MS)


def countersigned(work: Work, taken: Taken) -> None:
    """The company agrees to everything."""
    for one in taken.attestations:
        stating(work).countersign(one.attestation_id, COMPANY, "对账单已核对")


def stated_lines(books: Books, revision: int = 1) -> list[dict[str, object]]:
    """The lines of October's statement that rest on a provider's statement."""
    content = json.loads(books.statements()[RENTED, revision].content)
    check_arithmetic(content)
    return [line for line in content["lines"] if "stated" in line]
