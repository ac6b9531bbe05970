"""The time in a signed document is the one that was handed in, wherever the document tells it."""

from datetime import UTC, datetime, timedelta
from io import BytesIO

import typst
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from kashi_server.documents.signing import SoftwareKey, sign_pdf
from pyhanko.pdf_utils.reader import PdfFileReader

SIGNED_AT = datetime(2031, 2, 3, 4, 5, 6, tzinfo=UTC)


def document_key() -> SoftwareKey:
    """A key with a certificate of its own."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "documents")])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(7)
        .not_valid_before(SIGNED_AT - timedelta(days=1))
        .not_valid_after(SIGNED_AT + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return SoftwareKey(key=key, chain=(certificate,))


def test_a_signed_documents_time_of_change_is_no_machines_clock() -> None:
    """XMP's ModifyDate, and the document information's ModDate where there is one."""
    page = typst.compile(b"A page.", format="pdf", timestamp=int(SIGNED_AT.timestamp()))
    assert isinstance(page, bytes)

    signed = PdfFileReader(BytesIO(sign_pdf(page, document_key(), SIGNED_AT)))

    (metadata,) = signed.root["/Metadata"].xmp
    dates = {str(name): value for name, value in metadata if name.local_name == "ModifyDate"}
    assert [datetime.fromisoformat(str(one.value)) for one in dates.values()] == [SIGNED_AT]
    told = signed.trailer["/Info"].get("/ModDate") if "/Info" in signed.trailer else None
    assert told is None or told.startswith("D:20310203040506")
    assert signed.embedded_signatures[-1].self_reported_timestamp == SIGNED_AT
