"""Evidence files: kept by their hash, told of in the log, looked at again, never deleted."""

import os
from hashlib import sha256
from pathlib import Path

import pytest
from expense_cases import OTHER_TENANT, PROVIDER, TENANT
from kashi_server.domain.evidence_file import Subject
from kashi_server.errors import InvalidValue, NotFound, Refused, StorageError
from kashi_server.filestore import FileStore, stored_files
from kashi_server.services import evidence_files
from kashi_server.services.acting import Acting
from kashi_server.services.evidence_files import FILE_BYTES_MAX, EvidenceFiles, check_files
from kashi_server.services.fsck_log import check_logged
from kashi_server.services.media_type import media_type_of
from kashi_server.storage.unit_of_work import Work
from paper_cases import BLUE, COMPANY, NOW_UTC_MS, OFFICE, SELLER, STRANGER, with_blue
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError

PDF = b"%PDF-1.7\n%sample"
INVOICE = Subject.parse(f"invoice:{BLUE.number}")


@pytest.fixture
def store(tmp_path: Path) -> FileStore:
    """A store in a folder that is not there yet."""
    return FileStore(tmp_path / "home" / "files")


@pytest.fixture
def kept(work: Work, store: FileStore) -> EvidenceFiles:
    """Evidence files beside two contracts and an invoice."""
    with_blue(work)
    return EvidenceFiles(work, store, lambda: NOW_UTC_MS, claim_owner)


def claim_owner(_unit: object, claim_id: str) -> str | None:
    """One claim, of the tenant."""
    return TENANT if claim_id == "C-1" else None


def add(
    kept: EvidenceFiles,
    content: bytes = PDF,
    name: str = "发票.pdf",
    subject: Subject = INVOICE,
    owner_id: str = TENANT,
    acting: Acting = COMPANY,
) -> str:
    """Add a file; its hash."""
    return kept.add(
        content, name=name, owner_id=owner_id, subject=subject, acting=acting
    ).file.sha256


def test_a_file_comes_back_as_it_was(kept: EvidenceFiles, store: FileStore, work: Work) -> None:
    """By its hash, for its owner and for the office, and the log knows it."""
    name = add(kept)

    file, content = kept.get(name, COMPANY)
    assert content == PDF
    assert name == sha256(PDF).hexdigest()
    assert (file.file.media_type, file.name, file.added_by) == (
        "application/pdf",
        "发票.pdf",
        "clerk",
    )
    assert kept.get(name, OFFICE)[1] == PDF
    assert check_logged(work) == []
    assert check_files(work, store) == []


def test_the_same_bytes_are_stored_once(kept: EvidenceFiles, tmp_path: Path) -> None:
    """About two subjects it is told twice; about one of them once."""
    add(kept)
    add(kept, subject=Subject.parse("contract:HT-1"))
    add(kept, name="another name.pdf")

    assert len(list(stored_files(tmp_path / "home" / "files"))) == 1
    assert [str(file.subject) for file in kept.all(COMPANY)] == [str(INVOICE), "contract:HT-1"]


def test_files_are_nobodys_else(kept: EvidenceFiles) -> None:
    """Not the other side's of the contract either; the office sees all of them."""
    name = add(kept)
    add(kept, b"%PDF-other", owner_id=PROVIDER, acting=SELLER)

    assert len(kept.all(OFFICE)) == 2
    assert len(kept.all(OFFICE, owner_id=PROVIDER)) == 1
    assert len(kept.all(OFFICE, subject=INVOICE)) == 2
    assert [file.owner_id for file in kept.all(SELLER)] == [PROVIDER]
    assert kept.all(COMPANY, owner_id=PROVIDER) == []
    for acting in (SELLER, STRANGER):
        with pytest.raises(NotFound, match="there is no file"):
            kept.get(name, acting)


@pytest.mark.parametrize(
    ("subject", "owner_id"),
    [
        ("contract:HT-2", TENANT),
        ("contract:HT-9", TENANT),
        (f"invoice:{BLUE.number}", OTHER_TENANT),
        ("invoice:26442000000000000009", TENANT),
        (f"payment:{TENANT}/1", TENANT),
        ("claim:C-2", TENANT),
        ("claim:C-1", PROVIDER),
    ],
)
def test_a_file_is_about_something_of_its_owner(
    kept: EvidenceFiles, tmp_path: Path, subject: str, owner_id: str
) -> None:
    """What is not there, or of others, is not there; and no byte is kept."""
    with pytest.raises(NotFound, match="there is no"):
        add(kept, subject=Subject.parse(subject), owner_id=owner_id, acting=OFFICE)

    assert list(stored_files(tmp_path / "home" / "files")) == []


