"""Which programmes ask for papers: what each shipped rules file needs."""

from kashi_server.services.claim_emptiness import rests_on_papers
from kashi_server.services.rulebook import shipped_rules


def test_only_programmes_that_count_invoices_or_payments_ask_for_papers() -> None:
    """Awards, opening awards, ranked and verified ones take a claim without any; so does a voucher
    that is applied for on the contract before anything is paid."""
    asking = {one.programme_id for one in shipped_rules() if rests_on_papers(one)}

    assert asking == {"national-ai-voucher", "shenzhen-compute-voucher"}
