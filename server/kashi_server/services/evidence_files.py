"""Evidence files: bytes kept under their hash, told of in the log, looked at again by fsck.

A file is added under a name for an owner about a subject: a contract, an invoice, a payment, a
claim, or a host. Its bytes are stored once, whoever adds them; nothing is ever deleted. Bytes are
on disk before the database says so: a crash in between leaves bytes that nothing names, which harm
nobody.
"""

from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.both_languages import because
from kashi_server.domain.evidence_file import EvidenceFile, StoredFile, Subject, SubjectKind
from kashi_server.errors import InvalidValue, NotFound, Refused, StorageError
from kashi_server.services.acting import Acting
from kashi_server.services.acts import PendingPort
from kashi_server.services.media_type import media_type_of
from kashi_server.services.paper_entries import file_entry
from kashi_server.services.papers_port import FilesPort, PapersUnit, PapersWork

FILE_BYTES_MAX: Final = 20 * 2**20
FILES_A_SUBJECT_MAX: Final = 500

_KIND_ZH: Final = {
    SubjectKind.CONTRACT: "合同",
    SubjectKind.INVOICE: "发票",
    SubjectKind.PAYMENT: "付款",
    SubjectKind.CLAIM: "申报",
    SubjectKind.HOST: "主机",
}


class ByteStore(Protocol):
    """Keeps bytes by their hash."""

    def put(self, content: bytes) -> str:
        """Keep bytes durably; their SHA-256 in hexadecimal."""

    def get(self, sha256: str) -> bytes:
        """The bytes.

        Raises:
            StorageError: they are missing or cannot be read.
        """


ClaimOwner = Callable[[PapersUnit, str], str | None]
"""The company of a claim, or None where there is no such claim; filled by who keeps claims."""


class EvidenceFiles:
    """Adds, lists and gives evidence files."""

    def __init__(
        self,
        work: PapersWork,
        store: ByteStore,
        clock: Callable[[], int],
        claim_owner: ClaimOwner | None = None,
    ) -> None:
        """Over a database and a store of bytes.

        Args:
            work: opens units of work, as the database's owner.
            store: keeps the bytes.
            clock: UTC milliseconds.
            claim_owner: tells whose a claim is; without it every claim is taken to be the owner's.
        """
        self._work = work
        self._store = store
        self._clock = clock
        self._claim_owner = claim_owner

    def add(
        self, content: bytes, *, name: str, owner_id: str, subject: Subject, acting: Acting
    ) -> EvidenceFile:
        """Keep a file; the same bytes about the same subject again change nothing.

        Raises:
            InvalidValue: too large, empty, of a kind that is no evidence, or a name that is a path.
            NotFound: there is no such subject for this party.
            Refused: the subject holds as many files as it may.
        """
        if not acting.may_see(owner_id):
            raise NotFound(
                f"{acting.party_id} 只能加入本单位的文件。"
                f"{acting.party_id} adds files of its own only"
            )
        file = described(
            content,
            name=name,
            owner_id=owner_id,
            subject=subject,
            added_by=acting.actor,
            utc_ms=self._clock(),
        )
        with self._work.begin() as unit:
            # One at a time: two that add the same file at once do not meet.
            unit.expense.lock()
            self._check_subject(unit, owner_id, subject)
            kept = keep(unit, self._store, file, content)
            unit.commit()
        return kept

    def all(
        self, acting: Acting, *, owner_id: str | None = None, subject: Subject | None = None
    ) -> Sequence[EvidenceFile]:
        """Files that the acting party sees, in the order in which they were added."""
        owner = acting.party_id or owner_id
        with self._work.begin(writes=False) as unit:
            found = unit.files.files(owner_id=owner, subject=subject)
        return [one for one in found if owner_id in (None, one.owner_id)]

    def get(self, sha256_text: str, acting: Acting) -> tuple[EvidenceFile, bytes]:
        """A file and its bytes, hashed again.

        Raises:
            NotFound: there is no such file for this party.
            StorageError: its bytes are missing or are not what was added.
        """
        with self._work.begin(writes=False) as unit:
            found = unit.files.files(owner_id=acting.party_id, sha256=sha256_text)
        if not found:
            raise NotFound(f"没有文件 {sha256_text}，请核对哈希。there is no file {sha256_text}")
        content = self._store.get(sha256_text)
        if sha256(content).hexdigest() != sha256_text:
            raise StorageError(
                f"文件 {sha256_text} 与加入时不符，请从备份恢复。"
                f"file {sha256_text} is not what was added; restore a backup"
            )
        return found[0], content

    def _check_subject(self, unit: PapersUnit, owner_id: str, subject: Subject) -> None:
        sides = self._sides(unit, owner_id, subject)
        if owner_id not in sides:
            raise NotFound(
                f"{owner_id} 没有此{_KIND_ZH[subject.kind]} {subject.name}。"
                f"there is no {subject.kind} {subject.name} of {owner_id}"
            )

    def _sides(self, unit: PapersUnit, owner_id: str, subject: Subject) -> Sequence[str]:
        match subject.kind:
            case SubjectKind.CONTRACT:
                contracts = {one.contract_id: one for one in unit.expense.contracts()}
                contract = contracts.get(subject.name)
                return () if contract is None else tuple(contract.sides)
            case SubjectKind.INVOICE:
                stored = unit.invoices.invoice(subject.name)
                if stored is None:
                    return ()
                return stored.invoice.seller_id, stored.invoice.buyer_id
            case SubjectKind.PAYMENT:
                payer, _, reference = subject.name.partition("/")
                paid = unit.payments.payment(payer, reference)
                return () if paid is None else (paid.payment.payer_id, paid.payment.payee_id)
            case SubjectKind.CLAIM:
                if self._claim_owner is None:
                    return (owner_id,)
                of_claim = self._claim_owner(unit, subject.name)
                return () if of_claim is None else (of_claim,)
            case SubjectKind.HOST:
                hosts = {one.host_id: one for one in unit.identity.hosts()}
                host = hosts.get(subject.name)
                return () if host is None else (host.operator_party_id,)


