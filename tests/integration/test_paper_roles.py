"""Papers under row-level security: the database alone shows a party no foreign paper."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date

import pytest
from expense_cases import OTHER_PROVIDER, OTHER_TENANT, PROVIDER, TENANT
from fixtures_database import Database
from kashi_server.domain.evidence_file import Subject
from kashi_server.domain.invoice import InvoiceStatus
from kashi_server.domain.payment import Covered, Payment
from kashi_server.filestore import FileStore
from kashi_server.services.allocation import Wanted, allocate
from kashi_server.services.evidence_files import EvidenceFiles
from kashi_server.services.papers_port import InvoiceDecision, InvoiceVersion, PaymentReturn
from kashi_server.services.payments import PaymentKeeping
from kashi_server.services.told import Place, ToldPayment
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from paper_cases import BLUE, COMPANY, NOW_UTC_MS, OFFICE, imported, with_blue
from sqlalchemy import func, select

PAPERS = f"""\
[[amendment]]
contract = "HT-1"
number = "补-1"
signed_on = 2026-10-30
from = 2026-11-01T00:00:00+08:00
document = "补充协议〔2026〕1号"

[[declaration]]
contract = "HT-1"
declared_on = 2026-11-05
unrelated = true
document = "声明"

[[project]]
contract = "HT-1"
stated_on = 2026-11-05
project = "工业质检大模型"
purpose = "大模型训练"
contact = "王工"
document = "项目技术说明"

[[listing]]
listing_id = "L-1"
provider = "{PROVIDER}"
batch = "2025年第二批"
service_item = "智算训练服务"
listed_from = 2026-04-09
document = "深科创〔2026〕15号"
"""


@dataclass(frozen=True, slots=True)
class Papers:
    """Papers of one contract in PostgreSQL, as the owner and as the portal's role."""

    owner: Work
    portal: Work


@pytest.fixture(scope="module")
def papers(
    module_postgresql_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Papers]:
    """One of everything between a provider and its company, and strangers beside them."""
    database = module_postgresql_database
    work = database.work
    with_blue(work)
    imported(work, PAPERS)
    payment = Payment(
        payer_id=TENANT,
        reference="1",
        payee_id=PROVIDER,
        paid_on=date(2026, 10, 20),
        amount_fen=10,
    )
    covers = (Covered(number=BLUE.number, amount_fen=10),)
    told = ToldPayment(place=Place(file="p", row=1), payment=payment, covers=covers)
    PaymentKeeping(work, lambda: NOW_UTC_MS).take([told], OFFICE)
    with work.begin() as unit:
        unit.payments.give_back(
            PaymentReturn(
                payer_id=TENANT,
                reference="1",
                number=BLUE.number,
                amount_fen=1,
                document="退款回单",
                decided_by="officer, second",
                told_utc_ms=NOW_UTC_MS,
            )
        )
        unit.commit()
    wanted = Wanted(
        number=BLUE.number, contract_id="HT-1", part="storage", claim_id="C-1", amount_fen=1
    )
    with work.begin() as unit:
        allocate(unit, [wanted], COMPANY, "filed", NOW_UTC_MS)
        unit.commit()
    store = FileStore(tmp_path_factory.mktemp("home") / "files")
    files = EvidenceFiles(work, store, lambda: NOW_UTC_MS)
    subject = Subject.parse("contract:HT-1")
    files.add(b"%PDF-1", name="a.pdf", owner_id=TENANT, subject=subject, acting=COMPANY)
    urls = role_urls(database.url, "ingest-secret", "portal-secret")
    install_roles(database.engine, urls)
    portal = Work(open_engine(urls.portal))
    try:
        yield Papers(work, portal)
    finally:
        portal.engine.dispose()


