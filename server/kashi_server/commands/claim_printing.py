"""How claims, batches and vouchers are printed."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import datetime
from typing import Any

from rich.table import Table

from kashi_server.commands.plain import PlainConsole, plain
from kashi_server.domain.batch import Batch
from kashi_server.domain.claim import Claim
from kashi_server.domain.claim_review import publicity_last
from kashi_server.domain.claim_states import ClaimState
from kashi_server.domain.interval import SHANGHAI
from kashi_server.domain.money import yuan_text
from kashi_server.services.claim_desk import Trial
from kashi_server.services.claim_flags import Recoverable
from kashi_server.services.claim_gathering import LeftOut, Outside
from kashi_server.services.claim_reading import ShownClaim
from kashi_server.services.claim_steps import Taken
from kashi_server.services.claim_words import (
    BATCHES,
    MODES,
    STATES,
    STEPS,
    WHO,
    outcome_lines,
    trace_lines,
)
from kashi_server.services.claims_port import StoredClaim


def claim_facts(stored: StoredClaim) -> dict[str, Any]:
    """A claim's figures for programs; amounts in fen."""
    claim = stored.claim
    voucher = claim.voucher
    return {
        "claim_id": claim.claim_id,
        "batch_id": claim.batch_id,
        "programme_id": stored.batch.programme_id,
        "company_id": claim.company_id,
        "payee_id": claim.payee_id,
        "mode": claim.mode.value,
        "state": claim.state.value,
        "applied_on": None if claim.applied_on is None else claim.applied_on.isoformat(),
        "computed_fen": claim.computed_fen,
        "approved_fen": claim.amounts.approved_fen,
        "accrued_fen": claim.amounts.accrued_fen,
        "certified_fen": claim.amounts.certified_fen,
        "paid_fen": claim.amounts.disbursed_fen,
        "released_fen": claim.amounts.released_fen,
        "recovered_fen": claim.amounts.recovered_fen,
        "voucher": None if voucher is None else voucher.number,
        "face_fen": None if voucher is None else voucher.face_fen,
        "balance_fen": None if voucher is None else claim.balance_fen,
        "valid_from": None if voucher is None else str(voucher.valid_from),
        "valid_until": None
        if voucher is None or voucher.valid_until is None
        else voucher.valid_until.isoformat(),
    }


def print_draft(stored: StoredClaim, left: LeftOut, *, as_json: bool) -> None:
    """A draft: how many papers it names, and which it leaves out, with the reason."""
    claim, content = stored.claim, stored.content
    if as_json:
        outside = [
            {**asdict(one.part), "issued_on": one.issued_on.isoformat()} for one in left.outside
        ]
        said = {
            **claim_facts(stored),
            "content": content.to_data(),
            "invoices_outside_period": outside,
            "held_by_other_claims": [asdict(one) for one in left.held],
            "statements_not_certified": list(left.uncertified),
        }
        print(json.dumps(said, ensure_ascii=False))
        return
    print(f"{claim.claim_id}: 草稿 draft")
    print(f"    结算单 statements {len(content.statements)}")
    print(f"    发票 invoice parts {len(content.invoices)}")
    print(f"    支付 payments {len(content.payments)}")
    if content.other_money is None:
        print("    其他财政资金未声明 other public money is not stated: other_money = [] says none")
    for line in _left_lines(stored, left):
        print(plain(f"    {line}"))
    if left.outside:
        _print_outside(stored, left.outside)


def _left_lines(stored: StoredClaim, left: LeftOut) -> Iterator[str]:
    """Why a draft holds nothing, or not everything of its contracts and period."""
    content = stored.content
    if not content.names_papers:
        contracts = ", ".join(content.contract_ids)
        yield (
            f"注意 warning: 未列入任何材料 no paper is named: {contracts},"
            f" {content.first} – {content.last}: 没有可归集的已证明结算单、有效发票或付款"
            " no certified statement, invoice or payment is there to be gathered"
        )
    for one in left.held:
        papers = ", ".join((*one.statements, *one.invoices))
        yield f"已列入申报 held by claim {one.claim_id}: {papers}"
    if left.uncertified:
        numbers = ", ".join(left.uncertified)
        yield f"尚无有效证明，须由主管部门 certify: statements not certified yet: {numbers}"


