"""Who sees what of an invoice of which two officers let another content stand, on both databases.

On PostgreSQL the desk reads as the portal's role, as the portal does, which the database holds to
the reader's rows; on SQLite the services alone do.
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import date

import pytest
from expense_cases import OTHER_TENANT, PROVIDER, TENANT
from fixtures_database import Database
from kashi_server.domain.invoice import Invoice, InvoiceStatus
from kashi_server.domain.payment import Covered, Payment
from kashi_server.errors import NotFound
from kashi_server.filestore import FileStore
from kashi_server.services.accounts import AccountDraft, Role
from kashi_server.services.acting import Acting
from kashi_server.services.allocation import Wanted, allocate
from kashi_server.services.invoice_deciding import InvoiceDeciding
from kashi_server.services.invoice_watch import Unwatched
from kashi_server.services.invoices import InvoiceKeeping
from kashi_server.services.paper_desk import InvoiceShown, PaperDesk, PaperStores
from kashi_server.services.payment_righting import PaymentRighting
from kashi_server.services.payments import PaymentKeeping
from kashi_server.services.sight import Reader
from kashi_server.services.told import Place, ToldInvoice, ToldPayment
from kashi_server.services.two_officers import OfficersDecision
from kashi_server.storage.engine import open_engine
from kashi_server.storage.roles import install_roles, role_urls
from kashi_server.storage.schema import metadata
from kashi_server.storage.unit_of_work import Work
from paper_cases import BLUE, NOW_UTC_MS, agreed, imported
from sqlalchemy import select

FIRST = Acting(actor="clerk-of-first", party_id=TENANT)
SECOND = Acting(actor="clerk-of-second", party_id=OTHER_TENANT)
BY_OFFICERS = OfficersDecision(officers=("officer", "second"), reason="税务局查询结果")
CONTRACT = f"""\
[[contract]]
contract_id = "HT-3"
provider = "{PROVIDER}"
user = "{OTHER_TENANT}"
signed_on = 2026-08-20
from = 2026-09-01T00:00:00+08:00

[[contract_part]]
contract = "HT-3"
item = "accelerator"
ex_tax_yuan = "900000.00"
tax_yuan = "54000.00"
"""
TABLES = ("invoice_allocations", "payment_covers", "payment_returns", "invoice_statuses")


@dataclass(slots=True)
class House:
    """Papers of two companies of one provider; `clock` steps a second each time it is asked."""

    work: Work
    desk: PaperDesk
    portal: Work | None
    ticks: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    def clock(self) -> int:
        """UTC milliseconds."""
        return NOW_UTC_MS + 1_000 * next(self.ticks)

    def tell(
        self,
        acting: Acting,
        invoice: Invoice,
        *parts: tuple[int, str, str],
        status: InvoiceStatus | None = InvoiceStatus.NORMAL,
    ) -> None:
        """A file of somebody's."""
        place = Place(file=f"export-of-{acting.actor}.xlsx", row=2)
        one = ToldInvoice(place=place, invoice=invoice, status=status, parts=parts)
        InvoiceKeeping(self.work, self.clock).take([one], acting)

    def paid(self, acting: Acting, reference: str) -> None:
        """The company pays ten yuan of the number."""
        assert acting.party_id is not None
        payment = Payment(
            payer_id=acting.party_id,
            reference=reference,
            payee_id=PROVIDER,
            paid_on=date(2026, 10, 20),
            amount_fen=10_00,
        )
        covers = (Covered(number=BLUE.number, amount_fen=10_00),)
        told = ToldPayment(place=Place(file="p", row=1), payment=payment, covers=covers)
        PaymentKeeping(self.work, self.clock).take([told], acting)

    def claimed(self, acting: Acting, contract_id: str, claim_id: str) -> None:
        """A claim takes a yuan of it."""
        wanted = Wanted(
            number=BLUE.number,
            contract_id=contract_id,
            part="accelerator",
            claim_id=claim_id,
            amount_fen=1_00,
        )
        with self.work.begin() as unit:
            allocate(unit, [wanted], acting, "filed", self.clock())
            unit.commit()

    def decided(self, version: int, document: str, *refunded: tuple[str, str]) -> None:
        """Two officers let a content stand, and take off the payments that do not fit it."""
        for key in refunded:
            righting = PaymentRighting(self.work, self.clock, Unwatched())
            righting.put_right(key, BY_OFFICERS, document)
        deciding = InvoiceDeciding(self.work, self.clock, Unwatched())
        deciding.decide(BLUE.number, version, BY_OFFICERS, document)

    def shown(self, party_id: str | None) -> InvoiceShown:
        """The page of the number as a party reads it, or the office."""
        return self.desk.invoice(_reader(party_id), BLUE.number)

    def rows(self, table: str, party: str) -> int:
        """How many rows of a table the database itself shows a party."""
        assert self.portal is not None
        with self.portal.begin(writes=False, party=party) as unit:
            return len(unit.connection.execute(select(metadata.tables[table])).all())