BOTH = {TENANT, PROVIDER}
SEEN: dict[str, set[str]] = {
    "contract_parts": {TENANT, PROVIDER, OTHER_TENANT, OTHER_PROVIDER},
    "contract_amendments": BOTH,
    "related_declarations": BOTH,
    "project_descriptions": BOTH,
    "invoices": BOTH,
    "invoice_lines": BOTH,
    "invoice_line_parts": BOTH,
    "invoice_statuses": BOTH,
    "invoice_allocations": {TENANT},
    "payments": BOTH,
    "payment_covers": BOTH,
    "payment_returns": BOTH,
    "evidence_files": {TENANT},
}


def _count(work: Work, table: str, party: str) -> int:
    with work.begin(writes=False, party=party) as unit:
        query = select(func.count()).select_from(metadata.tables[table])
        return unit.connection.execute(query).scalar_one()


@pytest.mark.parametrize("table", list(SEEN))
def test_a_party_sees_its_contracts_papers_and_no_others(papers: Papers, table: str) -> None:
    """Both sides; of claims and files the company alone; strangers and nobody see nothing."""
    everything = _count(papers.owner, table, "")

    assert everything > 0
    assert _count(papers.portal, table, "*") == everything
    assert _count(papers.portal, table, "") == 0
    for party in (TENANT, PROVIDER, OTHER_TENANT, OTHER_PROVIDER):
        seen = _count(papers.portal, table, party)
        assert (seen > 0) == (party in SEEN[table])


def test_of_several_contents_of_a_number_a_party_sees_those_that_name_it(papers: Papers) -> None:
    """Its own, standing or not; what officers decided of them no party, and nobody anything."""
    buyers = (TENANT, OTHER_TENANT)
    with papers.owner.begin() as unit:
        for version, buyer_id in enumerate(buyers, 1):
            told = InvoiceVersion(
                version=version,
                invoice=replace(BLUE, buyer_id=buyer_id),
                status=InvoiceStatus.NORMAL,
                source="export.xlsx",
                told_by="clerk",
                told_utc_ms=NOW_UTC_MS,
            )
            unit.invoices.add_version(told)
        assert unit.invoices.told_since_decided() == [BLUE.number]
        decision = InvoiceDecision(
            number=BLUE.number,
            decision=1,
            version=1,
            seen=2,
            document="查验结果",
            reason="税务局答复",
            decided_by="officer, second",
            decided_utc_ms=NOW_UTC_MS,
        )
        unit.invoices.decide(decision, BLUE)
        assert unit.invoices.told_since_decided() == []
        unit.commit()
    seen = {}
    for party in (TENANT, OTHER_TENANT, PROVIDER, OTHER_PROVIDER, "*", ""):
        with papers.portal.begin(writes=False, party=party) as unit:
            versions = [one.version for one in unit.invoices.versions(BLUE.number)]
            seen[party] = versions, len(unit.invoices.decisions(BLUE.number))

    assert seen == {
        TENANT: ([1], 0),
        OTHER_TENANT: ([2], 0),
        PROVIDER: ([1, 2], 0),
        OTHER_PROVIDER: ([], 0),
        "*": ([1, 2], 1),
        "": ([], 0),
    }


def test_parts_of_others_contracts_are_not_seen(papers: Papers) -> None:
    """Each side reads the parts of its own contract."""
    with papers.portal.begin(writes=False, party=TENANT) as unit:
        assert {part.contract_id for part in unit.papers.parts()} == {"HT-1"}
        assert unit.papers.terms("HT-2").parts == ()


def test_lists_are_public(papers: Papers) -> None:
    """Whoever reads at all reads who is listed."""
    assert _count(papers.portal, "provider_listings", OTHER_TENANT) == 1


def test_the_portals_role_reads_what_the_services_show(papers: Papers) -> None:
    """The second net takes nothing from whom a paper belongs to."""
    with papers.portal.begin(writes=False, party=TENANT) as unit:
        stored = unit.invoices.invoice(BLUE.number)
        assert stored is not None
        assert stored.invoice == BLUE
        assert len(stored.parts) == 2
        assert len(unit.payments.payments(TENANT)[0].covers) == 1
        assert len(unit.files.files(owner_id=TENANT)) == 1
