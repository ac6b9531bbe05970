"""What a certificate costs: milliseconds rendered and signed, and bytes of the document."""

import time
from statistics import median

from certificate_samples import ISSUED_UTC_MS, sample_certificate
from cryptography.hazmat.primitives.asymmetric import ec
from kashi_server.documents.press import DocumentPress
from kashi_server.documents.signing import SoftwareKey
from kashi_server.domain.statement import Statement
from kashi_server.services.authority import found
from statement_samples import long_statement

ROUNDS = 5
LINES = (12, 500)


def measure() -> dict[str, int | float | str]:
    """Median over rounds after one that loads the fonts.

    Keys: `<lines>lines.ms` (milliseconds) and `<lines>lines.bytes` (of the signed PDF).
    """
    press = _press()
    figures: dict[str, int | float | str] = {}
    for lines in LINES:
        statement = long_statement(lines)
        _issue(press, statement)
        taken = [_issue(press, statement) for _ in range(ROUNDS)]
        figures[f"{lines}lines.ms"] = round(median(ms for ms, _ in taken), 1)
        figures[f"{lines}lines.bytes"] = taken[0][1]
    return figures


def _press() -> DocumentPress:
    keyring = found("Bench", ("localhost",), bytes(32), ISSUED_UTC_MS, demo=False).keyring
    assert isinstance(keyring.document_key, ec.EllipticCurvePrivateKey)
    return DocumentPress(key=SoftwareKey(keyring.document_key, keyring.document_chain))


def _issue(press: DocumentPress, statement: Statement) -> tuple[float, int]:
    certificate, parts = sample_certificate(statement)
    start = time.perf_counter()
    document = press.document(certificate, parts)
    return (time.perf_counter() - start) * 1000, len(document)