def described(
    content: bytes, *, name: str, owner_id: str, subject: Subject, added_by: str, utc_ms: int
) -> EvidenceFile:
    """A file as it would be kept.

    Raises:
        InvalidValue: too large, empty, of a kind that is no evidence, or a name that is a path.
    """
    if not 0 < len(content) <= FILE_BYTES_MAX:
        raise InvalidValue(
            f"{name} 有 {len(content)} 字节，文件须为 1 至 {FILE_BYTES_MAX} 字节。"
            f"{name} has {len(content)} bytes; a file has 1 to {FILE_BYTES_MAX}"
        )
    return EvidenceFile(
        file=StoredFile(
            sha256=sha256(content).hexdigest(),
            size_bytes=len(content),
            media_type=media_type_of(content, name),
        ),
        owner_id=owner_id,
        subject=subject,
        name=name,
        added_by=added_by,
        added_utc_ms=utc_ms,
    )


class FilesUnit(Protocol):
    """A unit of work as keeping a file needs it."""

    @property
    def files(self) -> FilesPort:
        """Evidence files."""

    @property
    def log(self) -> PendingPort:
        """The log."""


def keep(unit: FilesUnit, store: ByteStore, file: EvidenceFile, content: bytes) -> EvidenceFile:
    """Keep a file in a unit of work that is the only one to; one kept before stays as it is.

    Raises:
        Refused: the subject holds as many files as it may.
    """
    known = unit.files.files(owner_id=file.owner_id, subject=file.subject)
    for one in known:
        if one.file.sha256 == file.file.sha256:
            return one
    if len(known) >= FILES_A_SUBJECT_MAX:
        raise Refused(
            f"{file.subject} 已有 {len(known)} 个文件，不能再加。"
            f"{file.subject} holds {len(known)} files; no more are taken"
        )
    store.put(content)
    unit.files.add(file)
    unit.log.append_pending(*file_entry(file))
    return file


def check_files(work: PapersWork, store: ByteStore) -> list[str]:
    """Every evidence file whose bytes are missing or differ, in words; for fsck."""
    with work.begin(writes=False) as unit:
        files = unit.files.files()
    faults: dict[str, str | None] = {}
    for one in files:
        wanted = one.file.sha256
        if wanted in faults:
            continue
        faults[wanted] = _fault(store, one)
    return [fault for fault in faults.values() if fault]


def _fault(store: ByteStore, file: EvidenceFile) -> str | None:
    name_zh = f"证据文件 {file.file.sha256}（{file.owner_id} 的 {file.name}，{file.subject}）"
    name = f"evidence file {file.file.sha256} ({file.name} of {file.owner_id}, {file.subject})"
    try:
        content = store.get(file.file.sha256)
    except StorageError as error:
        return because(name_zh, name, error)
    if sha256(content).hexdigest() != file.file.sha256:
        return f"{name_zh}与加入时不符。{name} is not what was added"
    return None