def _print_outside(stored: StoredClaim, outside: Sequence[Outside]) -> None:
    content = stored.content
    print(
        f"    注意 warning: {len(outside)} 项发票开具于申报期间（{content.first} – {content.last}）"
        f"之外，未归集 invoice parts were issued outside the period and are left out:"
    )
    for one in outside:
        part = one.part
        named = f"{part.number}:{part.contract_id}:{part.part}:{yuan_text(part.amount_fen)}"
        print(plain(f"        {one.issued_on}  {named}"))
    print(
        "      如属本次申报，请延长期间重新起草，或逐项加入："
        " if they belong to it, draft anew with a longer --from/--until, or add each with:"
        f" kashi-server claim add {stored.claim.claim_id} --invoice NUMBER:CONTRACT:PART:YUAN"
    )


def print_taken(taken: Taken, *, as_json: bool, trace: bytes = b"") -> None:
    """What a step came to; `trace`: of its evaluation, to say why."""
    stored = taken.stored
    if as_json:
        said = {**claim_facts(stored), "awaits_second_officer": taken.awaits}
        print(json.dumps(said, ensure_ascii=False))
        return
    claim = stored.claim
    if taken.awaits:
        print(f"{claim.claim_id}: 等待第二名经办人 waits for a second officer on the same terms.")
        return
    print(f"{claim.claim_id}: {STATES[claim.state]}")
    if trace:
        for line in outcome_lines(trace):
            print(f"    {line}")
    elif claim.computed_fen is not None:
        print(f"    测算 computed {yuan_text(claim.computed_fen)} 元")
    if claim.amounts.approved_fen:
        print(f"    核定 approved {yuan_text(claim.amounts.approved_fen)} 元")
    for line in _public_lines(claim):
        print(f"    {line}")
    if claim.voucher is not None:
        print(f"    券余额 balance {yuan_text(claim.balance_fen)} 元")
    if claim.amounts.disbursed_fen:
        print(f"    已拨付 paid {yuan_text(claim.amounts.disbursed_fen)} 元")


def _amount_lines(claim: Claim) -> Iterator[str]:
    amounts = claim.amounts
    for title, fen in (
        ("测算 computed", claim.computed_fen),
        ("核定 approved", amounts.approved_fen or None),
        ("预留 reserved", amounts.reserved_fen or None),
        ("已拨付 paid", amounts.disbursed_fen or None),
        ("已追回 recovered", amounts.recovered_fen or None),
    ):
        if fen is not None:
            yield f"{title} {yuan_text(fen)} 元"


def _public_lines(claim: Claim) -> Iterator[str]:
    """While a claim is made public: from when to when."""
    last = publicity_last(claim)
    if claim.state is ClaimState.PUBLICISED and last is not None:
        yield f"公示期 public {claim.publicised_on} – {last}（末日含 the last day counts）"


def folding(*titles: str) -> Table:
    """A table whose cells are folded and never cut: an id is there to be typed again."""
    table = Table()
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def print_claims(found: Sequence[StoredClaim], *, as_json: bool) -> None:
    """A list of claims."""
    if as_json:
        print(json.dumps([claim_facts(one) for one in found], ensure_ascii=False))
        return
    table = folding("申报 claim", "单位 company", "状态 state")
    for title in ("测算 computed", "核定 approved", "已拨付 paid"):
        table.add_column(title, justify="right", overflow="fold")
    for one in found:
        claim = one.claim
        table.add_row(
            claim.claim_id,
            claim.company_id,
            STATES[claim.state],
            "—" if claim.computed_fen is None else yuan_text(claim.computed_fen),
            yuan_text(claim.amounts.approved_fen),
            yuan_text(claim.amounts.disbursed_fen),
        )
    PlainConsole().print(table)


def print_recoverable(found: Sequence[Recoverable], *, as_json: bool) -> None:
    """Claims of which paid money may be recovered, each with why."""
    if as_json:
        told = [
            {
                "claim_id": one.stored.claim.claim_id,
                "state": one.stored.claim.state.value,
                "company_id": one.stored.claim.company_id,
                "since_utc_ms": one.utc_ms,
                "paid_fen": one.paid_fen,
                "comes_to_fen": one.comes_to_fen,
                "due_fen": one.due_fen,
                "reason": one.reason,
            }
            for one in found
        ]
        print(json.dumps(told, ensure_ascii=False))
        return
    table = folding("申报 claim", "单位 company", "缘由 why")
    for title in ("未追回 paid", "当日测算 came to", "应追回 due"):
        table.add_column(title, justify="right", overflow="fold")
    for one in found:
        worth = "—" if one.comes_to_fen is None else yuan_text(one.comes_to_fen)
        claim = one.stored.claim
        sums = yuan_text(one.paid_fen), worth, yuan_text(one.due_fen)
        table.add_row(claim.claim_id, claim.company_id, one.reason, *sums)
    PlainConsole().print(table)


