"""The PDF as a file: one signature over all of it, and what is attached.

The structure is read by pypdf; the byte range and the signature's bytes are taken from the file
itself and pinned to one spelling, so that no byte of the file stands outside of the check.
"""

import re
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Final

from pypdf import PdfReader
from pypdf.errors import PyPdfError
from pypdf.generic import ArrayObject, DictionaryObject, IndirectObject

from kashi_verify.findings import CheckFailed
from kashi_verify.limits import (
    ATTACHMENT_BYTES_MAX,
    CMS_BYTES_MAX,
    PAGE_TEXT_CHARACTERS_MAX,
    PAGES_MAX,
    PDF_BYTES_MAX,
)

_HEX: Final = re.compile(rb"<(([0-9A-F]{2})+)>")
_BYTE_RANGE: Final = re.compile(rb"/ByteRange\s*\[")
# What pypdf raises on a file it cannot read, its own errors and those of the objects beneath.
_READ_ERRORS: Final = (
    PyPdfError,
    ValueError,
    TypeError,
    KeyError,
    IndexError,
    AttributeError,
    AssertionError,
    NotImplementedError,
    RecursionError,
    OSError,
    OverflowError,
)


@dataclass(frozen=True, slots=True)
class Opened:
    """A PDF with its one signature dictionary."""

    content: bytes
    reader: PdfReader
    signature: DictionaryObject


def open_pdf(content: bytes) -> Opened:
    """Read the file and find its one signature.

    Raises:
        CheckFailed: it is no PDF, is encrypted, too large, or does not hold exactly one signature.
    """
    if len(content) > PDF_BYTES_MAX:
        raise CheckFailed(
            f"{len(content)} 字节；证明最多 {PDF_BYTES_MAX} 字节。"
            f"{len(content)} bytes; a certificate has at most {PDF_BYTES_MAX}"
        )
    if not content.startswith(b"%PDF-"):
        raise CheckFailed("文件开头不是 PDF。The file does not begin as a PDF")
    try:
        reader = PdfReader(BytesIO(content), strict=True)
        if reader.is_encrypted:
            raise CheckFailed("文件已加密。The file is encrypted")
        if len(reader.pages) > PAGES_MAX:
            raise CheckFailed(
                f"共 {len(reader.pages)} 页，最多读取 {PAGES_MAX} 页。"
                f"{len(reader.pages)} pages; at most {PAGES_MAX} are read"
            )
        signatures = _signatures(reader)
        certifying = _certifying(reader)
    except _READ_ERRORS as error:
        raise CheckFailed(
            f"文件无法作为 PDF 读取。The file cannot be read as a PDF: {error}"
        ) from error
    ranges = len(_BYTE_RANGE.findall(content))
    if len(signatures) != 1 or ranges != 1:
        raise CheckFailed(
            f"有 {max(len(signatures), ranges)} 个签名，应恰有一个。"
            f"{max(len(signatures), ranges)} signatures instead of exactly one"
        )
    if certifying != signatures[0]:
        raise CheckFailed(
            "签名未认证文件不得有任何改动。"
            "The signature does not certify the document against every change"
        )
    return Opened(content, reader, signatures[0])


def _signatures(reader: PdfReader) -> list[DictionaryObject]:
    form = _dictionary(_dictionary(reader.trailer["/Root"]).get("/AcroForm"))
    return [
        _dictionary(field["/V"])
        for field in map(_dictionary, form.get("/Fields", ArrayObject()))
        if field.get("/FT") == "/Sig" and "/V" in field
    ]


def _certifying(reader: PdfReader) -> DictionaryObject | None:
    """The signature that permits no change (DocMDP 1), as the catalogue names it."""
    permissions = _dictionary(_dictionary(reader.trailer["/Root"]).get("/Perms"))
    if "/DocMDP" not in permissions:
        return None
    signature = _dictionary(permissions["/DocMDP"])
    for reference in map(_dictionary, signature.get("/Reference", ArrayObject())):
        allowed = _dictionary(reference.get("/TransformParams")).get("/P")
        if reference.get("/TransformMethod") == "/DocMDP" and allowed == 1:
            return signature
    return None


def _dictionary(found: object) -> DictionaryObject:
    resolved = found.get_object() if isinstance(found, IndirectObject) else found
    return resolved if isinstance(resolved, DictionaryObject) else DictionaryObject()


@dataclass(frozen=True, slots=True)
class Signed:
    """What the signature covers and the signature's own bytes."""

    covered: bytes
    container: bytes


