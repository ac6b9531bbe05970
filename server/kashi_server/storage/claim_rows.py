"""Batches and claims as rows, and back."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from datetime import date
from typing import Any

from sqlalchemy import Row

from kashi_server.domain.batch import Batch, BatchStatus
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.claim import Amounts, Claim
from kashi_server.domain.claim_content import Officially, content_of
from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import ClaimState, mode_of, review_of
from kashi_server.domain.evaluation.case import Voucher
from kashi_server.domain.rules import RulesVersion
from kashi_server.services.claims_port import StoredClaim, StoredEvaluation


def batch_values(batch: Batch) -> dict[str, object]:
    """The row of a batch."""
    return {
        "batch_id": batch.batch_id,
        "programme_id": batch.programme_id,
        "year": batch.year,
        "version": batch.version,
        "rules_sha256": batch.rules_sha256,
        "opens_on": batch.opens_on.isoformat(),
        "closes_on": batch.closes_on.isoformat(),
        "documents": "\n".join(batch.documents),
        "status": batch.status.value,
    }


def batch_of(row: Row[Any]) -> Batch:
    """A row of batches."""
    return Batch(
        batch_id=row.batch_id,
        programme_id=row.programme_id,
        year=row.year,
        version=row.version,
        rules_sha256=row.rules_sha256,
        opens_on=date.fromisoformat(row.opens_on),
        closes_on=date.fromisoformat(row.closes_on),
        documents=tuple(row.documents.split("\n")),
        status=BatchStatus(row.status),
    )


def claim_values(stored: StoredClaim) -> dict[str, object]:
    """The row of a claim."""
    claim = stored.claim
    voucher = claim.voucher
    return {
        "batch_id": claim.batch_id,
        "company_id": claim.company_id,
        "payee_id": claim.payee_id,
        "state": claim.state.value,
        "resumes": "" if claim.resumes is None else claim.resumes.value,
        "applied_on": _text(claim.applied_on),
        "corrections": claim.corrections,
        "computed_fen": claim.computed_fen,
        "publicised_on": _text(claim.publicised_on),
        **asdict(claim.amounts),
        "voucher_number": None if voucher is None else voucher.number,
        "face_fen": 0 if voucher is None else voucher.face_fen,
        "used_fen": 0 if voucher is None else voucher.used_fen,
        "valid_from": None if voucher is None else _text(voucher.valid_from),
        "valid_until": None if voucher is None else _text(voucher.valid_until),
        "serial": claim.serial,
        "content": stored.content.to_bytes(),
        "officially": canonical_bytes(stored.officially.to_data()),
    }


def stored_claim(row: Row[Any], batch: Batch, rules: RulesVersion) -> StoredClaim:
    """A row of claims."""
    return StoredClaim(
        claim=Claim(
            claim_id=row.claim_id,
            batch_id=row.batch_id,
            company_id=row.company_id,
            payee_id=row.payee_id,
            mode=mode_of(rules),
            review=review_of(rules),
            state=ClaimState(row.state),
            applied_on=_day(row.applied_on),
            resumes=ClaimState(row.resumes) if row.resumes else None,
            corrections=row.corrections,
            computed_fen=row.computed_fen,
            publicised_on=_day(row.publicised_on),
            voucher=_voucher(row),
            amounts=Amounts(**{name: getattr(row, name) for name in Amounts.__dataclass_fields__}),
            serial=row.serial,
        ),
        batch=batch,
        rules=rules,
        content=content_of(json.loads(row.content)),
        officially=Officially(**json.loads(row.officially)),
        drafted_utc_ms=row.drafted_utc_ms,
    )


def _voucher(row: Row[Any]) -> Voucher | None:
    if row.voucher_number is None:
        return None
    return Voucher(
        number=row.voucher_number,
        face_fen=row.face_fen,
        used_fen=row.used_fen,
        valid_from=_day(row.valid_from),
        valid_until=_day(row.valid_until),
    )


def event_of(content: bytes) -> ClaimEvent:
    """A step of its canonical bytes."""
    said: Mapping[str, Any] = json.loads(content)
    return ClaimEvent(**{name: value for name, value in said.items() if name != "format"})


def stored_evaluation(row: Row[Any]) -> StoredEvaluation:
    """A row of claim_evaluations."""
    values = {name: getattr(row, name) for name in StoredEvaluation.__dataclass_fields__}
    values["inputs"], values["trace"] = bytes(row.inputs), bytes(row.trace)
    return StoredEvaluation(**values)


def _text(day: date | None) -> str | None:
    return None if day is None else day.isoformat()


def _day(text: str | None) -> date | None:
    return None if text is None else date.fromisoformat(text)
