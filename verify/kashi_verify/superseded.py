"""What a certificate supersedes: its number, and the hash over that one's `certificate.json`.

That file names everything else of the superseded certificate by its hash, so the one hash is of all
of it. A head alone is checked for its form; the evidence bundle carries the superseded head, and
whoever holds the superseded certificate, as PDF or as bundle, can give it: then the hash is that of
those bytes.
"""

import re
from collections.abc import Mapping
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from kashi_verify import document
from kashi_verify.bundle import Bundle, open_bundle
from kashi_verify.canonical import read_canonical
from kashi_verify.findings import CheckFailed
from kashi_verify.limits import ATTACHMENT_BYTES_MAX, PDF_BYTES_MAX

Data = Mapping[str, Any]
HEAD: Final = "certificate.json"
BUNDLED: Final = "superseded.json"
_V1: Final = "kashi/v1/certificate"
_HASH: Final = re.compile("[0-9a-f]{64}")


def check_named(head: Data) -> None:
    """Check that a superseded certificate is named by number and hash; the first generation by its
    number alone.

    Raises:
        CheckFailed: only one of them is there, or what is there is no hash.
    """
    if head["format"] == _V1:
        return
    number, named = head["supersedes"], head["supersedes_sha256"]
    if (number is None) != (named is None):
        raise CheckFailed(
            f"被替代的证明为 {number}，其哈希为 {named}。"
            f"What is superseded is {number}, its hash {named}"
        )
    if named is not None and _HASH.fullmatch(named) is None:
        raise CheckFailed(f"“{named}”不是 SHA-256。'{named}' is no SHA-256")


def check_superseded(head: Data, content: bytes) -> str:
    """Check that bytes are the head of the certificate that another supersedes; its number.

    Raises:
        CheckFailed: they are another one's, or nothing is named by its hash.
    """
    number, named = head["supersedes"], head.get("supersedes_sha256")
    if named is None:
        raise CheckFailed(
            "首部未以哈希写明被替代的证明。The head names no superseded certificate by its hash"
        )
    found = sha256(content).hexdigest()
    if found != named:
        raise CheckFailed(
            f"被替代证明的哈希为 {found}；首部所记为 {named}。"
            f"The superseded certificate hashes to {found}; named is {named}"
        )
    before = read_canonical(HEAD, content)["number"]
    if before != number:
        raise CheckFailed(
            f"被替代的是 {before}，首部所记为 {number}。Superseded is {before}; named is {number}"
        )
    return str(number)


def check_bundled(bundle: Bundle) -> None:
    """Check that a bundle carries the superseded head if, and only if, its own names one by hash.

    Raises:
        CheckFailed: it is missing, too much, or another one.
    """
    head = read_canonical(HEAD, bundle.read(HEAD, ATTACHMENT_BYTES_MAX))
    if head.get("supersedes_sha256") is not None:
        check_superseded(head, bundle.read(BUNDLED, ATTACHMENT_BYTES_MAX))
    elif BUNDLED in bundle.names:
        raise CheckFailed(
            f"证据包内有 {BUNDLED}，而首部未写明。{BUNDLED} is in the bundle; the head names none"
        )


def superseded_head(path: Path) -> bytes:
    """`certificate.json` of a certificate's PDF, or of its bundle.

    Raises:
        CheckFailed: the file is neither.
    """
    with path.open("rb") as opened:
        beginning = opened.read(5)
    if beginning != b"%PDF-":
        with open_bundle(path) as bundle:
            return bundle.read(HEAD, ATTACHMENT_BYTES_MAX)
    if path.stat().st_size > PDF_BYTES_MAX:
        raise CheckFailed(
            f"被替代证明超过 {PDF_BYTES_MAX} 字节。"
            f"The superseded certificate exceeds {PDF_BYTES_MAX} bytes"
        )
    files = document.attachments(document.open_pdf(path.read_bytes()))
    if HEAD not in files:
        raise CheckFailed(f"被替代证明未附 {HEAD}。{HEAD} is not attached to the superseded one")
    return files[HEAD]
