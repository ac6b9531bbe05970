"""Importing what was agreed, from TOML files: parties, tenures, contracts with their parts and
amendments, declarations, projects, provider lists, assignments, prices and rents.

All files are one unit: either everything in them is taken or nothing, and then every mistake is
named at once with file, line and field. Importing the same files again changes nothing.
"""

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.contract_terms import Amendment, ContractPart
from kashi_server.domain.declaration import RelatedDeclaration
from kashi_server.domain.given_reason import reason_kept
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.listing import ProviderListing
from kashi_server.domain.party import Party
from kashi_server.domain.positioned import Mistake, MistakesFound, Positioned, parse_positioned
from kashi_server.domain.project_description import ProjectDescription
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.voiding import Voiding
from kashi_server.services.acts import ActsPort, PrivilegedAct, record
from kashi_server.services.agreement_book import AgreementBook
from kashi_server.services.agreement_entries import logged
from kashi_server.services.agreement_watch import (
    AgreementChange,
    AgreementWatch,
    NobodyWatches,
)
from kashi_server.services.expense_port import ExpenseUnit, HostsPort
from kashi_server.services.import_building import Agreement
from kashi_server.services.import_fields import TABLES, Entry, read_tables
from kashi_server.services.paper_book import paper_key

IMPORT_ACT: Final = "agreements-imported"
"""How an import is called among privileged acts; its reference is the file's SHA-256."""


@dataclass(frozen=True, slots=True)
class ImportFile:
    """A file to import: its name as people know it, and its text."""

    name: str
    text: str

    @property
    def sha256(self) -> str:
        """Hash of the text in UTF-8, in hexadecimal: of the file, as it was read."""
        return sha256(self.text.encode()).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """How many entries were added, changed, and already stood so; `changes`: each that is not as it
    stood."""

    added: int
    changed: int
    unchanged: int
    changes: tuple[AgreementChange, ...] = field(default=(), compare=False, repr=False)


class ImportingHosts(ActsPort, HostsPort, Protocol):
    """Privileged acts, and hosts."""


class ImportingUnit(ExpenseUnit, Protocol):
    """A unit of work as an import needs it."""

    @property
    def identity(self) -> ImportingHosts:
        """Privileged acts, and hosts."""


class ImportingWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True) -> AbstractContextManager[ImportingUnit]:
        """Open one."""


class Importing:
    """Imports agreements."""

    def __init__(
        self, work: ImportingWork, clock: Callable[[], int], watch: AgreementWatch | None = None
    ) -> None:
        """Over a database; `clock` gives UTC milliseconds, `watch` is told of what changes."""
        self._work = work
        self._clock = clock
        self._watch = watch or NobodyWatches()

    def take(self, files: Sequence[ImportFile], actor: str, reason: str = "") -> Imported:
        """Take everything in the files, or nothing.

        Each file is a privileged act, by its hash, unless all of it stood so already.

        Args:
            files: what to take.
            actor: the login of whoever takes them in, who has proved to be that one.
            reason: why; kept with the file's name.

        Raises:
            MistakesFound: every mistake with file, line and field.
        """
        with self._work.begin() as unit:
            unit.expense.lock()
            imported = take_into(unit, files, self._clock())
            if imported.added or imported.changed:
                for file in files:
                    self._record(unit, file, actor, reason)
                self._watch.agreements_changed(unit, imported.changes, actor)
            unit.commit()
        return imported

    def _record(self, unit: ImportingUnit, file: ImportFile, actor: str, reason: str) -> None:
        act = PrivilegedAct(
            utc_ms=self._clock(),
            actor=actor,
            act=IMPORT_ACT,
            reference=file.sha256,
            reason=f"{file.name}: {reason_kept(reason)}",
        )
        record(unit, act)


