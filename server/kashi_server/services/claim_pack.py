"""The claim pack: everything one claim needs in one archive, the same bytes for the same claim.

manifest.json               every file with its SHA-256, size and what it is
claim.json, claim.pdf       the form, for programs and for people
rules.json                  the rules version that evaluated it
evaluations/…               inputs, trace and trace in words of every evaluation
certificates/…              usage certificates in force of its statements
tables/…                    its contracts with their papers, and the statements, invoices and
                            payments it names, as CSV
evidence/…                  files uploaded about it and its papers
"""

import io
import zipfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import Final, Protocol

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.money import yuan_text
from kashi_server.errors import NotFound, StorageError
from kashi_server.services.certificates_port import ChangingPort
from kashi_server.services.claim_pack_contracts import ContractsUnit, contract_tables
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.claim_words import trace_lines
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim
from kashi_server.services.csv_text import csv_bytes
from kashi_server.services.evidence_files import ByteStore
from kashi_server.services.export_rows import Export, Row
from kashi_server.services.sight import Reader

FORMAT: Final = "kashi/v1/claim-pack"
MANIFEST: Final = "manifest.json"
_FIRST_DAY: Final = (1980, 1, 1, 0, 0, 0)
"""Every file of an archive has this date, the first there is: when it was packed says nothing."""
_UNSAFE: Final = '\\/:*?"<>|'
_CERTIFICATE_FILES: Final = {"pdf": ".pdf", "certificate": ".json", "statement": "-statement.json"}


class CertificateFiles(ChangingPort, Protocol):
    """The files of certificates."""

    def file(self, number: str, kind: str) -> bytes | None:
        """A certificate's pdf, certificate or statement."""


class PackUnit(ContractsUnit, Protocol):
    """A unit of work as packing needs it."""

    @property
    def certificates(self) -> CertificateFiles:
        """Certificates."""


class PackWork(Protocol):
    """Opens units of work."""

    def begin(self, *, writes: bool = True, party: str = "") -> AbstractContextManager[PackUnit]:
        """Open one."""


