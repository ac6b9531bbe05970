"""Claims: what companies, providers and officers do with them, each with the acting account.

    claims = Claims(work, clock)
    claims.submit(Acting(login="clerk"), "SQ-2026-0001")

Every method takes who acts and leaves nothing behind when it is refused. What two officers decide
may be called with both logins, or by one after the other: the first call waits (`Taken.awaits`).
"""

from kashi_server.services.claim_beside import ClaimBeside
from kashi_server.services.claim_clearing import ClaimClearing
from kashi_server.services.claim_filing import ClaimFiling
from kashi_server.services.claim_paper_telling import ClaimPaperTelling
from kashi_server.services.claim_reading import ClaimReading
from kashi_server.services.claim_recovering import ClaimRecovering
from kashi_server.services.claim_reviewing import ClaimReviewing
from kashi_server.services.claim_spending import ClaimSpending
from kashi_server.services.claim_steps import Acting, Taken, Why
from kashi_server.services.claim_telling import ClaimTelling


class Claims(
    ClaimFiling,
    ClaimReviewing,
    ClaimSpending,
    ClaimClearing,
    ClaimRecovering,
    ClaimPaperTelling,
    ClaimTelling,
    ClaimBeside,
    ClaimReading,
):
    """Everything that is done with claims."""


__all__ = ["Acting", "Claims", "Taken", "Why"]
