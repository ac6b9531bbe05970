"""The steps of a trail, each made from what is stored: certificate, statement, line, agreements.

The rule by which each follows is cited with the page and paragraph that fixes it.
"""

from collections.abc import Iterator, Mapping
from fractions import Fraction
from typing import Any, Final

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import HOUR_MS, Interval
from kashi_server.domain.money import yuan_text
from kashi_server.domain.reason import Reason
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.tariff import Price
from kashi_server.domain.trail import Fact, TrailStep
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.expense_port import StoredStatement

Data = Mapping[str, Any]
_REASONS: Final = {str(reason): reason for reason in Reason}
CERTIFICATE_RULE: Final = "docs/certificate.md §1, §3"
STATEMENT_RULE: Final = "docs/agreements.md; docs/architecture.md"
LINE_RULE: Final = "docs/metering.md; docs/agreements.md"


def certificate_step(one: StoredCertificate, log_index: int | None) -> TrailStep:
    """A certificate: what it comes to and how it stands."""
    first = one.first_month
    return TrailStep(
        kind="certificate",
        zh="算力使用证明",
        en="certificate",
        facts={
            "number": one.number,
            "edition": one.edition,
            "months": str(one.month) if first is None else f"{first}..{one.month}",
            "user_id": one.user_id,
            "provider_id": one.provider_id,
            "contract_id": one.contract_id,
            "amount_yuan": yuan_text(one.amount_fen),
            "eligible_yuan": yuan_text(one.eligible_fen),
            "card_hours": one.card_hours,
            "status": str(one.status),
            "status_reason": one.status_reason,
            "statement": f"{one.statement_number} r{one.statement_revision}",
            "statement_sha256": one.statement_sha256,
            "pdf_sha256": one.pdf_sha256,
            "log_index": log_index,
        },
        follows="amount = sum of its statements' amounts",
        source=CERTIFICATE_RULE,
    )


def statement_step(stored: StoredStatement, data: Data, log_index: int | None) -> TrailStep:
    """A statement revision: its cut-off, its programme's rules and what its lines come to."""
    cut_off, programme = data["cut_off"], data["programme"]
    return TrailStep(
        kind="statement",
        zh="结算单",
        en="statement",
        facts={
            "number": stored.number,
            "revision": stored.revision,
            "month": str(stored.month),
            "lines": len(data["lines"]),
            "amount_yuan": yuan_text(stored.amount_fen),
            "eligible_yuan": yuan_text(stored.eligible_fen),
            "coverage": data["quality"]["coverage"],
            "cut_off_time": cut_off["event_end"],
            "cut_off_log_size": cut_off["checkpoint_size"],
            "cut_off_log_root": cut_off["checkpoint_root"],
            "programme": None if programme is None else programme["programme_id"],
            "sha256": stored.sha256.hex(),
            "log_index": log_index,
        },
        follows="amount = sum of its lines' amounts; eligible = sum over eligible lines",
        source=STATEMENT_RULE,
    )


def rules_step(data: Data) -> TrailStep | None:
    """The rules version that the statement names, each parameter with its state and its source."""
    programme = data["programme"]
    if programme is None:
        return None
    facts: dict[str, Fact] = {
        "programme_id": programme["programme_id"],
        "version": programme["version"],
        "sha256": programme["sha256"],
    }
    for one in programme["parameters"]:
        value = "—" if one["value"] is None else one["value"]
        facts[one["name"]] = f"{value} [{one['state']}] {one['source'] or ''}".strip()
    return TrailStep(
        kind="rules",
        zh="政策规则",
        en="rules in force",
        facts=facts,
        follows="eligible and estimated amounts follow from this version, by its hash",
        source="docs/rules.md",
    )


def line_step(data: Data, line: Data) -> TrailStep:
    """A rated line with its own arithmetic spelled out."""
    counted = line["quantities"]
    facts: dict[str, Fact] = {
        "statement": data["statement"]["number"],
        "line": line["line"],
        "hardware_id": line["hardware_id"],
        "host_id": line["host_id"],
        "start": line["start"],
        "end": line["end"],
        "leased_ms": counted["leased_ms"],
        "observed_ms": counted["observed_ms"],
        "gap_ms": counted["gap_ms"],
        "billed_ms": line["billed_ms"],
        "basis": line["basis"],
        "share": line["share"],
        "price_id": line["price_id"],
        "price_yuan_per_card_hour": line["price_yuan_per_card_hour"],
        "amount_yuan": yuan_text(line["amount_fen"]),
        "eligible": line["eligible"],
        "evidence_level": line["evidence_level"],
        "rules_sha256": line["rules_sha256"],
    }
    for place, code in enumerate(line["reasons"], 1):
        words = _REASONS.get(code)
        facts[f"reason_{place}"] = code if words is None else f"{code}: {words.zh} / {words.en}"
    return TrailStep(
        kind="line",
        zh="计费行",
        en="rated line",
        facts=facts,
        follows=_equation(line),
        source=LINE_RULE,
    )


def _equation(line: Data) -> str:
    price, share = line["price_yuan_per_card_hour"], line["share"]
    if price is None or share is None:
        return "no price or no share: the line earns nothing per card-hour"
    exact = Fraction(share) * Fraction(price) * line["billed_ms"] / HOUR_MS
    return (
        f"{line['billed_ms']} ms x {share} x {price} yuan / 3600000 ms"
        f" = {decimal_text(exact)} yuan, cut to one fen: {yuan_text(line['amount_fen'])}"
        " (truncate_to_fen)"
    )


def price_step(price: Price) -> TrailStep:
    """The price a line names: whose contract it is of, and since when."""
    return TrailStep(
        kind="price",
        zh="合同单价",
        en="price",
        facts={
            "price_id": price.price_id,
            "contract_id": price.contract_id,
            "model": price.model,
            "yuan": decimal_text(price.yuan),
            "basis": str(price.basis),
            **_span(price.interval),
        },
        follows="the price in force over the line, of the device's model or its physical device's",
        source="docs/agreements.md",
    )


def assignment_steps(
    assignments: Iterator[Assignment], hardware_ids: set[str], line: Data, span: Interval
) -> Iterator[TrailStep]:
    """The assignments that lease the line's device, or the physical device it is a part of."""
    for one in assignments:
        if one.hardware_id in hardware_ids and one.interval.overlap(span) is not None:
            yield TrailStep(
                kind="assignment",
                zh="设备指派",
                en="assignment",
                facts={
                    "assignment_id": one.assignment_id,
                    "contract_id": one.contract_id,
                    "hardware_id": one.hardware_id,
                    **_span(one.interval),
                    "proposed_by": one.proposed_by,
                    "confirmed_by": one.confirmed_by,
                },
                follows="leased time: confirmed by both sides, within the contract's term",
                source="docs/agreements.md",
            )


def _span(interval: Interval) -> dict[str, Fact]:
    end = None if interval.end is None else shanghai_text(interval.end)
    return {"start": shanghai_text(interval.start), "end": end}
