"""`claim …`: what companies and providers do with claims."""

from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.claim_keeping import acting_on, office_reader
from kashi_server.commands.claim_printing import print_draft, print_taken
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.commands.proving import Passwords
from kashi_server.domain.claim_content import (
    ClaimContent,
    InvoicePart,
    StatementRevision,
)
from kashi_server.domain.money import parse_yuan
from kashi_server.errors import ConfigurationError, InvalidValue, Refused
from kashi_server.services.claim_case import Papers
from kashi_server.services.claim_form import load_claim_form
from kashi_server.services.claims import Acting, Why

ClaimId = Annotated[str, typer.Argument(metavar="CLAIM", help="受理编号。The claim.")]
By = Annotated[str, typer.Option("--by", help="办理账号。Login of the account that acts.")]
Form = Annotated[
    Path | None,
    typer.Option(
        "--form", help="申报表，TOML，见 docs/claims.md。A TOML form of the claim; docs/claims.md."
    ),
]
StatementsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--statement", help="结算单：编号，或编号/修订。A statement: NUMBER or NUMBER/REV."
    ),
]
InvoicesOption = Annotated[
    list[str] | None,
    typer.Option(
        "--invoice", help="发票部分：号码:合同:部分:元。An invoice part: NUMBER:CONTRACT:PART:YUAN."
    ),
]
PaymentsOption = Annotated[
    list[str] | None, typer.Option("--payment", help="支付流水号。Reference of a payment.")
]
Why_ = Annotated[str, typer.Option("--reason", help="理由，记入日志。Why; it is recorded.")]
Key = Annotated[
    str,
    typer.Option("--key", help="幂等键：同一键只办一次。The same key again takes the step once."),
]
Bare = Annotated[bool, typer.Option("--bare", help="不自动归集材料。Gather no papers.")]


def draft(
    batch: Annotated[str, typer.Argument(metavar="BATCH", help="申报批次。The batch.")],
    by: By,
    form: Form = None,
    contract: Annotated[
        list[str] | None,
        typer.Option("--contract", help="合同，代替申报表。A contract, instead of a form."),
    ] = None,
    first: Annotated[
        datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="起始日。First day.")
    ] = None,
    last: Annotated[
        datetime | None, typer.Option("--until", formats=["%Y-%m-%d"], help="截止日。Last day.")
    ] = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    no_other_money: Annotated[
        bool,
        typer.Option("--no-other-money", help="声明无其他财政资金。Declare that there is none."),
    ] = False,
    bare: Bare = False,
    as_json: AsJson = False,
) -> None:
    """起草申报，并归集已出证明的结算单、发票与付款。
    Begin a claim and gather every certified statement, invoice and payment.
    """
    content = _content(form, contract, first, last)
    if no_other_money:
        if content.other_money:
            raise InvalidValue(
                f"{form} 已声明其他财政资金，请去掉 --no-other-money。"
                f"{form} declares other money; leave --no-other-money out"
            )
        content = replace(content, other_money=())
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        stored = claims.draft(acting, batch, content, gather=not bare)
        left = claims.left_out(acting, stored.claim.claim_id)
    print_draft(stored, left, as_json=as_json)


def add(
    claim: ClaimId,
    by: By,
    form: Form = None,
    statement: StatementsOption = None,
    invoice: InvoicesOption = None,
    payment: PaymentsOption = None,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    gather: Annotated[bool, typer.Option("--gather", help="归集全部材料。Add all papers.")] = False,
    as_json: AsJson = False,
) -> None:
    """修改草稿：换申报表，或补充材料。Change a draft: another form, or more papers."""
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        content = claims.content(acting, claim)
        if form is not None:
            content = _read_form(form)
        papers = papers_of(statement, invoice, payment)
        content = content.with_papers(papers.statements, papers.invoices, papers.payments)
        stored = claims.change(acting, claim, content, gather=gather)
        left = claims.left_out(acting, claim)
    print_draft(stored, left, as_json=as_json)