class FormPress(Protocol):
    """Prints the form of a claim."""

    def form(self, said: dict[str, object], utc_ms: int) -> bytes:
        """A PDF of the form, the same bytes for the same data and time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PackFile:
    """A file of a pack; `about` says what it is."""

    path: str
    content: bytes
    about: str

    @property
    def sha256(self) -> str:
        """Hash of its bytes, in hexadecimal."""
        return sha256(self.content).hexdigest()


class ClaimPacking:
    """Makes packs."""

    def __init__(self, work: PackWork, store: ByteStore, press: FormPress) -> None:
        """Over a database, the store of uploaded files, and what prints the form."""
        self._work = work
        self._store = store
        self._press = press

    def pack(self, shown: ShownClaim, reader: Reader) -> bytes:
        """The archive of a claim, for its company and the office.

        It holds the company's own evidence and the codes of its certificates: whoever is only paid
        by the claim gets none.

        Raises:
            NotFound: the reader is neither.
            StorageError: bytes of an uploaded file are missing or not what was added.
        """
        if not reader.may_read(shown.stored.claim.company_id):
            raise NotFound(
                "申报材料包仅供申报企业与主管部门下载。"
                "the claim pack is for the company that claims and for the office"
            )
        with self._work.begin(writes=False) as unit:
            files = sorted(self._files(unit, shown), key=lambda one: one.path)
        return archive(shown.stored.claim.claim_id, files)

    def _files(self, unit: PackUnit, shown: ShownClaim) -> Iterator[PackFile]:
        said = claim_data(unit, shown)
        last_ms = shown.events[-1].utc_ms
        yield PackFile(path="claim.json", content=canonical_bytes(said), about="申报表数据 form")
        yield PackFile(
            path="claim.pdf", content=self._press.form(said, last_ms), about="申报表 form"
        )
        yield PackFile(
            path="rules.json", content=shown.stored.rules.to_bytes(), about="项目规则 rules"
        )
        yield from _evaluations(shown)
        yield from _certificates(unit, shown)
        yield from _tables(unit, shown.stored)
        yield from self._evidence(shown)

    def _evidence(self, shown: ShownClaim) -> Iterator[PackFile]:
        for one in shown.evidence:
            content = self._store.get(one.sha256)
            if sha256(content).hexdigest() != one.sha256:
                raise StorageError(
                    f"文件 {one.sha256} 与加入时不符，请从备份恢复。"
                    f"file {one.sha256} is not what was added; restore a backup"
                )
            folder = "/".join(_path_part(part) for part in one.subject.replace(":", "/").split("/"))
            yield PackFile(
                path=f"evidence/{folder}/{one.sha256[:8]}-{_path_part(one.name)}",
                content=content,
                about=f"佐证材料 evidence of {one.subject}",
            )


def _path_part(text: str) -> str:
    """A part of a path inside the archive: what unpackers could read as a way out is replaced."""
    safe = "".join("_" if one in _UNSAFE or not one.isprintable() else one for one in text)
    return safe if safe.strip(". ") else "_" * max(1, len(safe))


def archive(claim_id: str, files: Sequence[PackFile]) -> bytes:
    """A ZIP archive: stored, in order of paths, without a date of its own."""
    listed = [
        {
            "path": one.path,
            "sha256": one.sha256,
            "size_bytes": len(one.content),
            "about": one.about,
        }
        for one in files
    ]
    manifest = canonical_bytes({"format": FORMAT, "claim_id": claim_id, "files": listed})
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_STORED) as packed:
        for path, content in [(MANIFEST, manifest), *((one.path, one.content) for one in files)]:
            entry = zipfile.ZipInfo(path, _FIRST_DAY)
            entry.create_system = 3
            entry.external_attr = 0o644 << 16
            packed.writestr(entry, content)
    return made.getvalue()


def claim_data(unit: ClaimsUnit, shown: ShownClaim) -> dict[str, object]:
    """A claim as plain data: what is packed, printed and shown with --json."""
    stored = shown.stored
    claim, batch, rules = stored.claim, stored.batch, stored.rules
    names = {one.party_id: one.name_zh for one in unit.expense.parties()}
    voucher = claim.voucher
    return {
        "format": "kashi/v1/claim",
        "claim_id": claim.claim_id,
        "batch": batch.to_data(),
        "programme": {"name_zh": rules.name_zh, "name_en": rules.name_en},
        "mode": claim.mode.value,
        "state": claim.state.value,
        "company": {"party_id": claim.company_id, "name_zh": names.get(claim.company_id, "")},
        "payee": {"party_id": claim.payee_id, "name_zh": names.get(claim.payee_id, "")},
        "applied_on": None if claim.applied_on is None else claim.applied_on.isoformat(),
        "corrections": claim.corrections,
        "publicised_on": None if claim.publicised_on is None else claim.publicised_on.isoformat(),
        "computed_fen": claim.computed_fen,
        "amounts": asdict(claim.amounts),
        "voucher": None
        if voucher is None
        else {
            "number": voucher.number,
            "face_fen": voucher.face_fen,
            "used_fen": voucher.used_fen,
            "balance_fen": claim.balance_fen,
            "valid_from": str(voucher.valid_from),
            "valid_until": None if voucher.valid_until is None else str(voucher.valid_until),
        },
        "content": stored.content.to_data(),
        "officially": stored.officially.to_data(),
        "certificates": list(shown.certificates),
        "flags": [
            {
                "utc_ms": one.utc_ms,
                "reason": one.reason,
                "comes_to_fen": one.comes_to_fen,
                "paid_fen": one.paid_fen,
            }
            for one in shown.flags
        ],
        "evaluations": [
            {
                "serial": one.serial,
                "status": one.status,
                "amount_fen": one.amount_fen,
                "rules_sha256": one.rules_sha256,
                "inputs_sha256": one.inputs_sha256,
                "trace_sha256": sha256(one.trace).hexdigest(),
            }
            for one in shown.evaluations
        ],
        "events": [one.to_data() for one in shown.events],
    }


def _evaluations(shown: ShownClaim) -> Iterator[PackFile]:
    for one in shown.evaluations:
        name = f"evaluations/{one.serial:03d}"
        words = "\n".join(trace_lines(one.trace)) + "\n"
        yield PackFile(path=f"{name}-inputs.json", content=one.inputs, about="测算输入 inputs")
        yield PackFile(path=f"{name}-trace.json", content=one.trace, about="测算过程 trace")
        yield PackFile(
            path=f"{name}-trace.txt", content=words.encode(), about="测算说明 trace in words"
        )


def _certificates(unit: PackUnit, shown: ShownClaim) -> Iterator[PackFile]:
    for number in shown.certificates:
        for kind, ending in _CERTIFICATE_FILES.items():
            content = unit.certificates.file(number, kind)
            if content is not None:
                yield PackFile(
                    path=f"certificates/{number}{ending}",
                    content=content,
                    about="算力使用证明 usage certificate",
                )


def _tables(unit: PackUnit, stored: StoredClaim) -> Iterator[PackFile]:
    contracts, papers = contract_tables(unit, stored)
    for export, about in (
        (contracts, "合同 contracts"),
        (papers, "合同文件 papers on the contracts"),
        (_statements(unit, stored), "结算单 statements"),
        (_invoices(unit, stored), "发票清单 invoices"),
        (_payments(unit, stored), "支付清单 payments"),
    ):
        yield PackFile(path=f"tables/{export.name}.csv", content=csv_bytes(export), about=about)


def _statements(unit: ClaimsUnit, stored: StoredClaim) -> Export:
    def rows() -> Iterable[Row]:
        for one in stored.content.statements:
            found = unit.expense.statement(one.number, one.revision)
            if found is not None:
                yield (
                    one.number,
                    one.revision,
                    str(found.month),
                    found.contract_id,
                    found.card_hours,
                    yuan_text(found.amount_fen),
                    yuan_text(found.eligible_fen),
                    found.sha256.hex(),
                    unit.claims.certified(one),
                )

    columns = (
        "statement", "revision", "month", "contract_id", "card_hours", "amount_yuan",
        "eligible_yuan", "sha256", "certificate",
    )  # fmt: skip
    return Export("statements", columns, list(rows()))


def _invoices(unit: ClaimsUnit, stored: StoredClaim) -> Export:
    def rows() -> Iterable[Row]:
        for one in stored.content.invoices:
            paper = next(
                (
                    found
                    for found in unit.claim_papers.invoice_parts(one.contract_id, one.number)
                    if found.part == one.part
                ),
                None,
            )
            yield (
                one.number,
                None if paper is None else paper.issued_on.isoformat(),
                None if paper is None else paper.seller_id,
                one.contract_id,
                one.part,
                yuan_text(one.amount_fen),
                None if paper is None else yuan_text(paper.amount.incl_fen),
                None if paper is None else yuan_text(paper.total_fen),
                None if paper is None else paper.claimable,
            )

    columns = (
        "invoice", "issued_on", "seller_id", "contract_id", "part", "claimed_yuan", "part_yuan",
        "invoice_yuan", "claimable",
    )  # fmt: skip
    return Export("invoices", columns, list(rows()))


def _payments(unit: ClaimsUnit, stored: StoredClaim) -> Export:
    named = set(stored.content.payments)
    rows = [
        (
            one.reference,
            one.paid_on.isoformat(),
            one.payee_id,
            yuan_text(one.amount_fen),
            one.number,
            yuan_text(one.covered_fen),
        )
        for one in unit.claim_papers.payments(stored.claim.company_id)
        if one.reference in named
    ]
    columns = ("payment", "paid_on", "payee_id", "amount_yuan", "invoice", "covered_yuan")
    return Export("payments", columns, rows)
