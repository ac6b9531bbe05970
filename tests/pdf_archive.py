"""What of PDF/A-3a and of tagging can be looked at in a file, by reading its objects with pypdf.

No validator of the whole standard: it tells what an archive and a reading machine rest on, and it
believes no claim of the metadata.
"""

from collections import Counter
from collections.abc import Iterator
from typing import Any

from pypdf import PdfReader
from pypdf.generic import ContentStream

RELATIONS = ("/Source", "/Data", "/Alternative", "/Supplement", "/Unspecified")
"""What an associated file may be to its document (ISO 19005-3, 6.8)."""
_SHOWING = (b"Tj", b"TJ", b"'", b'"')


def archive_faults(reader: PdfReader) -> list[str]:
    """Everything that is not as an archived, tagged document must be, in words."""
    root: Any = reader.trailer["/Root"]
    return [
        *_catalog_faults(reader, root),
        *_file_faults(root),
        *_font_faults(reader),
        *_tag_faults(reader, root),
    ]


def _catalog_faults(reader: PdfReader, root: Any) -> Iterator[str]:
    mark = root.get("/MarkInfo", {})
    if not getattr(mark.get("/Marked"), "value", False):
        yield "MarkInfo does not say that it is tagged"
    if not root.get("/Lang"):
        yield "no language"
    if "/StructTreeRoot" not in root:
        yield "no structure tree"
    if "/Metadata" not in root:
        yield "no metadata"
    if reader.is_encrypted or "/ID" not in reader.trailer:
        yield "encrypted, or without an ID"
    for name in ("/OpenAction", "/AA", "/JavaScript"):
        if name in root or name in root.get("/Names", {}):
            yield f"{name} acts by itself"
    yield from _intent_faults(root.get("/OutputIntents", []))


def _intent_faults(intents: Any) -> Iterator[str]:
    profiles = [
        one.get_object()["/DestOutputProfile"].get_object()
        for one in intents
        if one.get_object().get("/S") == "/GTS_PDFA1"
    ]
    if len(profiles) != 1:
        yield f"{len(profiles)} output intents"
    for profile in profiles:
        icc = profile.get_data()
        if icc[36:40] != b"acsp" or (icc[16:20], profile["/N"]) != (b"RGB ", 3):
            yield "the output intent's profile is no profile of RGB"


def _file_faults(root: Any) -> Iterator[str]:
    named = root.get("/Names", {}).get("/EmbeddedFiles", {}).get("/Names", [])
    embedded = {one.get_object()["/UF"] for one in named[1::2]}
    associated = {one.get_object()["/UF"]: one.get_object() for one in root.get("/AF", [])}
    if embedded != set(associated):
        yield f"embedded are {sorted(embedded)}, associated {sorted(associated)}"
    for name, file in associated.items():
        stream = file["/EF"]["/F"].get_object()
        if file.get("/AFRelationship") not in RELATIONS:
            yield f"{name} has no relation to the document"
        if "/" not in str(stream.get("/Subtype", ""))[1:] or "/ModDate" not in stream["/Params"]:
            yield f"{name} has no type or no date"
        if stream["/Params"].get("/Size") != len(stream.get_data()):
            yield f"{name} is not as long as it says"


def _font_faults(reader: PdfReader) -> Iterator[str]:
    for number, page in enumerate(reader.pages, 1):
        resources: Any = page["/Resources"]
        for one in resources.get("/Font", {}).values():
            font = one.get_object()
            inner = font["/DescendantFonts"][0].get_object() if "/DescendantFonts" in font else font
            descriptor = inner["/FontDescriptor"].get_object()
            if not any(key.startswith("/FontFile") for key in descriptor):
                yield f"page {number}: {font['/BaseFont']} is not embedded"
            if "/ToUnicode" not in font:
                yield f"page {number}: {font['/BaseFont']} tells no characters"


def _tag_faults(reader: PdfReader, root: Any) -> Iterator[str]:
    """Text outside of every mark, marks that no element has, elements that may not stand so."""
    claimed: Counter[tuple[int, int]] = Counter()
    pages = {page.indirect_reference: number for number, page in enumerate(reader.pages, 1)}
    tree = root.get("/StructTreeRoot")
    if tree is not None:
        yield from _element_faults(tree.get_object().get("/K"), None, "", pages, claimed)
    for number, page in enumerate(reader.pages, 1):
        marks, loose = _marks(reader, page)
        if loose:
            yield f"page {number}: {loose} pieces of text outside of every mark"
        wrong = {mark for mark in marks if claimed[number, mark] != 1}
        if wrong:
            yield f"page {number}: marks {sorted(wrong)[:5]} are of no element, or of several"


def _element_faults(
    node: Any, page: Any, parent: str, pages: Any, claimed: Counter[tuple[int, int]]
) -> Iterator[str]:
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for one in node:
            yield from _element_faults(one, page, parent, pages, claimed)
    elif isinstance(node, int):
        claimed[pages[page], int(node)] += 1
    elif "/K" in node or "/S" in node or "/MCID" in node:
        page = node.raw_get("/Pg") if "/Pg" in node else page
        if "/MCID" in node:
            claimed[pages[page], int(node["/MCID"])] += 1
            return
        role = str(node.get("/S", ""))
        wanted = {"/TR": ("/Table", "/THead", "/TBody", "/TFoot"), "/TD": ("/TR",)}.get(role)
        if wanted and parent not in wanted:
            yield f"{role} stands in {parent}"
        if role == "/Figure" and not node.get("/Alt"):
            yield "a figure without words"
        if node.get("/K") is not None:
            yield from _element_faults(node["/K"], page, role, pages, claimed)


def _marks(reader: PdfReader, page: Any) -> tuple[set[int], int]:
    """The marks of a page, and how many pieces of text stand in none (nor in an artifact)."""
    depth, loose, marks = 0, 0, set[int]()
    for operands, operator in ContentStream(page["/Contents"].get_object(), reader).operations:
        if operator in (b"BDC", b"BMC"):
            depth += 1
            if operator == b"BDC" and isinstance(operands[1], dict) and "/MCID" in operands[1]:
                marks.add(int(operands[1]["/MCID"]))
        elif operator == b"EMC":
            depth -= 1
        elif operator in _SHOWING and not depth:
            loose += 1
    return marks, loose
