"""Usage certificates to look at and to download."""

from collections.abc import Iterator
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response, StreamingResponse

from kashi_server.domain.certificate import CertificateStatus
from kashi_server.errors import NotFound
from kashi_server.portal.pages import page
from kashi_server.portal.visit import SignedIn, Visit
from kashi_server.services.rows import CertificateRow
from kashi_server.services.views import NOT_THERE

PIECE_BYTES: Final = 64 * 1024
FILES: Final = {
    "certificate.pdf": ("pdf", "application/pdf"),
    "statement.json": ("statement", "application/json"),
    "evidence.json": ("evidence", "application/json"),
    "summary.json": ("summary", "application/json"),
    "lines.csv": ("lines", "text/csv"),
    "bundle.zip": ("bundle", "application/zip"),
}
_STANDING: Final = (CertificateStatus.ISSUED, CertificateStatus.REDEEMED)
router = APIRouter(include_in_schema=False)


@router.get("/certificates")
def certificates(visit: SignedIn) -> Response:
    """The certificates a reader may download."""
    return page(visit, "certificates.html", rows=visit.parts.views.certificates(visit.reader))


@router.get("/certificates/{number}")
def certificate(visit: SignedIn, number: str) -> Response:
    """One certificate and its files."""
    row = visit.parts.views.certificate(visit.reader, number)
    files = {name: kind for name, kind in FILES.items() if kind[0] in row.kinds}
    return page(visit, "certificate.html", row=row, files=files)


@router.get("/certificates/{number}/{file}")
def download(visit: SignedIn, number: str, file: str) -> Response:
    """A file of a certificate, byte for byte as issued."""
    return certificate_file(visit, number, file)


def certificate_file(visit: Visit, number: str, file: str) -> Response:
    """A file of a certificate, in pieces.

    Raises:
        NotFound: there is none, or it is not the reader's.
    """
    row = visit.parts.views.certificate(visit.reader, number)
    if file not in FILES:
        raise NotFound(NOT_THERE)
    kind, media_type = FILES[file]
    content = visit.parts.views.certificate_file(visit.reader, number, kind)
    visit.record("downloaded", f"{number}/{file}")
    return StreamingResponse(
        _pieces(content),
        media_type=media_type,
        headers={
            "content-disposition": f'attachment; filename="{_name(row, file)}"',
            "content-length": str(len(content)),
            # The bytes stay as they were signed: how they stand goes beside them.
            "x-certificate-status": str(row.status),
        },
    )


def _name(row: CertificateRow, file: str) -> str:
    """What a file is saved as: one that no longer stands says so in its name."""
    mark = "" if row.status in _STANDING else f"-{str(row.status).upper()}"
    return f"{row.number}{mark}-{file}"


def _pieces(content: bytes) -> Iterator[bytes]:
    for start in range(0, len(content), PIECE_BYTES):
        yield content[start : start + PIECE_BYTES]
