"""The share of a pool by which a claim was approved where more was requested than the pool held.

What an application comes to later is before the pool; held against what was approved it is cut by
the same share. A pool that is first come, an envelope or a quota cuts to what is left, which the
approval reserved.
"""

import json
from fractions import Fraction
from typing import Any

from kashi_server.domain.claim_states import Step
from kashi_server.domain.money import parse_yuan
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim


def shared_fen(unit: ClaimsUnit, stored: StoredClaim, fen: int | None) -> int | None:
    """What of an amount before the pool is left by the share of the approval, cut to one fen.

    None stays None; before an approval, and where the pool held all requests, it is all of it.
    """
    if fen is None or stored.rules.parameter("pool.overflow").value != "prorata":
        return fen
    share = fen * _share(unit, stored.claim.claim_id)
    return share.numerator // share.denominator


def _share(unit: ClaimsUnit, claim_id: str) -> Fraction:
    approvals = {one.serial for one in unit.claims.events(claim_id) if one.step == Step.APPROVE}
    found = [one for one in unit.claims.evaluations(claim_id) if one.serial in approvals]
    steps: list[dict[str, Any]] = json.loads(found[-1].trace)["steps"] if found else []
    told = {
        one["name"]: one["value"]
        for step in steps
        if step["step"] == "pool"
        for one in step["inputs"]
    }
    if "left" not in told or "requested" not in told:
        return Fraction(1)
    left_fen, requested_fen = parse_yuan(told["left"]), parse_yuan(told["requested"])
    return Fraction(left_fen, requested_fen) if requested_fen > left_fen else Fraction(1)
