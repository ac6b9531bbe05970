"""Agreements as an officer writes them into a file for `import`: one provider, one company.

Each is a table with an empty line behind it, so that tables are put together with `+`. Days are
those of Asia/Shanghai.
"""

from typing import Final

from expense_cases import H100, PROVIDER, TENANT

_MIDNIGHT: Final = "T00:00:00+08:00"


def two_parties(district: str = "") -> str:
    """The provider, and the company that rents."""
    where = f'district = "{district}"\n' if district else ""
    return f"""\
[[party]]
party_id = "{PROVIDER}"
kind = "provider"
name_zh = "示例算力服务"

[[party]]
party_id = "{TENANT}"
kind = "company"
name_zh = "示例智能科技"
{where}
"""


def tenure_text(host_id: str, since: str = "2026-09-01") -> str:
    """The provider's host, leased out."""
    return f"""\
[[tenure]]
host_id = "{host_id}"
owner = "{PROVIDER}"
operator = "{PROVIDER}"
kind = "leased_out"
from = {since}{_MIDNIGHT}

"""


def contract_text(since: str = "2026-09-01", signed_on: str = "2026-08-20") -> str:
    """Contract HT-1 between the two."""
    return f"""\
[[contract]]
contract_id = "HT-1"
provider = "{PROVIDER}"
user = "{TENANT}"
signed_on = {signed_on}
from = {since}{_MIDNIGHT}

"""


def assignment_text(hardware_id: str, since: str, *, confirmed: bool = False) -> str:
    """A device for the contract, proposed by the provider."""
    answer = f'confirmed_by = "{TENANT}"\n' if confirmed else ""
    return f"""\
[[assignment]]
assignment_id = "A-1"
contract = "HT-1"
hardware_id = "{hardware_id}"
from = {since}{_MIDNIGHT}
proposed_by = "{PROVIDER}"
{answer}
"""


def price_text(yuan: str = "12.50", since: str = "2026-09-01", model: str = H100) -> str:
    """A price of the contract for each hour that a card is leased and observed."""
    return f"""\
[[price]]
price_id = "P-1"
contract = "HT-1"
model = "{model}"
yuan_per_card_hour = "{yuan}"
basis = "leased_observed"
from = {since}{_MIDNIGHT}

"""
