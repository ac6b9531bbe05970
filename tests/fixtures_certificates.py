"""A closed month for tests of certificates: real reports, ingested, logged, rated, closed.

Two hosts of a provider report September 2026 in part: eleven days of it are silent before, the rest
after. Card 2 is leased to company A until 10:20 of the first day and to company B after; a third
card is leased to nobody until noon. Whoever changes a figure here changes nothing in the tests:
they compare with plain sums over the reports.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from fractions import Fraction
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.serialization import Encoding
from fixtures_identity import SteppedClock
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol, sums_of
from kashi_server.documents.press import DocumentPress
from kashi_server.documents.signing import SoftwareKey
from kashi_server.domain.certificate import Issuer
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.interval import MINUTE_MS, Interval, Month
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.tariff import Basis, Price
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.log.sequencer import sequence
from kashi_server.log.tree import Tree
from kashi_server.services.authority import Keyring, der, found
from kashi_server.services.bundle import Chains
from kashi_server.services.certificates import CertificateKeeping, Issuing
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.closing import PROGRAMME_ID, MonthClosing
from kashi_server.services.evidence import EvidenceGathering
from kashi_server.services.hosts import HostStanding, HostState
from kashi_server.services.ingestion import Answer, Ingestion, Submission
from kashi_server.services.rulebook import shipped_rules
from kashi_server.storage.engine import open_engine
from kashi_server.storage.migrate import migrate
from kashi_server.storage.unit_of_work import Work
from statement_samples import credit_code

MONTH = Month(2026, 9)
PROVIDER, COMPANY_A, COMPANY_B = credit_code(101), credit_code(102), credit_code(103)
HOST_1 = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0001"
HOST_2 = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0002"
CARDS = tuple(f"GPU-{number:08d}-1111-4000-8000-000000000000" for number in range(1, 5))
MODEL = "NVIDIA H100 80GB HBM3"
START_MINUTE = START_UTC_MS // MINUTE_MS
SPLIT_MINUTE = START_MINUTE + 140
REPORTS = 48
CLOSE_UTC_MS = START_UTC_MS + 40 * 86_400_000
VERIFY_ADDRESS = "https://kashi.example/verify"


class ProvidersHost(ReportingHost):
    """A host that the provider operates."""

    def standing(self, state: HostState = HostState.ACTIVE) -> HostStanding:
        """How it stands."""
        return replace(ReportingHost.standing(self, state), operator_party_id=PROVIDER)


@dataclass(slots=True)
class CertifiedMonth:
    """A database with a closed month, what stands behind it, and its certificates when issued."""

    work: Work
    keyring: Keyring
    clock: SteppedClock
    keeping: CertificateKeeping
    wires: list[bytes]

    def sequence(self) -> int:
        """Put everything committed into the log; returns its size."""
        return sequence(self.work, self.keyring, self.clock).size

    def issue(self) -> Mapping[str, StoredCertificate]:
        """The month's certificates by user."""
        return {one.user_id: one for one in self.keeping.issue_month(MONTH, "officer")}


def chain_pem(keyring: Keyring) -> Chains:
    """The certificates a bundle carries."""
    server, documents = (
        b"".join(one.public_bytes(Encoding.PEM) for one in chain)
        for chain in (keyring.receipt_chain, keyring.document_chain)
    )
    return Chains(server_pem=server, documents_pem=documents)