def signed_bytes(opened: Opened) -> Signed:
    """The covered bytes: everything but the signature itself.

    Raises:
        CheckFailed: the range leaves something out, or the signature is not spelled in one way.
    """
    content, size = opened.content, len(opened.content)
    found = opened.signature.get("/ByteRange", [])
    ranges = [int(number) for number in found] if isinstance(found, list) else []
    if len(ranges) != 4:
        raise CheckFailed("签名没有字节范围。The signature has no byte range")
    start, before, after, rest = ranges
    if start != 0 or not 0 < before < after <= size or after + rest != size:
        raise CheckFailed(
            f"签名覆盖其自身 {after - before} 字节之外的 {before} + {rest} 字节；文件有 {size} 字节"
            "：签名之后有内容加入。"
            f"The signature covers {before} + {rest} bytes around its own {after - before}; the "
            f"file has {size}: something was added after signing"
        )
    spelled = _HEX.fullmatch(content[before:after])
    if spelled is None or len(spelled[1]) > 2 * CMS_BYTES_MAX:
        raise CheckFailed(
            "所覆盖的两段之间不只是签名。"
            "What stands between the covered ranges is not the signature alone"
        )
    return Signed(
        covered=content[:before] + content[after:],
        container=_without_padding(bytes.fromhex(spelled[1].decode())),
    )


def _without_padding(container: bytes) -> bytes:
    """Cut the zeros that fill the reserved room; the DER length says where it ends."""
    if len(container) < 4 or container[:2] != b"\x30\x82":
        raise CheckFailed("签名容器的开头不对。The signature's container does not begin as one")
    end = 4 + int.from_bytes(container[2:4], "big")
    if end > len(container) or any(container[end:]):
        raise CheckFailed(
            "为签名预留的位置中有别的内容。"
            "The room reserved for the signature holds something else beside it"
        )
    return container[:end]


def check_signature_form(opened: Opened) -> None:
    """Check that the signature dictionary is a PAdES one.

    Raises:
        CheckFailed: its filter or sub-filter is another.
    """
    for key, wanted in (("/Filter", "/Adobe.PPKLite"), ("/SubFilter", "/ETSI.CAdES.detached")):
        if opened.signature.get(key) != wanted:
            raise CheckFailed(
                f"{key} 为 {opened.signature.get(key)}，应为 {wanted}。"
                f"{key} is {opened.signature.get(key)} instead of {wanted}"
            )


def attachments(opened: Opened) -> dict[str, bytes]:
    """Attached files by name, each related to the document as its data.

    Raises:
        CheckFailed: one cannot be read, is too large, stands twice or is otherwise related.
    """
    try:
        return _attachments(opened.reader)
    except _READ_ERRORS as error:
        raise CheckFailed(f"附件无法读取。The attachments cannot be read: {error}") from error


def _attachments(reader: PdfReader) -> dict[str, bytes]:
    names = _dictionary(_dictionary(reader.trailer["/Root"]).get("/Names"))
    listed: list[Any] = list(_dictionary(names.get("/EmbeddedFiles")).get("/Names", []))
    found: dict[str, bytes] = {}
    for place in range(0, len(listed) - 1, 2):
        entry = _dictionary(listed[place + 1])
        name = str(entry.get("/UF") or entry.get("/F"))
        if name in found:
            raise CheckFailed(f"{name} 附了两次。{name} is attached twice")
        if entry.get("/AFRelationship") != "/Data":
            raise CheckFailed(
                f"{name} 不是作为文件数据附上的。{name} is not attached as the document's data"
            )
        stream = _dictionary(entry.get("/EF")).get("/F")
        content = stream.get_object().get_data() if stream is not None else b""
        if len(content) > ATTACHMENT_BYTES_MAX:
            raise CheckFailed(
                f"{name} 有 {len(content)} 字节，最多 {ATTACHMENT_BYTES_MAX}。"
                f"{name} has {len(content)} bytes; at most {ATTACHMENT_BYTES_MAX}"
            )
        found[name] = content
    return found


def page_texts(opened: Opened) -> list[str]:
    """Text of every page without any white space.

    Raises:
        CheckFailed: a page cannot be read or holds too much.
    """
    try:
        texts = [page.extract_text() for page in opened.reader.pages]
    except _READ_ERRORS as error:
        raise CheckFailed(
            f"页面文字无法读取。The text of a page cannot be read: {error}"
        ) from error
    if any(len(text) > PAGE_TEXT_CHARACTERS_MAX for text in texts):
        raise CheckFailed("有一页的文字多于任何证明。A page holds more text than any certificate's")
    return ["".join(text.split()) for text in texts]
