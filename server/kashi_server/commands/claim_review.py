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

Amount = Annotated[str, typer.Option("--amount", help="金额（元）。The amount in yuan.")]
OptionalAmount = Annotated[
    str | None, typer.Option("--amount", help="金额（元）；不给即全额。Yuan; without it all of it.")
]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="日期，如 2026-10-08。A day, like 2026-10-08."),
]


def check(
    claim: ClaimId,
    officer: Officer,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """受理已提交的申报，进入形式审查并重新测算。
    Take a submitted claim up for the check of form; it is evaluated anew.
    """
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
    """退回申报补正，或将兑现退回到券。
    Return an application for correction, or a redemption to the voucher.
    """
    by = officers(officer)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.send_back(by, claim, why(reason))
    print_taken(taken, as_json=as_json)


def assess(
    claim: ClaimId,
    officer: Officer,
    reason: Reason,
    rank: Annotated[int | None, typer.Option("--rank", help="排名。Place in the ranking.")] = None,
    decided: Annotated[
        str | None, typer.Option("--decided", help="一事一议金额（元）。Yuan decided case by case.")
    ] = None,
    exception: Annotated[
        bool | None,
        typer.Option(
            "--exception/--no-exception", help="例外：高于原则上限。More than in principle."
        ),
    ] = None,
    credit_clean: Annotated[
        bool | None,
        typer.Option(
            "--credit-clean/--credit-not-clean", help="信用是否良好。Whether its credit is clean."
        ),
    ] = None,
    in_jurisdiction: Annotated[
        bool | None,
        typer.Option(
            "--in-district/--not-in-district", help="是否属地注册。Whether it is registered here."
        ),
    ] = None,
    tier: Annotated[
        str | None, typer.Option("--tier", help="认定的档次。Its tier, on paper.")
    ] = None,
    matched: Annotated[
        str | None,
        typer.Option("--matched", help="被配套奖励金额（元）。Yuan of the award it matches."),
    ] = None,
    measures: Annotated[
        list[str] | None,
        typer.Option(
            "--measure",
            help="认定的指标，如 active_users=1000000。A measured fact, like active_users=1000000.",
        ),
    ] = None,
    document: Annotated[
        str, typer.Option("--document", help="依据文件。The paper that shows it.")
    ] = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """录入主管单位的认定，并重新测算。
    Say what the office knows of a claim; it is evaluated anew.
    """
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
    """形式审查通过，送专家评审。The form is right: hand it to the experts."""
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
        bool,
        typer.Option(
            "--on-estimate", help="有未知项时按估算核定。Although something is not known."
        ),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """两名经办人核定金额，随即预留。Approve an amount, by two officers; it is reserved at once."""
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
    """公示已核定的申报，自今日或以后某日起。
    Make an approved claim public, from today or a later day.
    """
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
    """公示期满后发券。Issue the voucher, once the public notice is over."""
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
    """核验兑现申请，可少于申请额。Verify what is asked for, or less of it."""
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
    """两名经办人拨付已核验金额。Pay what is certified, by two officers."""
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
    """不予支持，不可恢复。Refuse a claim for good."""
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
    """暂停申报，停在当前一步。Stop a claim where it stands."""
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
    """两名经办人恢复已暂停的申报。Let a suspended claim go on, by two officers."""
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
    """重新审查：所依据者已失效。Look at a claim again: what it rests on fell away."""
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
    """两名经办人追回已拨付资金，并按规则计息。
    Recover what was paid, with interest by the rules, by two officers.
    """
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
    """两名经办人计收当时利率未定的追回利息。
    Charge the interest left open while nobody knew its rate, by two officers.
    """
    by = officers(officer, second)
    with acting_on(directory, by, password_file) as claims:
        taken = claims.charge_interest(by, claim, why(reason, document, key))
    print_taken(taken, as_json=as_json)
