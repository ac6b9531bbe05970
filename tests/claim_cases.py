"""Claims for tests: rules in which everything is known, and papers beside a certified month."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from fixtures_certificates import COMPANY_A, COMPANY_B, PROVIDER, make_month
from fixtures_identity import SteppedClock
from kashi_server.domain.batch import Batch
from kashi_server.domain.budget import Act
from kashi_server.domain.claim_content import ClaimContent, Declared
from kashi_server.domain.contract_terms import ORIGINAL, ContractPart
from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.invoice import Invoice, InvoiceLine, InvoiceStatus, LinePart
from kashi_server.domain.payment import Covered, Payment
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.rules_data import load_rules
from kashi_server.domain.taxed import Taxed
from kashi_server.services.accounts import AccountDraft, Role
from kashi_server.services.batches import Batches, batch_under
from kashi_server.services.claim_booking import budget_of
from kashi_server.services.claims import Acting, Claims, Why
from kashi_server.services.ledger import Ledger
from kashi_server.services.papers_port import LineMapping, StatusChange
from kashi_server.services.rulebook import Rulebook
from kashi_server.storage.unit_of_work import UnitOfWork, Work

BATCH_ID = "SQ-2026-1"
FIRST, LAST = date(2026, 9, 1), date(2026, 12, 31)
OPENS, CLOSES = date(2026, 11, 1), date(2026, 11, 30)
APPLIED_MS = int(datetime(2026, 11, 3, 10, 0, tzinfo=SHANGHAI).timestamp()) * 1000
DAY_MS = 86_400_000
CLERK, RIVAL, SELLER = Acting(login="clerk"), Acting(login="rival"), Acting(login="seller")
OFFICER, OTHER = Acting(login="officer"), Acting(login="second")
BOTH = Acting(login="officer", second="second")
WHY = Why(reason="按规定办理", document="会议纪要〔2026〕1号")
POOL_FEN = 1_000_000_00

_KNOWN: Mapping[str, str] = {
    "kind": '"cost_share"',
    "date_basis": '"application_date"',
    "application_windows": '["2026-11-01/2026-12-31"]',
    "beneficiary_types": '["企业"]',
    "jurisdiction": '"none"',
    "legal_person_required": "true",
    "credit_record_required": "false",
    "provider_list_required": "false",
    "related_party_forbidden": "true",
    "claimant_not_provider": "true",
    "mutual_exclusions": "[]",
    "years_max": '"none"',
    "expense_scope.include": '["accelerator"]',
    "self_owned_excluded": "true",
    "min_evidence_level": '"E0"',
    "gap_policy": '"none"',
    "tax_basis": '"incl"',
    "base.contract": '"ceiling"',
    "base.invoice": '"ceiling"',
    "base.payment": '"ceiling"',
    "base.metered": '"flag"',
    "base.verified": '"off"',
    "threshold.year_yuan": '"0"',
    "threshold.basis": '"eligible"',
    "ratio_by": '"none"',
    "ratio.general": '"0.50"',
    "cap.company_year_yuan": '"100000.00"',
    "stacking.ratio": '"0.60"',
    "pool.year_yuan": '"1000000.00"',
    "pool.overflow": '"first_come"',
    "redemption_mode": '"claim_first"',
    "voucher.validity_months": "6",
    "voucher.partial_use": "true",
    "review_steps": '["形式审查", "专家评审", "公示"]',
    "review.corrections_max": "2",
    "publicity_days": "7",
    "clawback.interest_year_ratio": '"0.0365"',
    "clawback.ban_months": "12",
}


def rules(programme_id: str = "test-voucher", /, **changed: str) -> RulesVersion:
    """Rules in which everything is known; names of parameters with `__` for the dot."""
    return load_rules(rules_text(programme_id, **changed), "rules.toml")


def rules_text(programme_id: str = "test-voucher", /, **changed: str) -> str:
    """The same as a file."""
    known = {**_KNOWN, **{name.replace("__", "."): value for name, value in changed.items()}}
    listed = "".join(
        f'[[parameter]]\nname = "{name}"\nstate = "unknown"\n\n'
        if value == "unknown"
        else f'[[parameter]]\nname = "{name}"\nstate = "published"\nvalue = {value}\n'
        'source = "a text"\n\n'
        for name, value in known.items()
    )
    head = (
        f'programme_id = "{programme_id}"\nversion = "1"\nname_zh = "试验券"\nname_en = "Trial"\n'
        'document = "a document"\nin_force_from = 2026-01-01T00:00:00+08:00\n\n'
    )
    return head + listed


@dataclass(slots=True)
class Filed:
    """A certified month of two companies with papers, a batch, and what keeps its claims."""

    work: Work
    clock: SteppedClock
    claims: Claims
    batches: Batches
    rules: RulesVersion
    batch: Batch

    def days_later(self, days: int) -> None:
        """Let days pass."""
        self.clock.advance(days * DAY_MS)

    def content(self, contract_id: str = "HT-A") -> ClaimContent:
        """What a company says before its papers are gathered."""
        return ClaimContent(
            contract_ids=(contract_id,),
            first=FIRST,
            last=LAST,
            other_money=(),
            declared=Declared(
                kind="企业", legal_person=True, listed_provider=False, purpose="training"
            ),
        )

    def draft(self, by: Acting = CLERK, contract_id: str = "HT-A") -> str:
        """A draft with every paper that is there; its id."""
        stored = self.claims.draft(by, self.batch.batch_id, self.content(contract_id), gather=True)
        return stored.claim.claim_id

    def approved(self, amount_fen: int, by: Acting = CLERK, contract_id: str = "HT-A") -> str:
        """A claim that was submitted, checked, reviewed and approved; its id."""
        claim_id = self.draft(by, contract_id)
        self.claims.submit(by, claim_id)
        self.claims.check(OFFICER, claim_id)
        self.claims.review(OFFICER, claim_id, WHY)
        self.claims.approve(BOTH, claim_id, amount_fen, WHY)
        return claim_id

    def issued(self, amount_fen: int, by: Acting = CLERK, contract_id: str = "HT-A") -> str:
        """A claim with its voucher; seven days of notice have passed."""
        claim_id = self.approved(amount_fen, by, contract_id)
        self.claims.publicise(OFFICER, claim_id)
        self.days_later(7)
        self.claims.issue(OFFICER, claim_id)
        return claim_id

    def balances(self, prefix: str) -> dict[str, int]:
        """What stands on accounts that begin so."""
        with self.work.begin(writes=False) as unit:
            return {one.account.name: one.amount for one in unit.ledger.balances(prefix)}


def prepare(work: Work) -> None:
    """Fill a fresh database: a certified month, papers and accounts."""
    make_month(work).issue()
    add_accounts(work)
    add_papers(work)


def filed(work: Work, version: RulesVersion | None = None, *, fen: int = POOL_FEN) -> Filed:
    """A prepared database with a pool and an open batch."""
    return opened(work, SteppedClock(APPLIED_MS), version or rules(), fen=fen)


def opened(
    work: Work,
    clock: SteppedClock,
    version: RulesVersion,
    *,
    batch_id: str = BATCH_ID,
    fen: int = POOL_FEN,
) -> Filed:
    """Open a batch of a programme, with money in its pool."""
    Rulebook(work, clock).register([version])
    claims, batches = Claims(work, clock), Batches(work, clock)
    batch = batch_under(
        version,
        batch_id=batch_id,
        year=2026,
        opens_on=OPENS,
        closes_on=CLOSES,
        documents=("深科创〔2026〕1号",),
    )
    batches.open(OFFICER, batch, version, Why(reason="申报通知"))
    act = Act(key=f"appropriate/{batch_id}", officer="officer, second", reason="预算文件")
    Ledger(work, clock).post(budget_of(version, 2026).appropriate(act, fen))
    return Filed(work, clock, claims, batches, version, batch)


def add_accounts(work: Work) -> None:
    """A clerk, a rival's clerk, a provider's seller and two officers."""
    with work.begin() as unit:
        for login, role, party_id in (
            ("clerk", Role.COMPANY, COMPANY_A),
            ("rival", Role.COMPANY, COMPANY_B),
            ("seller", Role.PROVIDER, PROVIDER),
            ("officer", Role.OFFICER, None),
            ("second", Role.OFFICER, None),
            ("auditor", Role.AUDITOR, None),
        ):
            unit.accounts.add(
                AccountDraft(
                    login=login,
                    password_hash="no password",
                    role=role,
                    party_id=party_id,
                    created_utc_ms=APPLIED_MS,
                )
            )
        unit.commit()


def add_papers(work: Work) -> None:
    """Each contract: compute of 900 yuan and storage of 100; one invoice of 500, paid in full."""
    with work.begin() as unit:
        for place, (contract_id, user_id) in enumerate((("HT-A", COMPANY_A), ("HT-B", COMPANY_B))):
            for part, fen in (("accelerator", 900_00), ("storage", 100_00)):
                unit.papers.put_part(
                    ContractPart(
                        contract_id=contract_id,
                        amendment=ORIGINAL,
                        part=part,
                        item=part,
                        ex_tax_fen=fen,
                        tax_fen=0,
                        domestic=False,
                        owned=False,
                    )
                )
            add_invoice(unit, invoice_number(place), contract_id, user_id, (450_00, 50_00))
            add_payment(unit, f"PAY-{place}", user_id, invoice_number(place), 500_00)
        unit.commit()


def add_project(work: Work) -> None:
    """What the compute of HT-A is for."""
    with work.begin() as unit:
        unit.papers.put_project(
            ProjectDescription(
                contract_id="HT-A",
                stated_on=date(2026, 6, 3),
                project="工业质检大模型",
                purpose="大模型训练与推理",
                document="项目技术说明",
                site="深圳龙岗数据中心",
                contact="王工 0755-1234",
            )
        )
        unit.commit()


def invoice_number(place: int) -> str:
    """A 20-digit number."""
    return f"26442000{place:012d}"


def add_invoice(
    unit: UnitOfWork, number: str, contract_id: str, buyer_id: str, fen: tuple[int, int]
) -> None:
    """An invoice of compute and storage, mapped to the contract's parts, holding good."""
    lines = tuple(
        InvoiceLine(line=line, name=name, amount=Taxed(ex_tax_fen=amount, tax_fen=0))
        for line, (name, amount) in enumerate(zip(("算力租用", "存储"), fen, strict=True), 1)
    )
    invoice = Invoice(
        number=number,
        issued_on=date(2026, 10, 8),
        seller_id=PROVIDER,
        buyer_id=buyer_id,
        seller_name="供给方",
        buyer_name="需求方",
        amount=Taxed(ex_tax_fen=sum(fen), tax_fen=0),
        lines=lines,
    )
    unit.invoices.add(invoice, APPLIED_MS)
    unit.invoices.add_status(
        StatusChange(
            number=number,
            change=1,
            status=InvoiceStatus.NORMAL,
            source="export.xlsx",
            told_by="clerk",
            told_utc_ms=APPLIED_MS,
        )
    )
    for line, part in enumerate(("accelerator", "storage"), 1):
        unit.invoices.map_line(
            LineMapping(
                number=number,
                part=LinePart(line=line, contract_id=contract_id, part=part),
                mapped_by="clerk",
                mapped_utc_ms=APPLIED_MS,
            )
        )


def add_payment(unit: UnitOfWork, reference: str, payer_id: str, number: str, fen: int) -> None:
    """A payment that covers an invoice."""
    payment = Payment(
        payer_id=payer_id,
        reference=reference,
        payee_id=PROVIDER,
        paid_on=date(2026, 10, 20),
        amount_fen=fen,
    )
    unit.payments.add(payment, "clerk", APPLIED_MS)
    unit.payments.cover(payment, Covered(number=number, amount_fen=fen))
