"""Rules that ask for E3: a claim passes with a confirmed key, and loses its use without."""

import json
from collections.abc import Callable
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path

import pytest
from claim_cases import BOTH, CLERK, OFFICER, WHY, add_accounts, add_papers, filed, rules
from claimed_tokens import claim_token, confirm_key, key_confirming, withdraw_key
from cryptography import x509
from fixtures_certificates import (
    CLOSE_UTC_MS,
    COMPANY_A,
    HOST_1,
    HOST_2,
    MONTH,
    PROVIDER,
    CertifiedMonth,
    make_month,
    write_files,
)
from kashi_server.domain.claim_states import ClaimState
from kashi_server.log.sequencer import sequence
from kashi_server.services.accounts import Role
from kashi_server.services.correcting import Correcting
from kashi_server.services.sight import Reader
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.tables.identity import hosts
from kashi_server.storage.unit_of_work import Work
from kashi_verify.findings import Level, Verdict
from kashi_verify.verification import Question, verify
from pypdf import PdfReader
from released_hosts import OFFICERS
from sqlalchemy import update

NOW = datetime(2026, 11, 1, tzinfo=UTC)
OFFICE = Reader(account_id=0, role=Role.OFFICER, party_id=None)
Confirmed = Callable[[Work, bool], CertifiedMonth]


@pytest.fixture
def certified(tmp_path: Path) -> Confirmed:
    """A certified month whose hosts claim tokens, which officers confirmed before it was closed, or
    did not."""

    def make(work: Work, confirmed: bool) -> CertifiedMonth:
        def claimed(work: Work) -> None:
            with work.begin() as unit:
                unit.connection.execute(update(hosts).values(operator_party_id=PROVIDER))
                unit.commit()
            keys = key_confirming(work, lambda: CLOSE_UTC_MS, tmp_path / "seen")
            for host_id in (HOST_1, HOST_2):
                claim_token(work, host_id)
                if confirmed:
                    confirm_key(keys, work, host_id)

        return make_month(work, once_agreed=claimed)

    return make


@pytest.mark.parametrize(
    ("confirmed", "least", "counts"),
    [(True, "E3", True), (False, "E3", False), (False, "E2", True), (True, "E2", True)],
)
def test_a_claim_under_rules_that_ask_for_hardware(
    work: Work, certified: Confirmed, *, confirmed: bool, least: str, counts: bool
) -> None:
    """The level that the statement keeps decides: with confirmed keys its lines count, with keys
    that only claim it they are refused by `min_evidence_level`, and nothing is left to pay."""
    certified(work, confirmed).issue()
    add_accounts(work)
    add_papers(work)
    asking = rules(min_evidence_level=f'"{least}"', base__metered='"ceiling"')
    ready = filed(work, asking)

    claim_id = ready.draft()
    ready.claims.submit(CLERK, claim_id)
    ready.claims.check(OFFICER, claim_id)

    evaluated = ready.claims.show(OFFICE, claim_id).evaluations[-1]
    (meter,) = [step for step in json.loads(evaluated.trace)["steps"] if step["step"] == "meter"]
    assert meter["bound"] == (None if counts else "min_evidence_level")
    assert evaluated.amount_fen is not None
    assert (evaluated.amount_fen > 0) == counts


def test_a_correction_of_levels_alone_is_told_to_a_paid_claim(
    work: Work, certified: Confirmed, tmp_path: Path
) -> None:
    """Paid under rules that ask for E3; then two officers withdraw the keys and the month is
    corrected. Not a fen of the statement changes, and yet the claim is suspended, with what was
    paid beside it and why nobody knows any more what it comes to."""
    month = certified(work, True)
    month.issue()
    add_accounts(work)
    add_papers(work)
    asking = rules(min_evidence_level='"E3"', base__metered='"ceiling"')
    ready = filed(work, asking)
    claim_id = ready.issued(1_00)
    ready.claims.use(CLERK, claim_id)
    ready.claims.redeem(CLERK, claim_id)
    ready.claims.verify(OFFICER, claim_id, WHY)
    ready.claims.pay(BOTH, claim_id, WHY)
    keys = key_confirming(work, ready.clock, tmp_path / "seen")
    for host_id in (HOST_1, HOST_2):
        withdraw_key(keys, host_id)
    correcting = Correcting(
        work,
        lambda: sequence(work, month.keyring, ready.clock),
        ready.clock,
        demo=False,
        watches=[ready.claims],
    )
    made = correcting.make(MONTH, OfficersDecision(officers=OFFICERS, reason="token lost"))

    assert made is not None
    shown = ready.claims.show(OFFICE, claim_id)
    assert shown.stored.claim.state is ClaimState.SUSPENDED
    event = shown.events[-1]
    assert (event.terms["paid_yuan"], event.terms["comes_to_yuan"]) == ("1.00", None)
    assert "revision 2" in event.reason


def test_a_certificate_of_confirmed_hosts_says_so(
    work: Work, certified: Confirmed, tmp_path: Path
) -> None:
    """E3 on the page, in the data and in the file of lines; the verifier finds it valid with the
    bundle: the level is the office's word."""
    month = certified(work, True)
    files = write_files(month, month.issue()[COMPANY_A].number, tmp_path / "certificate")

    found = verify(
        Question(
            pdf=files.pdf.read_bytes(),
            now=NOW,
            root=x509.load_pem_x509_certificate(files.root.read_bytes()),
            bundle=files.bundle,
        )
    )

    assert (found.verdict, found.level) == (Verdict.VALID, Level.EVIDENCE)
    with work.begin(writes=False) as unit:
        stored = unit.expense.statement(f"KS-{MONTH}-HT-A")
    assert stored is not None
    said = json.loads(stored.content)
    assert {line["evidence_level"] for line in said["lines"]} == {"E3"}
    assert said["quality"]["evidence_level"] == "E3"
    document = PdfReader(BytesIO(files.pdf.read_bytes()))
    pages = "".join("".join(page.extract_text().split()) for page in document.pages)
    assert "E3硬件密钥或经证明的设备" in pages
    assert b",E3," in document.attachments["lines.csv"][0]
