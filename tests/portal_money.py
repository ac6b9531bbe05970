"""Money for tests of the portal: papers of both companies and an open batch with a pool."""

from claim_cases import (
    APPLIED_MS,
    BATCH_ID,
    CLOSES,
    FIRST,
    LAST,
    OFFICER,
    OPENS,
    POOL_FEN,
    add_papers,
    rules,
)
from fixtures_certificates import CertifiedMonth
from kashi_server.domain.budget import Act
from kashi_server.domain.claim_content import ClaimContent, Declared
from kashi_server.services.batches import Batches, batch_under
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claims import Acting, Claims, Why
from kashi_server.services.ledger import Ledger
from kashi_server.services.rulebook import Rulebook


def open_batch(month: CertifiedMonth) -> Claims:
    """Add papers, open a batch as its officer, fill its pool; what keeps its claims."""
    work, clock = month.work, month.clock
    clock.now_ms = APPLIED_MS
    add_papers(work)
    version = rules()
    Rulebook(work, clock).register([version])
    batch = batch_under(
        version,
        batch_id=BATCH_ID,
        year=2026,
        opens_on=OPENS,
        closes_on=CLOSES,
        documents=("深科创〔2026〕1号",),
    )
    Batches(work, clock).open(OFFICER, batch, version, Why(reason="申报通知"))
    act = Act(key=f"appropriate/{BATCH_ID}", officer="officer, second", reason="预算文件")
    Ledger(work, clock).post(budget_of(version, 2026).appropriate(act, POOL_FEN))
    return Claims(work, clock)


def draft(claims: Claims, login: str, contract_id: str) -> str:
    """A company's draft with every paper that is there; its id."""
    content = ClaimContent(
        contract_ids=(contract_id,),
        first=FIRST,
        last=LAST,
        other_money=(),
        declared=Declared(
            kind="企业", legal_person=True, listed_provider=False, purpose="training"
        ),
    )
    stored = claims.draft(Acting(login=login), BATCH_ID, content, gather=True)
    return stored.claim.claim_id
