"""A claim that names no paper: whether its rules let it stand on something else."""

from typing import Final

from kashi_server.domain.rules import RulesVersion
from kashi_server.errors import Refused
from kashi_server.services.claims_port import StoredClaim

CEILING: Final = "ceiling"


def rests_on_papers(rules: RulesVersion) -> bool:
    """Whether without any paper nothing is claimed under these rules.

    So it is where expense is shared and the rules count invoices, or payments or metered use
    without the contract as a ceiling of its own: what was not invoiced then comes to 0, and there
    is no other amount. Awards need none, nor does expense that an auditor verified; a contract that
    is a ceiling is itself what a voucher is applied for before anything is paid. Where nobody knows
    what counts, nothing is refused.
    """
    if rules.parameter("kind").value != "cost_share":
        return False
    factors = ("contract", "invoice", "payment", "metered", "verified")
    ceilings = {one for one in factors if rules.parameter(f"base.{one}").value == CEILING}
    if "invoice" in ceilings:
        return True
    return bool(ceilings & {"payment", "metered"}) and not ceilings & {"contract", "verified"}


def check_something(stored: StoredClaim) -> None:
    """Refuse to take a claim in which nothing is claimed.

    Raises:
        Refused: it names no statement, invoice or payment, and its rules rest on these.
    """
    if stored.content.names_papers or not rests_on_papers(stored.rules):
        return
    claim_id = stored.claim.claim_id
    raise Refused(
        f"申报 {claim_id} 没有列入任何结算单、发票或付款，无可申报的费用，不能提交。"
        "请先导入发票与付款、出具证明（invoices import、payments import、certify），再重新汇集票据"
        f"（claim add {claim_id} --gather，或在门户办理）；已列入其他申报的材料不能再次申报。"
        f"claim {claim_id} names no statement, invoice or payment: nothing is claimed, so it is not"
        " taken. Import invoices and payments and certify the month (invoices import, payments"
        f" import, certify), then gather papers again (claim add {claim_id} --gather, or on the"
        " portal); papers of another claim are not claimed again"
    )
