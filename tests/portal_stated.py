"""Usage that the provider states of the portal's contracts, for tests of its pages."""

from fixtures_certificates import MODEL, PROVIDER, CertifiedMonth
from kashi_server.services.stating import SourceFile, UsageStating

TAKEN_BY = "officer"
HEAD = "instance,cards,from,to,used\n"


def mapping(contract_id: str) -> str:
    """How a cloud's bill of one contract is read."""
    return f"""\
format = "kashi/v1/usage-mapping"
provider = "{PROVIDER}"
vendor = "nvidia"
utc_offset = "+08:00"
kind = "bill"
site = "cloud-of-{contract_id}"
start = "from"
end = "to"
contract = {{ value = "{contract_id}" }}
model = {{ value = "{MODEL}" }}
cards = {{ column = "cards" }}
unit = {{ column = "instance" }}
quantity = {{ column = "used", unit = "second" }}
"""


def rows(instance: str) -> str:
    """Two hours of an instance with 8 cards: one at the end of September, one in October."""
    return (
        f"{instance},8,2026-09-30 08:00:00,2026-09-30 09:00:00,3600\n"
        f"{instance},8,2026-10-01 08:00:00,2026-10-01 09:00:00,1800\n"
    )


def source(contract_id: str, instance: str = "") -> SourceFile:
    """A cloud's bill of a contract; no two are the same file."""
    return SourceFile(
        f"bill-{contract_id}.csv", (HEAD + rows(instance or f"i-{contract_id}")).encode()
    )


def state(month: CertifiedMonth, contract_id: str, instance: str = "", by: str = TAKEN_BY) -> str:
    """Take a bill of a contract as the provider's statement; how people name it."""
    read_by = SourceFile("mapping.toml", mapping(contract_id).encode())
    stating = UsageStating(month.work, month.clock)
    return stating.take(read_by, [source(contract_id, instance)], by).attestations[0].attestation_id
