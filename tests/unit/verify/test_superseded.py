"""What a head says it supersedes: number and hash, both or neither, and of these bytes."""

from hashlib import sha256
from pathlib import Path

import pytest
from kashi_verify.findings import CheckFailed
from kashi_verify.superseded import check_named, check_superseded, superseded_head

OLD, OTHER = "KC-202609-000001-02", "KC-202609-000002-96"
BEFORE = b'{"number":"%s"}' % OLD.encode()
HASH = sha256(BEFORE).hexdigest()
V1, V2 = "kashi/v1/certificate", "kashi/v2/certificate"


@pytest.mark.parametrize(
    ("number", "named", "words"),
    [
        (None, None, ""),
        (OLD, HASH, ""),
        (OLD, None, f"What is superseded is {OLD}, its hash None"),
        (None, HASH, f"What is superseded is None, its hash {HASH}"),
        (OLD, HASH[:-1], "is no SHA-256"),
        (OLD, HASH.upper(), "is no SHA-256"),
    ],
)
def test_a_head_names_both_or_neither(number: str | None, named: str | None, words: str) -> None:
    """A number without a hash, a hash without a number and a hash that is none are refused."""
    head = {"format": V2, "supersedes": number, "supersedes_sha256": named}
    if words:
        with pytest.raises(CheckFailed, match=words):
            check_named(head)
    else:
        check_named(head)


def test_a_head_of_the_first_generation_names_a_number_alone() -> None:
    """Such certificates stay valid; a head of today that leaves the hash out is not of its form."""
    check_named({"format": V1, "supersedes": OLD})
    with pytest.raises(KeyError):
        check_named({"format": V2, "supersedes": OLD})


@pytest.mark.parametrize(
    ("number", "named", "words"),
    [
        (OLD, HASH, ""),
        (OLD, "0" * 64, "The superseded certificate hashes to"),
        (OTHER, HASH, f"Superseded is {OLD}; named is {OTHER}"),
        (OLD, None, "names no superseded certificate by its hash"),
    ],
)
def test_the_bytes_are_those_that_are_named(number: str, named: str | None, words: str) -> None:
    """Another hash, or the number of another certificate, is refused."""
    head = {"format": V2, "supersedes": number, "supersedes_sha256": named}
    if words:
        with pytest.raises(CheckFailed, match=words):
            check_superseded(head, BEFORE)
    else:
        assert check_superseded(head, BEFORE) == OLD


@pytest.mark.parametrize("content", [b"", b"%PDF-", b"PK nothing"])
def test_a_file_that_is_no_certificate_is_refused(tmp_path: Path, content: bytes) -> None:
    """Whatever was given in place of the superseded certificate is told, and never a traceback."""
    path = tmp_path / "old"
    path.write_bytes(content)

    with pytest.raises(CheckFailed):
        superseded_head(path)
