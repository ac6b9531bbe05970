"""The steps of a trail, each made from what is stored: certificate, statement, line, agreements.

The rule by which each follows is cited with the page and paragraph that fixes it.
"""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any, Final

from kashi_server.domain.canonical import decimal_text
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import HOUR_MS, Interval
from kashi_server.domain.money import price_text, yuan_text
from kashi_server.domain.reason import Reason
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.tariff import Price
from kashi_server.domain.trail import Fact, TrailStep
from kashi_server.services.certificates_port import StoredCertificate
from kashi_server.services.expense_port import StoredStatement
from kashi_server.services.trail_then import Known

Data = Mapping[str, Any]
_REASONS: Final = {str(reason): reason for reason in Reason}
CERTIFICATE_RULE: Final = "docs/certificate.md §1, §3"
STATEMENT_RULE: Final = "docs/closing.md (Two cut-offs); docs/agreements.md; docs/architecture.md"
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
        follows_zh="金额 = 所含结算单金额之和",
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
            "cut_off_event_time": cut_off["event_end"],
            "cut_off_log_size": cut_off["checkpoint_size"],
            "cut_off_log_root": cut_off["checkpoint_root"],
            "programme": None if programme is None else programme["programme_id"],
            "sha256": stored.sha256.hex(),
            "log_index": log_index,
        },
        follows="amount = sum of its lines' amounts; eligible = sum over eligible lines",
        follows_zh="金额 = 各计费行金额之和；合格金额 = 合格行之和",
        source=STATEMENT_RULE,
    )


RULES: Final = "rules"
RULES_NAMED_BY: Final = frozenset({"programme_id", "version", "sha256"})
"""Facts of the rules' step that name the version; its other ones are the parameters."""


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
        kind=RULES,
        zh="政策规则",
        en="rules in force",
        facts=facts,
        follows="eligible and estimated amounts follow from this version, by its hash",
        follows_zh="合格金额与估算金额依此版本（以哈希为准）得出",
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
        **_origin(line),
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
        follows_zh="金额 = 计费时间 × 份额 × 单价，每行截断到分",
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


def _origin(line: Data) -> dict[str, Fact]:
    """What only some lines have: gap time that counts, a provider's word, a price of its own."""
    counted = line["quantities"]
    found: dict[str, Fact] = {
        name: counted[name] for name in ("continuity_ms", "officer_ms") if name in counted
    }
    for name in ("stated", "price"):
        for key, value in line.get(name, {}).items():
            found[f"{name}_{key}"] = value if isinstance(value, str | int) else str(value)
    return found


def price_step(known: Known[Price], line: Data) -> TrailStep:
    """The price a line names, as its statement's cut-off knew it."""
    facts = _price_facts(known.then)
    return TrailStep(
        kind="price",
        zh="合同单价",
        en="price",
        facts={
            **facts,
            "log_index": known.log_index,
            "changed_since": _changed(facts, None if known.now is None else _price_facts(known.now))
            or _unlogged(known, line),
        },
        follows="the price in force over the line, of the device's model or its physical device's",
        follows_zh="计费行期间有效、与该型号（或其所属物理卡型号）对应的单价",
        source="docs/agreements.md",
    )


def _price_facts(price: Price) -> dict[str, Fact]:
    return {
        "price_id": price.price_id,
        "contract_id": price.contract_id,
        "model": price.model,
        "yuan": price_text(price.yuan),
        "basis": str(price.basis),
        **_span(price.interval),
    }


def _unlogged(known: Known[Price], line: Data) -> Fact:
    """Of a price that the log never saw: whether the line was rated at another one."""
    rated = line["price_yuan_per_card_hour"]
    here = price_text(known.then.yuan)
    if known.log_index is not None or line.get("price") is not None or rated in (None, here):
        return None
    return f"计费时 rated at {rated} → {here}"


def assignment_step(known: Known[Assignment]) -> TrailStep:
    """An assignment that leases a line's device, or the physical device it is a part of."""
    facts = _assignment_facts(known.then)
    now = None if known.now is None else _assignment_facts(known.now)
    return TrailStep(
        kind="assignment",
        zh="设备指派",
        en="assignment",
        facts={**facts, "log_index": known.log_index, "changed_since": _changed(facts, now)},
        follows="leased time: confirmed by both sides, within the contract's term",
        follows_zh="租用时间：双方确认，且在合同期内",
        source="docs/agreements.md",
    )


def _assignment_facts(one: Assignment) -> dict[str, Fact]:
    return {
        "assignment_id": one.assignment_id,
        "contract_id": one.contract_id,
        "hardware_id": one.hardware_id,
        **_span(one.interval),
        "proposed_by": one.proposed_by,
        "confirmed_by": one.confirmed_by,
    }


def _changed(then: dict[str, Fact], now: dict[str, Fact] | None) -> Fact:
    """What is otherwise today; None: nothing."""
    if now is None:
        return "今已撤销 taken out since"
    told = (f"{name} {then[name]} → {now[name]}" for name in then if then[name] != now[name])
    return "; ".join(told) or None


def _span(interval: Interval) -> dict[str, Fact]:
    end = None if interval.end is None else shanghai_text(interval.end)
    return {"start": shanghai_text(interval.start), "end": end}
