"""How a claim stands after a step, as the step's entry in the log says it.

A claim's row and what it holds are changed in place; so each step keeps what they came to, and a
check compares the rows with the last of them.
"""

from collections.abc import Iterable
from dataclasses import asdict
from datetime import date
from hashlib import sha256
from typing import Any

from kashi_server.domain.canonical import canonical_bytes
from kashi_server.services.claims_port import ClaimsPort, StoredClaim

STANDS = "stands"
"""The term of an event under which it is kept."""


def stands_of(port: ClaimsPort, stored: StoredClaim) -> dict[str, object]:
    """Every column of a claim, and hashes of what is longer: content, the office's words, and what
    it holds of metered lines and of invoices."""
    claim = stored.claim
    lines = [asdict(one) for one in port.held_lines(claim.claim_id)]
    parts = [asdict(one) for one in port.held_parts(claim.claim_id)]
    return {
        "batch_id": claim.batch_id,
        "company_id": claim.company_id,
        "payee_id": claim.payee_id,
        "state": claim.state.value,
        "resumes": None if claim.resumes is None else claim.resumes.value,
        "applied_on": _day(claim.applied_on),
        "corrections": claim.corrections,
        "computed_fen": claim.computed_fen,
        "publicised_on": _day(claim.publicised_on),
        **asdict(claim.amounts),
        "voucher": _voucher(stored),
        "drafted_utc_ms": stored.drafted_utc_ms,
        "content_sha256": sha256(stored.content.to_bytes()).hexdigest(),
        "officially_sha256": _sha256(stored.officially.to_data()),
        "lines_sha256": _sha256(_ordered(lines)),
        "invoices_sha256": _sha256(_ordered(parts)),
    }


def _voucher(stored: StoredClaim) -> dict[str, object] | None:
    voucher = stored.claim.voucher
    if voucher is None:
        return None
    return {
        "number": voucher.number,
        "face_fen": voucher.face_fen,
        "used_fen": voucher.used_fen,
        "valid_from": _day(voucher.valid_from),
        "valid_until": _day(voucher.valid_until),
    }


def _ordered(rows: Iterable[dict[str, Any]]) -> list[list[object]]:
    return sorted([row[name] for name in sorted(row)] for row in rows)


def _sha256(said: object) -> str:
    return sha256(canonical_bytes({"said": said})).hexdigest()


def _day(day: date | None) -> str | None:
    return None if day is None else day.isoformat()
