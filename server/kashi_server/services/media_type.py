"""What kind of file some bytes are, by themselves: a name may say anything."""

from typing import Final

from kashi_server.errors import InvalidValue

_BEGINNINGS: Final = (
    (b"%PDF-", "application/pdf"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
)
_ZIP: Final = b"PK\x03\x04"
_XLSX: Final = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_DOCX: Final = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"
# Names inside a ZIP stand uncompressed in its directory.
_INSIDE: Final = (
    (b"xl/workbook.xml", _XLSX),
    (b"word/document.xml", _DOCX),
    (b"OFD.xml", "application/ofd"),
)
KINDS_ZH: Final = "PDF、PNG、JPEG、XLSX、DOCX、OFD、XML 与纯文本"
KINDS: Final = "PDF, PNG, JPEG, XLSX, DOCX, OFD, XML and plain text"


def media_type_of(content: bytes, name: str) -> str:
    """The media type, by content.

    Raises:
        InvalidValue: it is of no kind that is kept as evidence.
    """
    for beginning, media_type in _BEGINNINGS:
        if content.startswith(beginning):
            return media_type
    if content.startswith(_ZIP):
        for inside, media_type in _INSIDE:
            if inside in content:
                return media_type
    text = _text(content)
    if text is None:
        raise InvalidValue(
            f"{name} 的文件类型不予保存，可保存：{KINDS_ZH}。"
            f"{name} is of no kind that is kept; kept are {KINDS}"
        )
    return "application/xml" if text.lstrip("\ufeff \r\n\t").startswith("<?xml") else "text/plain"


def _text(content: bytes) -> str | None:
    """The text, if it is UTF-8 without a control character; else None."""
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError:
        return None
    return None if any(one < " " and one not in "\r\n\t\f" for one in text) else text