def test_a_claims_files_are_its_companys(kept: EvidenceFiles) -> None:
    """Who keeps claims tells whose they are."""
    add(kept, subject=Subject.parse("claim:C-1"))

    assert len(kept.all(COMPANY, subject=Subject.parse("claim:C-1"))) == 1


def test_nobody_adds_a_file_of_others(kept: EvidenceFiles) -> None:
    """A party adds its own."""
    with pytest.raises(NotFound, match="files of its own only"):
        add(kept, owner_id=PROVIDER)


@pytest.mark.parametrize(
    ("content", "name", "message"),
    [
        (b"", "a.pdf", "has 0 bytes"),
        (bytes(FILE_BYTES_MAX + 1), "a.pdf", "a file has 1 to"),
        (b"MZ\x90\x00\x03", "a.pdf", "of no kind that is kept"),
        (b"PK\x03\x04nothing of an office", "a.xlsx", "of no kind that is kept"),
        (b"text with a \x00", "a.txt", "of no kind that is kept"),
        (PDF, "../a.pdf", "is a path, or hidden"),
        (PDF, ".a.pdf", "is a path, or hidden"),
        (PDF, "a\nb.pdf", "name must be one line"),
    ],
)
def test_what_is_no_evidence_is_refused(
    kept: EvidenceFiles, content: bytes, name: str, message: str
) -> None:
    """By size, by content, by name."""
    with pytest.raises(InvalidValue, match=message):
        add(kept, content, name)


@pytest.mark.parametrize(
    ("content", "media_type"),
    [
        (b"\x89PNG\r\n\x1a\nrest", "image/png"),
        (b"\xff\xd8\xff\xe0rest", "image/jpeg"),
        (
            b"PK\x03\x04..xl/workbook.xml",
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (b"PK\x03\x04..OFD.xml", "application/ofd"),
        (b'\xef\xbb\xbf<?xml version="1.0"?><a/>', "application/xml"),
        ("一行文字\n".encode(), "text/plain"),
    ],
)  # fmt: skip
def test_a_kind_is_known_by_content(content: bytes, media_type: str) -> None:
    """A name may say anything."""
    assert media_type_of(content, "a.exe") == media_type


def test_a_subject_holds_so_many_files(
    kept: EvidenceFiles, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And then no more."""
    monkeypatch.setattr(evidence_files, "FILES_A_SUBJECT_MAX", 2)
    for place in range(2):
        add(kept, PDF + bytes([65 + place]))

    with pytest.raises(Refused, match="holds 2 files"):
        add(kept, PDF + b"z")


@pytest.mark.parametrize("damage", ["changed", "missing"])
def test_damaged_bytes_are_found_and_not_given(
    kept: EvidenceFiles, store: FileStore, work: Work, tmp_path: Path, damage: str
) -> None:
    """By fsck, and by whoever asks for them."""
    name = add(kept)
    ((_place, path),) = stored_files(tmp_path / "home" / "files")
    if damage == "changed":
        path.write_bytes(b"%PDF-forged")
    else:
        path.unlink()

    (fault,) = check_files(work, store)
    assert name in fault
    with pytest.raises(StorageError):
        kept.get(name, COMPANY)


def test_a_crash_leaves_a_file_whole_or_not_at_all(
    store: FileStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is not renamed into its place is not there; the next one to add it succeeds."""

    def crash(_self: Path, _target: Path) -> Path:
        raise OSError("no space")

    with monkeypatch.context() as patched:
        patched.setattr(Path, "replace", crash)
        with pytest.raises(StorageError, match="cannot be written"):
            store.put(PDF)
    assert list(stored_files(tmp_path / "home" / "files")) == []

    name = store.put(PDF)
    assert store.get(name) == PDF


def test_half_a_file_in_its_place_is_written_again(store: FileStore, tmp_path: Path) -> None:
    """A store that lost bytes takes them again from whoever has them."""
    name = store.put(PDF)
    ((_place, path),) = stored_files(tmp_path / "home" / "files")
    path.write_bytes(b"%PDF-1.")

    assert store.put(PDF) == name
    assert store.get(name) == PDF


def test_files_are_nobodys_else_on_disk(store: FileStore, tmp_path: Path) -> None:
    """Only the server's user reads them."""
    store.put(PDF)

    ((_place, path),) = stored_files(tmp_path / "home" / "files")
    assert os.stat(path).st_mode & 0o077 == 0
    with pytest.raises(InvalidValue, match="is not a SHA-256"):
        store.get("../../etc/passwd")


@pytest.mark.parametrize("statement", ["UPDATE {} SET name = 'x'", "DELETE FROM {}"])
def test_the_database_keeps_what_was_added(kept: EvidenceFiles, work: Work, statement: str) -> None:
    """Whoever asks, by whatever program."""
    add(kept)

    with pytest.raises(DatabaseError, match="only ever added"), work.engine.begin() as connection:
        connection.execute(text(statement.format("evidence_files")))