def print_vouchers(found: Sequence[StoredClaim], *, as_json: bool) -> None:
    """A list of vouchers."""
    if as_json:
        print(json.dumps([claim_facts(one) for one in found], ensure_ascii=False))
        return
    table = folding("券 voucher", "单位 company", "有效期 valid", "状态 state")
    for title in ("面额 face", "余额 balance"):
        table.add_column(title, justify="right", overflow="fold")
    for one in found:
        voucher = one.claim.voucher
        if voucher is not None:
            table.add_row(
                voucher.number,
                one.claim.company_id,
                f"{voucher.valid_from} – {voucher.valid_until or ''}",
                STATES[one.claim.state],
                yuan_text(voucher.face_fen),
                yuan_text(one.claim.balance_fen),
            )
    PlainConsole().print(table)


def print_batches(found: Sequence[Batch], *, as_json: bool) -> None:
    """A list of batches."""
    if as_json:
        print(json.dumps([one.to_data() for one in found], ensure_ascii=False))
        return
    table = folding("批次 batch", "项目 programme", "年度 year", "期间 window", "状态 status")
    for one in found:
        window = f"{one.opens_on} – {one.closes_on}"
        programme = f"{one.programme_id} {one.version}"
        table.add_row(one.batch_id, programme, str(one.year), window, BATCHES[one.status])
    PlainConsole().print(table)


def print_claim(shown: ShownClaim, *, trace: bool, trial: Trial | None = None) -> None:
    """One claim: where it stands, what led there, what can follow; `trial`: of a draft."""
    stored = shown.stored
    claim, console = stored.claim, PlainConsole()
    console.print(f"{claim.claim_id}  {stored.rules.name_zh} {stored.rules.name_en}")
    console.print(f"    {MODES[claim.mode]} · {STATES[claim.state]}")
    console.print(f"    单位 company {claim.company_id} · 收款 payee {claim.payee_id}")
    console.print(f"    合同 contracts {', '.join(stored.content.contract_ids)}")
    for line in (*_amount_lines(claim), *_public_lines(claim)):
        console.print(f"    {line}")
    if claim.voucher is not None:
        console.print(
            f"    券 voucher {claim.voucher.number}: 面额 face {yuan_text(claim.voucher.face_fen)},"
            f" 余额 balance {yuan_text(claim.balance_fen)} 元"
        )
    for event in shown.events:
        at = datetime.fromtimestamp(event.utc_ms // 1000, SHANGHAI)
        by = ", ".join(one for one in (event.actor, event.second) if one)
        why = " · ".join(one for one in (event.reason, event.document) if one)
        console.print(f"  {event.serial:>3} {at:%Y-%m-%d %H:%M} {STEPS[event.step]} {by} {why}")
    for flag in shown.flags:
        worth = "—" if flag.comes_to_fen is None else f"{yuan_text(flag.comes_to_fen)} 元"
        console.print(f"    须重新核实 worth is to be asked again: {flag.reason}")
        console.print(f"        当日测算 came to on that day {worth}")
    if shown.recoverable is not None:
        console.print("    已拨付款项待核查追回 paid money may be recovered: claim claw-back")
    for one in shown.proposals:
        console.print(f"    待第二人 awaits a second officer: {STEPS[one.step]} ({one.officer})")
    steps = ", ".join(f"{STEPS[one.step]} ({WHO[one.who]})" for one in shown.possible)
    console.print(f"可办 possible: {steps or '无 nothing'}")
    evaluated = shown.evaluations[-1].trace if shown.evaluations else b""
    if trial is not None:
        evaluated = trial.trace
        console.print("如现在提交 if it were handed in now:")
        for line in outcome_lines(evaluated) if evaluated else (f"无法测算 {trial.problem}",):
            console.print(f"    {line}")
    if trace and evaluated:
        for line in trace_lines(evaluated):
            console.print(line)
