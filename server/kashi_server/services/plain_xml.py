"""XML from outside: read by the standard parser, and only what declares nothing of its own.

A document with a DOCTYPE is refused before it is read: so there are no entities, of its own or from
elsewhere, and nothing grows. Size, depth and number of elements are bounded. This stands instead of
a library because the rule is one line of expat's own events, and holds whoever reads afterwards.
"""

from collections.abc import Iterable
from typing import Final
from xml.etree import ElementTree as ET
from xml.parsers import expat

from kashi_server.errors import InvalidValue

XML_BYTES_MAX: Final = 5 * 2**20
DEPTH_MAX: Final = 64
ELEMENTS_MAX: Final = 100_000


class _Watch:
    """Counts what a parser meets, and refuses declarations."""

    def __init__(self, elements_max: int) -> None:
        self._elements_max = elements_max
        self._depth = 0
        self._elements = 0

    def start(self, _name: str, _attributes: object) -> None:
        self._depth += 1
        self._elements += 1
        if self._depth > DEPTH_MAX or self._elements > self._elements_max:
            raise InvalidValue(
                f"元素多于 {self._elements_max} 个，或嵌套超过 {DEPTH_MAX} 层。"
                f"it holds more than {self._elements_max} elements, or {DEPTH_MAX} one within"
                " another"
            )

    def end(self, _name: str) -> None:
        self._depth -= 1

    def doctype(self, *_declared: object) -> None:
        raise InvalidValue(
            "文件声明了文档类型，不予读取。it declares a document type; such files are not read"
        )


def check_plain(chunks: Iterable[bytes], *, elements_max: int = ELEMENTS_MAX) -> None:
    """Go over XML without keeping it.

    Raises:
        InvalidValue: it is not XML, declares a document type, or is too deep or too large.
    """
    watch, parser = _Watch(elements_max), expat.ParserCreate()
    parser.StartElementHandler = watch.start
    parser.EndElementHandler = watch.end
    parser.StartDoctypeDeclHandler = watch.doctype
    try:
        for chunk in chunks:
            parser.Parse(chunk, False)
        parser.Parse(b"", True)
    except (expat.ExpatError, ValueError, LookupError) as error:
        if isinstance(error, InvalidValue):
            raise
        raise InvalidValue(f"不是可读取的 XML。it is not XML that can be read: {error}") from error


def read_xml(content: bytes) -> ET.Element:
    """The root of a document.

    Raises:
        InvalidValue: as `check_plain`, or it is larger than is read.
    """
    if len(content) > XML_BYTES_MAX:
        raise InvalidValue(
            f"文件有 {len(content)} 字节，最多读取 {XML_BYTES_MAX} 字节。"
            f"it has {len(content)} bytes; at most {XML_BYTES_MAX} are read"
        )
    check_plain([content])
    return ET.fromstring(content)


def local_name(element: ET.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rpartition("}")[2]


def at(element: ET.Element, *path: str) -> list[ET.Element]:
    """The elements at a path of names below one, whatever their namespace."""
    found = [element]
    for name in path:
        found = [inner for outer in found for inner in outer if local_name(inner) == name]
    return found


def text_at(element: ET.Element, *path: str) -> str:
    """The text of the only element at a path; "" where there is none.

    Raises:
        InvalidValue: there are several.
    """
    found = at(element, *path)
    if len(found) > 1:
        raise InvalidValue(
            f"{'/'.join(path)} 出现了 {len(found)} 次，只应出现一次。"
            f"{'/'.join(path)} stands {len(found)} times"
        )
    return (found[0].text or "").strip() if found else ""