def submit(
    claim: ClaimId,
    by: By,
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """提交申报：占用所列材料并测算。
    Hand a claim in; what it names is held for it and it is evaluated.
    """
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        taken = claims.submit(acting, claim, Why(key=key))
        trace = claims.show(office_reader(), claim).evaluations[-1].trace
    print_taken(taken, as_json=as_json, trace=trace)


def withdraw(
    claim: ClaimId,
    by: By,
    reason: Why_,
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """撤回申报，释放为其预留的资金。Give a claim up; what was reserved for it is free again."""
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        taken = claims.withdraw(acting, claim, Why(reason=reason))
    print_taken(taken, as_json=as_json)


def use(
    claim: ClaimId,
    by: By,
    amount: Annotated[
        str | None,
        typer.Option(
            "--amount", help="金额（元）；不给即材料合计。Yuan; else all that the papers come to."
        ),
    ] = None,
    statement: StatementsOption = None,
    invoice: InvoicesOption = None,
    payment: PaymentsOption = None,
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """就结算单与发票用券，或用于申报所持的全部未用材料。
    Use a voucher on statements and invoices, or on all the claim holds unused.
    """
    papers = papers_of(statement, invoice, payment)
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        taken = claims.use(
            acting,
            claim,
            Why(key=key),
            amount_fen=None if amount is None else parse_yuan(amount),
            papers=papers if papers != Papers() else None,
        )
    print_taken(taken, as_json=as_json)


def redeem(
    claim: ClaimId,
    by: By,
    key: Key = "",
    password_file: Passwords = None,
    directory: Directory = DEFAULT_DIRECTORY,
    *,
    as_json: AsJson = False,
) -> None:
    """就已用金额申请兑现。Ask to be paid what was used."""
    acting = Acting(login=by)
    with acting_on(directory, acting, password_file) as claims:
        taken = claims.redeem(acting, claim, Why(key=key))
    print_taken(taken, as_json=as_json)


def pack(
    claim: ClaimId,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="输出文件，.zip。Where to: a .zip.")],
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """将一笔申报所需的全部材料打成一个包。Put everything one claim needs into one archive."""
    from kashi_server.documents.claim_form import ClaimForm
    from kashi_server.documents.rendering import packaged_fonts
    from kashi_server.filestore import FOLDER, FileStore
    from kashi_server.services.claim_pack import ClaimPacking
    from kashi_server.services.claims import Claims

    with opened(directory) as server:
        claims = Claims(server.work, server.clock)
        packing = ClaimPacking(
            server.work,
            FileStore(server.directory / FOLDER),
            ClaimForm(font_folder=server.config.fonts or packaged_fonts()),
        )
        content = packing.pack(claims.show(office_reader(), claim), office_reader())
    try:
        with file.open("xb") as out:
            out.write(content)
    except FileExistsError as error:
        raise Refused(
            f"{file} 已存在，申报包不覆盖已有文件，请换一个文件名。"
            f"{file} exists, and a pack overwrites nothing; name another file"
        ) from error
    except OSError as error:
        raise ConfigurationError(f"无法写入 {file}。{file} cannot be written: {error}") from error
    print(f"{file}: {len(content)} 字节 bytes")


def papers_of(
    statements: list[str] | None, invoices: list[str] | None, payments: list[str] | None
) -> Papers:
    """Papers as options name them.

    Raises:
        InvalidValue: one is not written so.
    """
    return Papers(
        statements=tuple(_statement(one) for one in statements or ()),
        invoices=tuple(_invoice(one) for one in invoices or ()),
        payments=tuple(payments or ()),
    )


def _statement(text: str) -> StatementRevision:
    number, slash, revision = text.partition("/")
    if slash and not revision.isdecimal():
        raise InvalidValue(
            f"“{text}”不是结算单，写法如 KS-2026-10-HT-1/1。"
            f"'{text}' is no statement like KS-2026-10-HT-1/1"
        )
    return StatementRevision(number, int(revision) if slash else 1)


def _invoice(text: str) -> InvoicePart:
    match text.split(":"):
        case [number, contract_id, part, yuan]:
            return InvoicePart(number, contract_id, part, parse_yuan(yuan))
    raise InvalidValue(
        f"“{text}”不是发票部分，写法如 NUMBER:CONTRACT:PART:450.00。"
        f"'{text}' is no invoice part like NUMBER:CONTRACT:PART:450.00"
    )


def _content(
    form: Path | None,
    contracts: list[str] | None,
    first: datetime | None,
    last: datetime | None,
) -> ClaimContent:
    if form is not None:
        return _read_form(form)
    if not contracts or first is None or last is None:
        raise InvalidValue(
            "请给出 --form 文件，或 --contract 加 --from 与 --until。"
            "give --form FILE, or --contract with --from and --until"
        )
    return ClaimContent(contract_ids=tuple(contracts), first=_day(first), last=_day(last))


def _day(at: datetime) -> date:
    return at.date()


def _read_form(file: Path) -> ClaimContent:
    try:
        return load_claim_form(file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"无法读取 {file}。{file} cannot be read: {error}") from error
