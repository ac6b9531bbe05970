"""`claim …`: what officers do with claims."""

from datetime import datetime
from typing import Annotated

import typer

from kashi_server.commands.claim_filing import ClaimId, Key
from kashi_server.commands.claim_keeping import (
    Document,
    Second,
    acting_on,
    officers,
    why,
)
from kashi_server.commands.claim_printing import print_taken
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory, Officer, Reason
from kashi_server.commands.proving import Passwords
from kashi_server.domain.claim_content import Officially, measures_of
from kashi_server.domain.money import parse_yuan

Amount = Annotated[str, typer.Option("--amount", help="Yuan 金额（元）.")]
OptionalAmount = Annotated[
    str | None, typer.Option("--amount", help="Yuan; without it all of it 金额（元）.")
]
Day = Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="A day 日期.")]


def check(
    claim: ClaimId,
    officer: Officer,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Take a submitted claim up for the check of form; it is evaluated anew 受理."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        print_taken(claims.check(by, claim), as_json=as_json)


def send_back(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Return an application for correction, or a redemption to the voucher 退回补正."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.send_back(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def assess(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    rank: Annotated[int | None, typer.Option("--rank", help="Place in the ranking 排名.")] = None,
    decided: Annotated[
        str | None, typer.Option("--decided", help="Yuan decided case by case 一事一议金额.")
    ] = None,
    exception: Annotated[
        bool | None, typer.Option("--exception/--no-exception", help="More than in principle 例外.")
    ] = None,
    credit_clean: Annotated[
        bool | None, typer.Option("--credit-clean/--credit-not-clean", help="Credit 信用.")
    ] = None,
    in_jurisdiction: Annotated[
        bool | None, typer.Option("--in-district/--not-in-district", help="Registered here 属地.")
    ] = None,
    tier: Annotated[str | None, typer.Option("--tier", help="Its tier, on paper 档次.")] = None,
    matched: Annotated[
        str | None, typer.Option("--matched", help="Yuan of the award it matches 被配套奖励（元）.")
    ] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option("--measure", help="A measured fact, like active_users=1000000 指标."),
    ] = None,
    document: Annotated[
        str, typer.Option("--document", help="The paper that shows it 依据文件.")
    ] = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Say what the office knows of a claim; it is evaluated anew 认定."""
    said = Officially(
        rank=rank,
        decided_fen=None if decided is None else parse_yuan(decided),
        exception_approved=exception,
        credit_clean=credit_clean,
        in_jurisdiction=in_jurisdiction,
        tier=tier,
        matched_fen=None if matched is None else parse_yuan(matched),
        measures=measures_of(measures or ()),
    )
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.assess(by, claim, said, why(reason, document))
    print_taken(taken, as_json=as_json)


def review(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """The form is right: hand it to the experts 送专家评审."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.review(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def approve(
    claim: ClaimId,
    officer: Officer,
    amount: Amount,
    reason: Reason,
    document: Document,
    second: Second = "",
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    on_estimate: Annotated[
        bool, typer.Option("--on-estimate", help="Although something is not known 按估算核定.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Approve an amount, by two officers; it is reserved at once 核定."""
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.approve(
            by,
            claim,
            parse_yuan(amount),
            why(reason, document, key),
            on_estimate=on_estimate,
        )
    print_taken(taken, as_json=as_json)


def publicise(
    claim: ClaimId,
    officer: Officer,
    on: Day = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Make an approved claim public, from today or a later day 公示."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        first = None if on is None else on.date()
        print_taken(claims.publicise(by, claim, on=first), as_json=as_json)


def issue(
    claim: ClaimId,
    officer: Officer,
    valid_until: Day = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Issue the voucher, once the public notice is over 发券."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        last = None if valid_until is None else valid_until.date()
        taken = claims.issue(by, claim, valid_until=last)
    print_taken(taken, as_json=as_json)


def verify(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    amount: OptionalAmount = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Verify what is asked for, or less of it 核验兑现."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.verify(
            by,
            claim,
            why(reason),
            amount_fen=None if amount is None else parse_yuan(amount),
        )
    print_taken(taken, as_json=as_json)


def pay(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    document: Document,
    second: Second = "",
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Pay what is certified, by two officers 拨付."""
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.pay(by, claim, why(reason, document, key))
    print_taken(taken, as_json=as_json)


def reject(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Refuse a claim for good 不予支持."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.reject(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def suspend(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Stop a claim where it stands 暂停."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.suspend(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def resume(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    second: Second = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Let a suspended claim go on, by two officers 恢复."""
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.resume(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def reopen(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Look at a claim again: what it rests on fell away 重新审查."""
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.reopen(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def claw_back(
    claim: ClaimId,
    officer: Officer,
    amount: Amount,
    reason: Reason,
    document: Document,
    second: Second = "",
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    settles: Annotated[
        bool,
        typer.Option(
            "--settles", help="余款不再追回，事项了结。No more is recovered: it is settled."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Recover what was paid, with interest by the rules, by two officers 追回."""
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.claw_back(
            by, claim, parse_yuan(amount), why(reason, document, key), settles=settles
        )
    print_taken(taken, as_json=as_json)


def charge_interest(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    document: Document,
    second: Second = "",
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """Charge the interest left open while nobody knew its rate, by two officers 计收追回利息."""
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.charge_interest(by, claim, why(reason, document, key))
    print_taken(taken, as_json=as_json)