def make_month(
    work: Work,
    *,
    demo: bool = False,
    before_close: Callable[[Ingestion], None] | None = None,
    once_agreed: Callable[[Work], None] | None = None,
) -> CertifiedMonth:
    """Fill a fresh database with a month, close it, and make what issues its certificates.

    `before_close` may have more hosts report, `once_agreed` may add to what was agreed.
    """
    clock = SteppedClock(CLOSE_UTC_MS)
    keyring = found(
        "深圳市算力服务中心", ("kashi.example",), b"n" * 32, START_UTC_MS, demo=demo
    ).keyring
    hosts: list[ReportingHost] = [
        ProvidersHost(HOST_1, [CARDS[0], CARDS[1], CARDS[2]]),
        ProvidersHost(HOST_2, [CARDS[3]], seed=2),
    ]
    ingestion = Ingestion(work, keyring.receipt_key, clock, demo=demo)
    wires = _ingest(work, ingestion, hosts)
    if before_close is not None:
        before_close(ingestion)
    _agree(work)
    if once_agreed is not None:
        once_agreed(work)
    month = CertifiedMonth(work, keyring, clock, _keeping(work, keyring, clock), wires)
    MonthClosing(work, lambda: sequence(work, keyring, clock), clock, demo=demo).close(MONTH)
    return month


def _ingest(work: Work, ingestion: Ingestion, hosts: list[ReportingHost]) -> list[bytes]:
    wires: list[bytes] = []
    for host in hosts:
        enrol(work, host)
        reports = []
        for number in range(REPORTS):
            gaps = [(70_000, 8_500)] if number % 7 == 3 else []
            reports.append(host.report(5, gaps=gaps))
        answers = ingestion.ingest([Submission(host.standing(), reports)])
        assert isinstance(answers[0], Answer)
        assert all(result.judgement.stores for result in answers[0].results)
        wires.extend(reports)
    return wires


def _agree(work: Work) -> None:
    """Parties, hosts, two contracts, a price change and a card that changes hands."""
    term = Interval(START_MINUTE - 86_400, None)
    with work.begin() as unit:
        expense = unit.expense
        for party_id, kind, zh, en in (
            (PROVIDER, PartyKind.PROVIDER, "深圳示例算力服务有限公司", "Sample Compute Ltd."),
            (COMPANY_A, PartyKind.COMPANY, "深圳甲智能科技有限公司", "Company A Ltd."),
            (COMPANY_B, PartyKind.COMPANY, "深圳乙智能科技有限公司", "Company B Ltd."),
        ):
            party = Party(party_id=party_id, kind=kind, name_zh=zh, name_en=en, district="南山区")
            expense.put_party(party)
        for host_id in (HOST_1, HOST_2):
            expense.put_tenure(
                Tenure(
                    host_id=host_id,
                    owner_id=PROVIDER,
                    operator_id=PROVIDER,
                    kind=TenureKind.LEASED_OUT,
                    interval=term,
                )
            )
        for contract_id, user_id in (("HT-A", COMPANY_A), ("HT-B", COMPANY_B)):
            expense.put_contract(
                Contract(
                    contract_id=contract_id,
                    provider_id=PROVIDER,
                    user_id=user_id,
                    signed_on=date(2026, 6, 1),
                    term=term,
                    unrelated_declared=True,
                )
            )
            _price(expense, contract_id, "12.50", Interval(term.start, START_MINUTE + 97))
            _price(expense, contract_id, "11.80", Interval(START_MINUTE + 97, None))
        leases = (
            ("HT-A", CARDS[0], Interval(START_MINUTE, None)),
            ("HT-A", CARDS[1], Interval(START_MINUTE, SPLIT_MINUTE)),
            ("HT-B", CARDS[1], Interval(SPLIT_MINUTE, None)),
            ("HT-B", CARDS[3], Interval(START_MINUTE + 31, START_MINUTE + 200)),
        )
        for place, (contract_id, hardware_id, interval) in enumerate(leases):
            expense.put_assignment(
                Assignment(
                    assignment_id=f"AS-{place}",
                    contract_id=contract_id,
                    hardware_id=hardware_id,
                    interval=interval,
                    proposed_by=PROVIDER,
                    confirmed_by=COMPANY_A if contract_id == "HT-A" else COMPANY_B,
                ),
                START_UTC_MS,
            )
        expense.add_rules(rules(), START_UTC_MS)
        unit.commit()


