"""Papers that come in later about contract HT-A and its provider, as files to import."""

from fixtures_certificates import COMPANY_A, PROVIDER


def amendment(contract_id: str = "HT-A", accelerator_yuan: str = "100.00") -> str:
    """An amendment by which a contract's compute is for another amount."""
    return f"""\
[[amendment]]
contract = "{contract_id}"
number = "补-1"
signed_on = 2026-11-02
from = 2026-11-05T00:00:00+08:00
document = "补充协议一"

[[contract_part]]
contract = "{contract_id}"
amendment = "补-1"
item = "accelerator"
ex_tax_yuan = "{accelerator_yuan}"
tax_yuan = "0.00"
"""


def declaration(unrelated: str) -> str:
    """Both sides declare how they stand to each other."""
    return f"""\
[[declaration]]
contract = "HT-A"
declared_on = 2026-11-05
unrelated = {unrelated}
document = "关联声明"
"""


def listing(until: str = "") -> str:
    """The provider's training service is listed, perhaps no longer."""
    end = f"listed_until = {until}\n" if until else ""
    return f"""\
[[listing]]
listing_id = "L-1"
provider = "{PROVIDER}"
batch = "第一批"
service_item = "训练"
listed_from = 2026-01-01
document = "名单"
{end}"""


def founded(day: str, name_zh: str = "深圳甲智能") -> str:
    """The company of contract HT-A as the register has it, founded on a day."""
    return f"""\
[[party]]
party_id = "{COMPANY_A}"
kind = "company"
name_zh = "{name_zh}"
established_on = {day}
"""