def _reader(party_id: str | None) -> Reader:
    role = Role.OFFICER if party_id is None else Role.COMPANY
    return Reader(account_id=1, role=role, party_id=party_id)


@pytest.fixture
def house(database: Database, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """The house on SQLite and on PostgreSQL."""
    yield from _house(database, FileStore(tmp_path_factory.mktemp("home") / "files"))


def _house(database: Database, store: FileStore) -> Iterator[House]:
    """The first company's content and claim, then the second's; decided for the second."""
    work, portal = database.work, None
    agreed(work)
    imported(work, CONTRACT)
    with work.begin() as unit:
        for login in BY_OFFICERS.officers:
            unit.accounts.add(
                AccountDraft(
                    login=login,
                    password_hash="none",
                    role=Role.OFFICER,
                    party_id=None,
                    created_utc_ms=0,
                )
            )
        unit.commit()
    if database.backend == "postgresql":
        urls = role_urls(database.url, "ingest-secret", "portal-secret")
        install_roles(database.engine, urls)
        portal = Work(open_engine(urls.portal))
    stores = PaperStores(
        work=work, portal_work=portal or work, bytes=store, read_xlsx=lambda content: []
    )
    made = House(work, PaperDesk(stores, lambda: NOW_UTC_MS), portal)
    made.tell(FIRST, BLUE, (1, "HT-1", "accelerator"))
    made.paid(FIRST, "PAY-OF-FIRST")
    made.claimed(FIRST, "HT-1", "CLAIM-OF-FIRST")
    made.tell(SECOND, replace(BLUE, buyer_id=OTHER_TENANT))
    made.decided(2, "查验截图-一", (TENANT, "PAY-OF-FIRST"))
    made.tell(SECOND, replace(BLUE, buyer_id=OTHER_TENANT), (1, "HT-3", "accelerator"))
    made.paid(SECOND, "PAY-OF-SECOND")
    made.claimed(SECOND, "HT-3", "CLAIM-OF-SECOND")
    yield made
    if portal is not None:
        portal.engine.dispose()


def _claims(shown: InvoiceShown) -> set[str]:
    return {one.claim_id for one in shown.allocations}


def test_the_new_buyer_reads_nothing_of_the_former_ones(house: House) -> None:
    """Of claims and payments its own, of how it stood since the two officers decided; the former
    buyer reads no page of it; the office reads all."""
    mine, office = house.shown(OTHER_TENANT), house.shown(None)

    assert _claims(mine) == {"CLAIM-OF-SECOND"}
    assert [one.source for one in mine.history.statuses] == ["查验截图-一"]
    assert mine.history.paid_fen == 10_00
    assert "FIRST" not in repr(mine).upper()
    with pytest.raises(NotFound):
        house.shown(TENANT)
    assert _claims(office) == {"CLAIM-OF-FIRST", "CLAIM-OF-SECOND"}
    assert len(office.history.statuses) == 2
    seller = house.shown(PROVIDER)
    assert (seller.allocations, seller.history.paid_fen) == ((), 10_00)
    assert len(seller.history.statuses) == 1


def test_decided_back_the_first_buyer_reads_nothing_of_the_time_between(house: House) -> None:
    """The later decision counts; a word of the officers that changes no content hides nothing."""
    house.tell(SECOND, replace(BLUE, buyer_id=OTHER_TENANT), status=InvoiceStatus.VOID)
    house.decided(1, "查验截图-二", (OTHER_TENANT, "PAY-OF-SECOND"))
    house.decided(1, "查验截图-三")
    mine = house.shown(TENANT)

    assert _claims(mine) == {"CLAIM-OF-FIRST"}
    assert [one.source for one in mine.history.statuses] == ["查验截图-二", "查验截图-三"]
    assert mine.history.paid_fen == 0
    assert "SECOND" not in repr(replace(mine.history, statuses=())).upper()
    with pytest.raises(NotFound):
        house.shown(OTHER_TENANT)


def test_where_nothing_was_decided_a_side_reads_how_it_ever_stood(house: House) -> None:
    """An invoice of one content shows every change of it."""
    other = replace(BLUE, number=BLUE.number[:-1] + "7")
    house.tell(FIRST, other)
    house.tell(FIRST, other, status=InvoiceStatus.VOID)

    shown = house.desk.invoice(_reader(TENANT), other.number)
    assert [str(one.status) for one in shown.history.statuses] == ["normal", "void"]


def test_the_database_itself_shows_neither_buyer_a_row_of_the_other(
    postgresql_database: Database, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """Row by row, whatever a page forgets; each payer's covers and returns stay its own."""
    store = FileStore(tmp_path_factory.mktemp("home") / "files")
    for made in _house(postgresql_database, store):
        seen = {
            table: [made.rows(table, party) for party in (OTHER_TENANT, TENANT, PROVIDER, "*", "")]
            for table in TABLES
        }

    assert seen == {
        "invoice_allocations": [1, 0, 0, 3, 0],
        "payment_covers": [1, 1, 2, 2, 0],
        "payment_returns": [0, 1, 1, 1, 0],
        "invoice_statuses": [1, 0, 1, 2, 0],
    }
