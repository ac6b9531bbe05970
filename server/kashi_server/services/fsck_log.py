"""What stands in tables against what the log says of it: agreements, rules, statements, decisions.

The log is hashed, signed and checked by itself (`log.audit`); here every row that moves money must
have the entry it was given when it was made, and the latest entry must say what the row says.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from typing import Final, Protocol

from kashi_server.domain.both_languages import because
from kashi_server.errors import KashiError
from kashi_server.services.agreement_entries import (
    AGREEMENT_ENTRY,
    dropped,
    logged,
)
from kashi_server.services.assignment import ACT_ENTRY
from kashi_server.services.assignment_port import AssignmentsPort
from kashi_server.services.claim_steps import BATCH_ENTRY
from kashi_server.services.claims_port import ClaimsPort
from kashi_server.services.corrections_port import CorrectionsPort
from kashi_server.services.evidence_logged import (
    evidence_rows,
    key_faults,
    key_rows,
    source_faults,
)
from kashi_server.services.evidence_port import GapsPort, StatedPort
from kashi_server.services.expense_port import ExpensePort, HostsPort
from kashi_server.services.facts_port import Place
from kashi_server.services.fsck_certificates import (
    CertificatesPort,
    certificate_faults,
    certificate_rows,
)
from kashi_server.services.fsck_claims import claim_faults, claim_rows
from kashi_server.services.fsck_corrections import correction_faults, correction_rows
from kashi_server.services.fsck_kinds import KIND_ZH
from kashi_server.services.fsck_statements import read_statements
from kashi_server.services.log_port import LogPort
from kashi_server.services.paper_entries import paper_rows
from kashi_server.services.paper_faults import paper_faults
from kashi_server.services.papers_port import (
    ContractPapersPort,
    FilesPort,
    InvoicesPort,
    PaymentsPort,
)
from kashi_server.services.restoration import ENTRY_KIND as RESTORATION_ENTRY
from kashi_server.services.rulebook import RULES_ENTRY

ENTRIES_AT_ONCE: Final = 4096

Entries = dict[tuple[str, str], bytes]
"""Kind and reference -> the latest entry."""


class LoggedFacts(Protocol):
    """What is asked of the facts."""

    def host_ids(self) -> Sequence[str]:
        """Every host that has reported."""

    def restored(self, host_id: str) -> Mapping[Place, int]:
        """When quarantined reports were restored, by place."""


class LoggedUnit(Protocol):
    """A unit of work as this check needs it."""

    @property
    def facts(self) -> LoggedFacts:
        """Facts."""

    @property
    def identity(self) -> HostsPort:
        """Hosts."""

    @property
    def expense(self) -> ExpensePort:
        """Agreements and statements."""

    @property
    def assignments(self) -> AssignmentsPort:
        """Acts about assignments."""

    @property
    def stated(self) -> StatedPort:
        """What providers state."""

    @property
    def gap_words(self) -> GapsPort:
        """What parties and officers say of gaps."""

    @property
    def corrections(self) -> CorrectionsPort:
        """Correction runs, what they booked, and settlements."""

    @property
    def papers(self) -> ContractPapersPort:
        """Parts and amendments of contracts, declarations, provider lists."""

    @property
    def invoices(self) -> InvoicesPort:
        """Invoices."""

    @property
    def payments(self) -> PaymentsPort:
        """Payments."""

    @property
    def files(self) -> FilesPort:
        """Evidence files."""

    @property
    def claims(self) -> ClaimsPort:
        """Batches and claims."""

    @property
    def certificates(self) -> CertificatesPort:
        """Certificates."""

    @property
    def log(self) -> LogPort:
        """The log."""


class LoggedWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[LoggedUnit]:
        """Open one."""


def check_logged(work: LoggedWork) -> list[str]:
    """Everything that differs between tables and log, in words; empty when nothing does."""
    try:
        with work.begin(writes=False) as unit:
            # Rows first: what is added between the two reads then has its entry, never lacks it.
            rows = {(kind, reference): said for kind, reference, said in _rows(unit)}
            statements = read_statements(unit.expense)
            rows |= statements.entries
            restored = dict(_restored(unit.facts))
            damaged = [*source_faults(unit.stated), *paper_faults(unit)]
            damaged += key_faults(unit.identity)
            damaged += correction_faults(unit, statements.settlements)
            damaged += certificate_faults(unit.certificates)
            damaged += claim_faults(unit.claims)
            entries = _entries(unit.log)
    except KashiError as error:
        return [because("所存约定无法读取", "what was agreed cannot be read", error)]
    return [
        *_unlike(entries, rows),
        *_restorations(entries, restored),
        *damaged,
        *statements.faults,
    ]


def _rows(unit: LoggedUnit) -> Iterator[tuple[str, str, bytes]]:
    expense = unit.expense
    for agreements in (
        expense.parties(),
        expense.tenures(),
        expense.contracts(),
        expense.assignments(),
        expense.prices(),
        unit.papers.amendments(),
        unit.papers.parts(),
        unit.papers.declarations(),
        unit.papers.projects(),
        unit.papers.listings(),
    ):
        yield from map(logged, agreements)
    yield from paper_rows(unit)
    for act in unit.assignments.acts():
        yield ACT_ENTRY, act.reference, act.to_bytes()
    yield from evidence_rows(unit.stated, unit.gap_words)
    yield from key_rows(unit.identity)
    yield from correction_rows(unit)
    yield from certificate_rows(unit.certificates)
    for batch in unit.claims.batches():
        yield BATCH_ENTRY, batch.batch_id, batch.to_bytes()
    yield from claim_rows(unit.claims)
    for version in expense.rules():
        yield RULES_ENTRY, f"{version.programme_id}/{version.version}", version.to_bytes()


def _restored(facts: LoggedFacts) -> Iterator[tuple[str, int]]:
    for host_id in facts.host_ids():
        for (epoch, sequence), restored_utc_ms in facts.restored(host_id).items():
            yield f"{host_id}/{epoch}/{sequence}", restored_utc_ms


def _entries(log: LogPort) -> Entries:
    found: Entries = {}
    size = log.head().size
    for start in range(0, size, ENTRIES_AT_ONCE):
        for one in log.entries(start, min(size, start + ENTRIES_AT_ONCE)):
            if one.kind in KIND_ZH:
                found[one.kind, one.reference] = one.entry
    for waiting in log.pending_entries(2**31 - 1):
        if waiting.kind in KIND_ZH:
            found[waiting.kind, waiting.reference] = waiting.entry
    return {key: entry for key, entry in found.items() if not _is_dropped(*key, entry)}


def _is_dropped(kind: str, reference: str, entry: bytes) -> bool:
    """Whether the latest entry takes a proposal out of the book: no row may stand then."""
    if kind != AGREEMENT_ENTRY:
        return False
    return (kind, reference, entry) == dropped(reference.removeprefix("assignment/"))


def _unlike(entries: Entries, rows: Entries) -> Iterator[str]:
    for kind, reference in sorted(entries.keys() | rows.keys()):
        if kind == RESTORATION_ENTRY:
            continue
        logged_entry, said = entries.get((kind, reference)), rows.get((kind, reference))
        if logged_entry is None:
            yield (
                f"{KIND_ZH[kind]} {reference} 在日志中没有记录。"
                f"{kind} {reference} stands in no log entry"
            )
        elif said is None:
            yield (
                f"{KIND_ZH[kind]} {reference} 只在日志中存在。"
                f"{kind} {reference} is in the log and nowhere else"
            )
        elif said != logged_entry:
            yield (
                f"{KIND_ZH[kind]} {reference} 与日志所载不符。"
                f"{kind} {reference} is not what the log has of it"
            )


def _restorations(entries: Entries, restored: Mapping[str, int]) -> Iterator[str]:
    told = {
        reference: json.loads(entry)["restored_utc_ms"]
        for (kind, reference), entry in entries.items()
        if kind == RESTORATION_ENTRY
    }
    for reference in sorted(told.keys() | restored.keys()):
        if told.get(reference) != restored.get(reference):
            yield (
                f"恢复计入 {reference} 与日志所载不符。"
                f"restoration {reference} is not what the log has of it"
            )
