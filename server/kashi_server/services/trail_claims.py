"""The upper end of a trail: the claims that take a line, and the money that was paid on them."""

import json
from collections.abc import Iterator

from kashi_server.domain.claim_event import ClaimEvent
from kashi_server.domain.claim_states import Step
from kashi_server.domain.minute_text import utc_ms_text
from kashi_server.domain.money import yuan_text
from kashi_server.domain.trail import Fact, TrailStep
from kashi_server.services.claim_stands import STANDS
from kashi_server.services.claim_steps import CLAIM_ENTRY
from kashi_server.services.trail_port import ClaimedLine, ExplainingUnit

_MONEY = (Step.PAY, Step.CLAW_BACK)


def claim_steps(unit: ExplainingUnit, number: str, revision: int, line: int) -> Iterator[TrailStep]:
    """Every claim that takes a line of a statement, each with its payments."""
    for claim in unit.certificates.claims_of_line(number, revision, line):
        yield _claim_step(claim)
        for event in unit.claims.events(claim.claim_id):
            if event.step in _MONEY:
                yield _payment_step(unit, event)


def _claim_step(claim: ClaimedLine) -> TrailStep:
    computed = claim.computed_fen
    return TrailStep(
        kind="claim",
        zh="申报",
        en="claim",
        facts={
            "claim_id": claim.claim_id,
            "batch_id": claim.batch_id,
            "programme_id": claim.programme_id,
            "state": claim.state,
            "computed_yuan": None if computed is None else yuan_text(computed),
            "approved_yuan": yuan_text(claim.approved_fen),
            "voucher_number": claim.voucher_number,
            "disbursed_yuan": yuan_text(claim.disbursed_fen),
        },
        follows="within a programme a line is claimed once",
        follows_zh="同一项目内，一条计费行只能申报一次",
        source="docs/claims.md",
    )


def _payment_step(unit: ExplainingUnit, event: ClaimEvent) -> TrailStep:
    """Money that moved: who decided it, on what paper, where the ledger has it."""
    facts: dict[str, Fact] = {
        "claim_id": event.claim_id,
        "step": event.step,
        "at": utc_ms_text(event.utc_ms),
        "officers": ", ".join(filter(None, (event.actor, event.second))),
        "reason": event.reason,
        "document": event.document,
    }
    for kind, amount_fen in event.terms.get("booked", ()):
        facts[f"booked_{kind}_yuan"] = yuan_text(amount_fen)
    for name, value in event.terms.items():
        if name in ("booked", STANDS):
            continue
        if name.endswith("_fen") and isinstance(value, int):
            facts[f"{name.removesuffix('_fen')}_yuan"] = yuan_text(value)
        else:
            facts[name] = _plain(value)
    facts["ledger_key"] = f"claim/{event.claim_id}/{event.serial}/"
    facts["log_index"] = unit.log.index_of(CLAIM_ENTRY, f"{event.claim_id}/{event.serial}")
    return TrailStep(
        kind="payment",
        zh="兑付" if event.step == Step.PAY else "追回",
        en="payment" if event.step == Step.PAY else "claw-back",
        facts=facts,
        follows="decided by two officers; booked in the ledger under its key; redeems certificates",
        follows_zh="两名经办人共同决定，以该键记入台账，并核销所依据的证明",
        source="docs/claims.md; docs/ledger.md",
    )


def _plain(value: object) -> Fact:
    if isinstance(value, list) and all(isinstance(one, str) for one in value):
        return ", ".join(value)
    return value if isinstance(value, str | int | None) else json.dumps(value, ensure_ascii=False)
