"""A unit of work: one database transaction with the repositories that speak through it.

    with work.begin() as unit:
        unit.facts.…
        unit.commit()

Leaving without commit rolls back. `begin(writes=False)` is for reading only. What a unit leads to
in units of their own (`once_committed`) is done after it ended: by then it holds no lock any more.
"""

from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property

from sqlalchemy import Connection, Engine, func, select
from sqlalchemy.exc import InterfaceError, OperationalError

from kashi_server.errors import StorageError
from kashi_server.storage.accounts import AccountRepository
from kashi_server.storage.assignments import AssignmentRepository
from kashi_server.storage.certificates import CertificateRepository
from kashi_server.storage.claim_papers import ClaimPaperRepository
from kashi_server.storage.claims import ClaimRepository
from kashi_server.storage.contract_papers import ContractPapersRepository
from kashi_server.storage.corrections import CorrectionRepository
from kashi_server.storage.evidence_files import EvidenceFileRepository
from kashi_server.storage.expense import ExpenseRepository
from kashi_server.storage.facts import FactRepository
from kashi_server.storage.gap_words import GapWordsRepository
from kashi_server.storage.identity import IdentityRepository
from kashi_server.storage.invoices import InvoiceRepository
from kashi_server.storage.ledger import LedgerRepository
from kashi_server.storage.log import LogRepository
from kashi_server.storage.payments import PaymentRepository
from kashi_server.storage.row_security import SETTING
from kashi_server.storage.stated import StatedRepository
from kashi_server.storage.views import ViewRepository


class UnitOfWork:
    """An open transaction. Each family of repositories is made when first asked for."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.committed = False
        self._following: dict[Hashable, tuple[Callable[[Sequence[str]], None], list[str]]] = {}

    @cached_property
    def identity(self) -> IdentityRepository:
        """Hosts, their certificates, enrolment tokens, alarms and privileged acts."""
        return IdentityRepository(self.connection)

    @cached_property
    def facts(self) -> FactRepository:
        """Reports, device-hours, devices, gaps, conflicts."""
        return FactRepository(self.connection)

    @cached_property
    def log(self) -> LogRepository:
        """The append-only log: entries, tiles, checkpoints."""
        return LogRepository(self.connection)

    @cached_property
    def certificates(self) -> CertificateRepository:
        """Issued usage certificates and what became of them."""
        return CertificateRepository(self.connection)

    @cached_property
    def accounts(self) -> AccountRepository:
        """Accounts, sessions and the audit trail."""
        return AccountRepository(self.connection)

    @cached_property
    def expense(self) -> ExpenseRepository:
        """Parties, contracts, assignments, prices, rules and statements."""
        return ExpenseRepository(self.connection)

    @cached_property
    def papers(self) -> ContractPapersRepository:
        """Parts and amendments of contracts, declarations, provider lists."""
        return ContractPapersRepository(self.connection)

    @cached_property
    def invoices(self) -> InvoiceRepository:
        """Invoices, how they stand, and what claims took of them."""
        return InvoiceRepository(self.connection)

    @cached_property
    def payments(self) -> PaymentRepository:
        """Payments of companies to providers."""
        return PaymentRepository(self.connection)

    @cached_property
    def files(self) -> EvidenceFileRepository:
        """Evidence files."""
        return EvidenceFileRepository(self.connection)

    @cached_property
    def assignments(self) -> AssignmentRepository:
        """What the sides of a contract did about its assignments."""
        return AssignmentRepository(self.connection)

    @cached_property
    def stated(self) -> StatedRepository:
        """What providers state: source files, attestations and their records."""
        return StatedRepository(self.connection)

    @cached_property
    def gap_words(self) -> GapWordsRepository:
        """Explanations of gaps, and officers' decisions on them."""
        return GapWordsRepository(self.connection)

    @cached_property
    def ledger(self) -> LedgerRepository:
        """Movements of money and allowances, and balances."""
        return LedgerRepository(self.connection)

    @cached_property
    def corrections(self) -> CorrectionRepository:
        """Correction runs, what they booked, and settlements."""
        return CorrectionRepository(self.connection)

    @cached_property
    def claims(self) -> ClaimRepository:
        """Batches, claims, and what claims hold."""
        return ClaimRepository(self.connection)

    @cached_property
    def claim_papers(self) -> ClaimPaperRepository:
        """Papers as claims look them up."""
        return ClaimPaperRepository(self.connection)

    @cached_property
    def views(self) -> ViewRepository:
        """Read models of the portal."""
        return ViewRepository(self.connection)

    def once_committed(
        self, key: Hashable, noted: str, do: Callable[[Sequence[str]], None]
    ) -> None:
        """Have something done after this unit is committed and over, on no account within it.

        Args:
            key: under which it is done once, as the first who gave it says.
            noted: handed to it, with all that others noted under the same key.
            do: does it. Nothing of this unit is undone by what it raises.
        """
        self._following.setdefault(key, (do, []))[1].append(noted)

    def follow(self) -> None:
        """Do what was to be done once this unit is committed; if it was not, nothing."""
        if self.committed:
            for do, noted in self._following.values():
                do(tuple(dict.fromkeys(noted)))

    def commit(self) -> None:
        """Make everything done so far durable; the unit ends here."""
        self.connection.commit()
        self.committed = True


class Work:
    """Opens units of work on one database."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    @contextmanager
    def begin(self, *, writes: bool = True, party: str = "") -> Iterator[UnitOfWork]:
        """Open a unit of work; roll back unless it commits.

        Args:
            writes: take the write lock at once, where the database has one.
            party: whose rows the portal's role sees on PostgreSQL: a party's id, `*` for all;
                without it, none. Other roles and SQLite do not ask.

        Raises:
            StorageError: the database cannot be reached, or stops answering.
        """
        try:
            with self.engine.connect() as connection:
                bound = connection.execution_options(kashi_writes=writes)
                with bound.begin() as transaction:
                    if party and connection.dialect.name == "postgresql":
                        connection.execute(select(func.set_config(SETTING, party, True)))
                    unit = UnitOfWork(bound)
                    yield unit
                    if not unit.committed and transaction.is_active:
                        transaction.rollback()
        except (OperationalError, InterfaceError) as error:
            said = str(error.orig).strip().splitlines()
            raise StorageError(
                f"数据库没有应答。the database does not answer: {said[0] if said else error}"
            ) from error
        unit.follow()
