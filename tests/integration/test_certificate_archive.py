"""A signed certificate as an archive and a reading machine meet it: PDF/A-3a, tagged, object by
object; and that what looks for it would find it missing."""

import io
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any
from xml.etree import ElementTree as ET

import pytest
from fixtures_certificates import CertificateFiles
from pdf_archive import archive_faults
from pypdf import PdfReader, PdfWriter
from pypdf.generic import DecodedStreamObject, NameObject

DESCRIBED = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}Description"
CLAIMS = {
    "{http://www.aiim.org/pdfa/ns/id/}part": "3",
    "{http://www.aiim.org/pdfa/ns/id/}conformance": "A",
    "{http://www.aiim.org/pdfua/ns/id/}part": "1",
}


def roles(node: Any) -> Iterator[str]:
    """The elements of a structure tree, as they stand."""
    node = node.get_object() if hasattr(node, "get_object") else node
    if isinstance(node, list):
        for one in node:
            yield from roles(one)
    elif isinstance(node, dict):
        if "/S" in node:
            yield str(node["/S"])[1:]
        yield from roles(node.get("/K"))


def test_a_signed_certificate_is_what_its_metadata_claims(
    certificate_files: CertificateFiles,
) -> None:
    """PDF/A-3a and PDF/UA-1 are claimed once signed, and borne out: marked and tagged whole, one
    colour profile, fonts inside, every attachment of a stated relation and type."""
    reader = PdfReader(certificate_files.pdf)
    root: Any = reader.trailer["/Root"]
    said = ET.fromstring(root["/Metadata"].get_object().get_data())
    claims = {
        name: one.get(name) for one in said.iter(DESCRIBED) for name in CLAIMS if one.get(name)
    }

    assert claims == CLAIMS
    assert archive_faults(reader) == []
    assert root["/Lang"] == "zh-CN"
    assert {one.get_object()["/AFRelationship"] for one in root["/AF"]} == {"/Data"}


def test_its_tables_are_read_as_tables(certificate_files: CertificateFiles) -> None:
    """One document with one title, headings, and tables of rows with header cells."""
    root: Any = PdfReader(certificate_files.pdf).trailer["/Root"]
    found = Counter(roles(root["/StructTreeRoot"]))

    assert (found["Document"], found["H1"]) == (1, 1)
    assert found["H2"] >= 5
    assert found["Table"] >= found["THead"] > 0
    assert found["TD"] > found["TH"] > 0
    assert found["TR"] > found["Table"]


def _unmarked(writer: PdfWriter) -> None:
    del writer.root_object["/MarkInfo"]


def _untagged(writer: PdfWriter) -> None:
    del writer.root_object["/StructTreeRoot"]


def _without_colours(writer: PdfWriter) -> None:
    del writer.root_object["/OutputIntents"]


def _unrelated(writer: PdfWriter) -> None:
    files: Any = writer.root_object["/AF"]
    del files[0].get_object()["/AFRelationship"]


def _unassociated(writer: PdfWriter) -> None:
    del writer.root_object["/AF"]


def _without_a_font(writer: PdfWriter) -> None:
    resources: Any = writer.pages[0]["/Resources"]
    font = resources["/Font"]["/f0"].get_object()["/DescendantFonts"][0].get_object()
    del font["/FontDescriptor"].get_object()["/FontFile2"]


def _with_loose_text(writer: PdfWriter) -> None:
    page, more = writer.pages[0], DecodedStreamObject()
    content: Any = page["/Contents"]
    more.set_data(content.get_object().get_data() + b"\nBT /f0 9 Tf <0001> Tj ET\n")
    page[NameObject("/Contents")] = writer._add_object(more)


@pytest.mark.parametrize(
    ("spoil", "told"),
    [
        (_unmarked, "MarkInfo does not say"),
        (_untagged, "no structure tree"),
        (_without_colours, "0 output intents"),
        (_unrelated, "has no relation to the document"),
        (_unassociated, "associated []"),
        (_without_a_font, "is not embedded"),
        (_with_loose_text, "1 pieces of text outside of every mark"),
    ],
)
def test_what_is_missing_is_found(
    certificate_files: CertificateFiles, spoil: Callable[[PdfWriter], None], told: str
) -> None:
    """Each thing taken away, one at a time, by a tool that claims the same metadata."""
    writer = PdfWriter(clone_from=io.BytesIO(certificate_files.pdf.read_bytes()))
    spoil(writer)
    spoiled = io.BytesIO()
    writer.write(spoiled)

    assert any(told in fault for fault in archive_faults(PdfReader(spoiled)))