def _price(expense: object, contract_id: str, yuan: str, interval: Interval) -> None:
    price = Price(
        price_id=f"{contract_id}-{yuan}",
        contract_id=contract_id,
        model=MODEL,
        yuan=Fraction(yuan),
        basis=Basis.LEASED_OBSERVED,
        interval=interval,
    )
    expense.put_price(price)  # type: ignore[attr-defined]  # the repository, passed on


def rules() -> RulesVersion:
    """The shipped rules of the compute voucher."""
    return next(one for one in shipped_rules() if one.programme_id == PROGRAMME_ID)


def _keeping(work: Work, keyring: Keyring, clock: SteppedClock) -> CertificateKeeping:
    counter = iter(range(1, 10_000))
    return CertificateKeeping(
        work,
        DocumentPress(key=SoftwareKey(keyring.document_key, keyring.document_chain)),
        EvidenceGathering(der(keyring.receipt_chain[-1]), Tree),
        Issuing(
            issuer=Issuer(
                name_zh="深圳市算力服务中心", name_en="Compute Office", system="Kashi 0.1.0"
            ),
            verify_address=VERIFY_ADDRESS,
            chains=chain_pem(keyring),
            clock=clock,
            entropy=lambda count: next(counter).to_bytes(count, "big"),
        ),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class CertificateFiles:
    """A certificate as its holder has it: files on disk."""

    pdf: Path
    bundle: Path
    root: Path
    stored: StoredCertificate

    @property
    def arguments(self) -> list[str]:
        """What kashi-verify takes to check everything."""
        return [str(self.pdf), "--root", str(self.root), "--bundle", str(self.bundle)]


def write_files(month: CertifiedMonth, number: str, directory: Path) -> CertificateFiles:
    """Save a certificate, its bundle and the documents root."""
    directory.mkdir(parents=True, exist_ok=True)
    stored = next(one for one in month.keeping.certificates() if one.number == number)
    files = CertificateFiles(
        pdf=directory / "certificate.pdf",
        bundle=directory / "bundle.zip",
        root=directory / "root.pem",
        stored=stored,
    )
    files.pdf.write_bytes(month.keeping.file(number, "pdf"))
    files.bundle.write_bytes(month.keeping.file(number, "bundle"))
    files.root.write_bytes(month.keyring.document_chain[-1].public_bytes(Encoding.PEM))
    return files


@pytest.fixture(scope="session")
def closed_month(tmp_path_factory: pytest.TempPathFactory) -> Iterator[CertifiedMonth]:
    """A closed month on SQLite with its certificates issued, for tests that only read."""
    path = tmp_path_factory.mktemp("closed") / "kashi.sqlite"
    engine = open_engine(f"sqlite:///{path}")
    migrate(engine)
    month = make_month(Work(engine))
    month.issue()
    yield month
    engine.dispose()


@pytest.fixture(scope="session")
def certificate_files(
    closed_month: CertifiedMonth, tmp_path_factory: pytest.TempPathFactory
) -> CertificateFiles:
    """Company A's certificate on disk."""
    issued = closed_month.issue()[COMPANY_A]
    return write_files(closed_month, issued.number, tmp_path_factory.mktemp("certificate"))


def leased_sums(month: CertifiedMonth, statement: bytes) -> dict[int, dict[str, int]]:
    """Quantities of a statement's lines by the plainest arithmetic over the reports."""
    minutes = sums_of(month.wires)
    found: dict[int, dict[str, int]] = {}
    for line in json.loads(statement)["lines"]:
        found[line["line"]] = {"observed_ms": 0, "held_ms": 0, "active_ms": 0, "utilised_ns": 0}
        start, end = (_minute(line[edge]) for edge in ("start", "end"))
        for (host_id, hardware_id, minute), counted in minutes.items():
            here = (host_id, hardware_id) == (line["host_id"], line["hardware_id"])
            if here and start <= minute < end:
                for name in found[line["line"]]:
                    found[line["line"]][name] += getattr(counted, name)
    return found


def _minute(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp()) // 60