def take_into(
    unit: ExpenseUnit, files: Sequence[ImportFile], utc_ms: int, *, corrects: bool = False
) -> Imported:
    """Take everything in the files into a unit of work that is locked; nothing is committed.

    Args:
        unit: the unit of work.
        files: what to take.
        utc_ms: now.
        corrects: two officers correct what stands, closed months included.

    Raises:
        MistakesFound: every mistake with file, line and field.
    """
    mistakes: list[Mistake] = []
    broken: set[str] = set()
    entries = _entries(files, mistakes, broken)
    book = AgreementBook(unit, utc_ms // MINUTE_MS, broken, corrects=corrects)
    changes, unchanged = _changes(book, entries, mistakes)
    if mistakes:
        raise MistakesFound(mistakes)
    for change, _is_new in changes:
        store(unit, change.after, utc_ms)
    added = sum(is_new for _change, is_new in changes)
    return Imported(
        added=added,
        changed=len(changes) - added,
        unchanged=unchanged,
        changes=tuple(change for change, _is_new in changes),
    )


def _entries(files: Iterable[ImportFile], mistakes: list[Mistake], broken: set[str]) -> list[Entry]:
    """Everything readable of the files, parties first, then what names them."""
    documents: list[Positioned] = []
    for file in files:
        try:
            documents.append(parse_positioned(file.text.replace("\r\n", "\n"), file.name))
        except MistakesFound as error:
            mistakes.extend(error.mistakes)
    found = [entry for document in documents for entry in read_tables(document, mistakes, broken)]
    order = list(TABLES)
    return sorted(found, key=lambda entry: order.index(str(entry.path[0])))


def _changes(
    book: AgreementBook, entries: Iterable[Entry], mistakes: list[Mistake]
) -> tuple[list[tuple[AgreementChange, bool]], int]:
    """What the entries change, each with whether it is new, and how many change nothing."""
    changes: list[tuple[AgreementChange, bool]] = []
    seen: dict[tuple[object, ...], Entry] = {}
    unchanged = 0
    for entry in entries:
        key = _key(entry.agreement)
        if key in seen:
            first = seen[key]
            at = f"{first.document.file}:{first.document.line_of(first.path)}"
            name, *_rest = TABLES[str(entry.path[0])]
            mistakes.append(
                entry.mistake(name, f"重复出现，首次在 {at}。stands twice; first at {at}")
            )
            continue
        seen[key] = entry
        agreement = book.merged(entry.agreement)
        troubles = book.troubles(agreement)
        mistakes += [entry.mistake(name, message) for name, message in troubles]
        old = book.standing(agreement)
        if old == agreement:
            unchanged += 1
        elif not troubles:
            for gone in book.giving_way(agreement):
                changes.append((AgreementChange(before=None, after=gone), False))
                book.add(gone)
            changes.append((AgreementChange(before=old, after=agreement), old is None))
        # Even a refused entry joins the book: what names it need not be refused for its sake.
        if old is None or not troubles:
            book.add(agreement)
        if old is None and not troubles:
            for moved in book.following(agreement):
                before = book.standing(moved)
                changes.append((AgreementChange(before=before, after=moved), False))
                book.add(moved)
    return changes, unchanged


def _key(agreement: Agreement) -> tuple[object, ...]:
    match agreement:
        case Party():
            return Party, agreement.party_id
        case Tenure():
            return Tenure, agreement.host_id, agreement.interval.start
        case Contract():
            return Contract, agreement.contract_id
        case Assignment():
            return Assignment, agreement.assignment_id
        case Price():
            return Price, agreement.price_id
        case Voiding():
            return Voiding, agreement.assignment_id
        case _:
            return paper_key(agreement)


def store(unit: ExpenseUnit, agreement: Agreement, utc_ms: int) -> None:
    """Store an agreement, and what it says in the log."""
    match agreement:
        case Party():
            unit.expense.put_party(agreement)
        case Tenure():
            unit.expense.put_tenure(agreement)
        case Contract():
            unit.expense.put_contract(agreement)
        case Assignment():
            unit.expense.put_assignment(agreement, utc_ms)
        case Price():
            unit.expense.put_price(agreement)
        case Voiding():
            unit.expense.drop_assignment(agreement.assignment_id)
        case Amendment():
            unit.papers.put_amendment(agreement)
        case ContractPart():
            unit.papers.put_part(agreement)
        case RelatedDeclaration():
            unit.papers.put_declaration(agreement)
        case ProjectDescription():
            unit.papers.put_project(agreement)
        case ProviderListing():
            unit.papers.put_listing(agreement)
    unit.log.append_pending(*logged(agreement))
