"""`claim list | show | expire` and `voucher …`: what is there."""

import json
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.claim_filing import ClaimId
from kashi_server.commands.claim_keeping import clock_on, office_reader
from kashi_server.commands.claim_printing import (
    claim_facts,
    print_claim,
    print_claims,
    print_recoverable,
    print_taken,
    print_vouchers,
)
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.domain.claim_states import ClaimState
from kashi_server.errors import NotFound
from kashi_server.services.claim_desk import try_draft
from kashi_server.services.claim_pack import claim_data
from kashi_server.services.claims import Claims
from kashi_server.services.claims_port import StoredClaim

BatchOption = Annotated[str | None, typer.Option("--batch", help="仅此批次。Only of this batch.")]
CompanyOption = Annotated[
    str | None,
    typer.Option("--company", help="仅此企业，按统一社会信用代码。Only of this company."),
]


def list_claims(
    batch: BatchOption = None,
    company: CompanyOption = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    to_recover: Annotated[
        bool,
        typer.Option(
            "--to-recover",
            help="仅列待核查追回者。Only those of which paid money may be recovered.",
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """列出申报。List claims."""
    with opened(directory) as server:
        if to_recover:
            recoverable = Claims(server.work, server.clock).to_recover(office_reader())
            print_recoverable(
                [one for one in recoverable if _kept(one.stored, batch, company)], as_json=as_json
            )
            return
        found = Claims(server.work, server.clock).all(office_reader(), batch)
    print_claims([one for one in found if _kept(one, batch, company)], as_json=as_json)


def _kept(stored: StoredClaim, batch: str | None, company: str | None) -> bool:
    in_batch = batch in (None, stored.batch.batch_id)
    return in_batch and company in (None, stored.claim.company_id)


def show(
    claim: ClaimId,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    trace: Annotated[
        bool,
        typer.Option(
            "--trace", help="另示最近一次测算过程。Also the latest evaluation, step by step."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """显示申报详情：当前状态、来历、可办事项。
    Show a claim: where it stands, what led there, what can follow.
    """
    with opened(directory) as server:
        shown = Claims(server.work, server.clock).show(office_reader(), claim)
        trial = None
        if shown.stored.claim.state is ClaimState.DRAFT:
            with server.work.begin(writes=False) as unit:
                trial = try_draft(unit, shown.stored, server.clock())
        if as_json:
            with server.work.begin(writes=False) as unit:
                print(json.dumps(claim_data(unit, shown), ensure_ascii=False))
            return
    print_claim(shown, trace=trace, trial=trial)


def expire(
    batch: BatchOption = None, directory: Directory = DEFAULT_DIRECTORY, *, as_json: AsJson = False
) -> None:
    """作废已过期的券，释放其所占资金；复核同一企业同年度其他申报。
    End every voucher whose last day has passed; what it held is free again. Flag paid claims that
    a company's other claims of the year lift over the threshold no more, in every batch.
    """
    with clock_on(directory) as claims:
        done = claims.expire(batch)
        for taken in done:
            print_taken(taken, as_json=as_json)
        if not as_json:
            print(f"{len(done)} 张券作废 vouchers expired.")
        flagged = claims.look_everywhere()
    for taken in flagged:
        print_taken(taken, as_json=as_json)
    if not as_json:
        print(f"另有 {len(flagged)} 项申报补记复核提示 claims flagged that no step had told.")


def list_vouchers(
    company: CompanyOption = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """列出各券，先到期者在前。List vouchers, the one that ends first first."""
    with opened(directory) as server:
        found = Claims(server.work, server.clock).vouchers(office_reader())
    kept = [one for one in found if company in (None, one.claim.company_id)]
    print_vouchers(kept, as_json=as_json)


def show_voucher(
    number: Annotated[str, typer.Argument(metavar="VOUCHER", help="券号。Number of the voucher.")],
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """显示券及其申报的经过。Show a voucher with the way of its claim."""
    with opened(directory) as server:
        claims = Claims(server.work, server.clock)
        for one in claims.vouchers(office_reader()):
            if one.claim.voucher is not None and one.claim.voucher.number == number:
                if as_json:
                    print(json.dumps(claim_facts(one), ensure_ascii=False))
                else:
                    print_claim(claims.show(office_reader(), one.claim.claim_id), trace=False)
                return
    raise NotFound(
        f"没有券“{number}”，请用 voucher list 查看。"
        f"there is no voucher '{number}'; list them with: voucher list"
    )
