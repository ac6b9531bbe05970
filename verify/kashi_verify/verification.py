"""The verification of a usage certificate, step by step. The first step that fails ends it.

The document:
 1. The file opens as a PDF and carries exactly one signature, which permits no change.
 2. The signature's byte range covers the whole file: nothing was added after signing.
 3. The digest and the CMS signature hold, with the attributes PAdES asks for; so does a time-stamp
    that stands in it.
 4. The signer's certificates lead, with the usage for documents, to the root that was given; those
    of a time-stamp to its authority's.
 5. The head and every file it names are attached, each spelled canonically, each with the hash that
    names it; a time-stamp is there if the head says so.
The statement, or the statements of several months:
 6. The text of the pages agrees with the attached data.
 7. The arithmetic holds: every line, the totals, the days; the summary by month, model and level,
    its amounts in capitals, the lines as CSV. No line earns what its reasons forbid, and no flag is
    missing that the lines themselves call for.
 8. The rules are those whose hash the statement names, and the estimate follows from them.
The evidence, given a bundle (of several months one each, as their own certificates carry it):
 9. The bundle belongs to this certificate: the same bytes.
10. The hosts' reports: signatures, chain links, block digests, the root over them.
11. The server's receipts: one a report, under the server's root.
12. The log: every receipt is in it, under the signed checkpoint of the statement's cut-off.
13. The recount: the minutes of the revealed blocks add up to every line, exactly; none twice, and
    every device is what part of a card its host signed.

What this shows and does not: a signature says who said it, not that it is true. Whether a
certificate was withdrawn or superseded since, only the issuer's verification page tells.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, TypeVar

from cryptography import x509

from kashi_verify import document, pages
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.attached import LINES, Attached, Month, read_attached
from kashi_verify.bundle import Bundle, open_bundle
from kashi_verify.canonical import read_canonical
from kashi_verify.chain import check_chain, check_signer_usage, order_chain
from kashi_verify.cms import Container, open_container
from kashi_verify.detail import Detail, counted
from kashi_verify.elliptic import UNREADABLE_CERTIFICATE
from kashi_verify.estimate import check_estimate
from kashi_verify.findings import (
    LEVEL_OF_LAST_STEP,
    CheckFailed,
    Findings,
    Level,
    Outcome,
    Step,
)
from kashi_verify.limits import ATTACHMENT_BYTES_MAX
from kashi_verify.log import check_log
from kashi_verify.money import check_money
from kashi_verify.receipts import check_receipts, server_key
from kashi_verify.recount import check_recount
from kashi_verify.reports import check_reports
from kashi_verify.rules import check_rules
from kashi_verify.stamp import Stamp, check_authority
from kashi_verify.standing import check_standing
from kashi_verify.summary import check_summary
from kashi_verify.table import check_table

Data = Mapping[str, Any]
_Result = TypeVar("_Result")
STAMP_LATE: Final = timedelta(hours=1)
"""A stamp that is further from the time of issue than this is worth a word."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked: the file, the root that is trusted, the bundle beside it, and the time now.

    Of several months each may have a bundle: the first in `bundle`, others in `more_bundles`.
    `tsa_root` is the root that is trusted for time-stamps.
    """

    pdf: bytes
    now: datetime
    root: x509.Certificate | None = None
    bundle: Path | None = None
    more_bundles: tuple[Path, ...] = ()
    tsa_root: x509.Certificate | None = None

    @property
    def bundles(self) -> tuple[Path, ...]:
        """Every bundle that was given."""
        return (() if self.bundle is None else (self.bundle,)) + self.more_bundles


class _Stopped(Exception):
    """A step failed; it stands in the findings."""


def verify(question: Question) -> Findings:
    """Check a certificate as the module says. Never raises for what the files hold."""
    findings = Findings()
    try:
        attached = _verify_document(question, findings)
        _verify_statement(attached, findings)
        if question.bundles:
            _verify_evidence(question.bundles, attached, findings)
    except _Stopped:
        pass
    return findings


def _step(findings: Findings, step: Step, check: Callable[[], tuple[_Result, Detail]]) -> _Result:
    try:
        result, found = check()
    except CheckFailed as failure:
        findings.outcomes.append(Outcome(step, passed=False, detail=str(failure)))
        raise _Stopped from failure
    except (*UNREADABLE_CERTIFICATE, KeyError, AttributeError, IndexError) as error:
        # Data of another shape than the format's: the step that met it does not hold.
        detail = f"the data is not of the expected form ({type(error).__name__}: {error})"
        findings.outcomes.append(Outcome(step, passed=False, detail=detail))
        raise _Stopped from error
    findings.outcomes.append(Outcome(step, passed=True, detail=found.en, detail_zh=found.zh))
    findings.level = LEVEL_OF_LAST_STEP.get(step, findings.level)
    return result


def _verify_document(question: Question, findings: Findings) -> Attached:
    """Steps 1 to 5."""

    def one() -> tuple[document.Opened, Detail]:
        opened = document.open_pdf(question.pdf)
        pages_read = len(opened.reader.pages)
        return opened, Detail(
            f"共 {pages_read} 页，一个认证签名",
            f"{counted(pages_read, 'page')}, one certifying signature",
        )

    def two() -> tuple[document.Signed, Detail]:
        signed = document.signed_bytes(opened)
        size = len(question.pdf)
        return signed, Detail(
            f"除签名本身外的全部内容，共 {size} 字节",
            f"all {size} bytes but the signature itself",
        )

    def three() -> tuple[Container, Detail]:
        document.check_signature_form(opened)
        container = open_container(signed.container, signed.covered)
        signer = container.signer.subject.rfc4514_string()
        zh, en = f"签名者 {signer}", f"signed by {signer}"
        if container.stamp is not None:
            at = container.stamp.at.isoformat()
            zh, en = f"{zh}，时间戳 {at}", f"{en}, stamped {at}"
        return container, Detail(zh, en)

    def four() -> tuple[None, Detail]:
        return None, _check_trust(container, issued_at(opened), question, findings)

    def five() -> tuple[Attached, Detail]:
        attached = read_attached(opened)
        _check_stamp_kept(attached, container.stamp, findings)
        names = ", ".join(sorted(attached.files))
        return attached, Detail(names, names)

    opened = _step(findings, Step.OPEN, one)
    signed = _step(findings, Step.COVERAGE, two)
    container = _step(findings, Step.SIGNATURE, three)
    _step(findings, Step.CHAIN, four)
    return _step(findings, Step.ATTACHMENTS, five)


def issued_at(opened: document.Opened) -> datetime:
    """The time of issue as the signed head states it."""
    files = document.attachments(opened)
    if "certificate.json" not in files:
        raise CheckFailed("certificate.json is not attached: nothing states the time of issue")
    head = read_canonical("certificate.json", files["certificate.json"])
    instant = datetime.fromisoformat(head["issued_at"])
    if instant.tzinfo is None:
        raise CheckFailed("the time of issue names no offset")
    return instant


def _check_trust(
    container: Container, issued: datetime, question: Question, findings: Findings
) -> Detail:
    chain = order_chain(container.signer, container.certificates)
    root = chain[-1]
    if question.root is not None:
        if root == question.root:
            findings.trusted = True
        elif root.issuer == question.root.subject and root.subject != question.root.subject:
            chain.append(question.root)
            findings.trusted = True
        else:
            raise CheckFailed("the certificates do not lead to the root that was given")
    check_chain(chain, issued, "the document")
    check_signer_usage(container.signer, "the document", documents=True)
    if container.stamp is not None:
        _check_stamp(container.stamp, issued, question, findings)
    if issued > question.now:
        findings.flag("issued_in_future", f"issued at {issued.isoformat()}, after the time now")
    if any(one.not_valid_after_utc < question.now for one in chain):
        findings.flag("signer_expired", "a certificate of the signer has expired since signing")
    from_root = chain[-1].subject.rfc4514_string()
    if findings.trusted:
        return Detail(f"链接到 {from_root}", f"leads to {from_root}")
    return Detail(
        f"链接到 {from_root}，但无人为其担保：请用 --root 给出根证书",
        f"leads to {from_root}, which nobody vouched for: give the root with --root",
    )


def _check_stamp(stamp: Stamp, issued: datetime, question: Question, findings: Findings) -> None:
    """Whose time-stamp it is, and whether its time is that of the issue."""
    if not check_authority(stamp, question.tsa_root):
        name = stamp.authority.subject.rfc4514_string()
        findings.flag(
            "stamp_unvouched", f"stamped by {name}; give its root with --tsa-root to trust its time"
        )
    if abs(stamp.at - issued) > STAMP_LATE:
        findings.flag("stamp_late", f"stamped {stamp.at.isoformat()}, issued {issued.isoformat()}")


def _check_stamp_kept(attached: Attached, stamp: Stamp | None, findings: Findings) -> None:
    """The head is signed: a stamp that it promises cannot be taken away, nor one be added."""
    if (attached.time_stamp == "rfc3161") != (stamp is not None):
        there = "there is none" if stamp is None else "there is one"
        raise CheckFailed(f"the head says '{attached.time_stamp}' of a time-stamp, and {there}")
    if attached.time_stamp == "unavailable":
        findings.flag("stamp_missing", "the issuer asked for a time-stamp and got none")


def _verify_statement(attached: Attached, findings: Findings) -> None:
    """Steps 6 to 8."""
    certificate, statements = attached.certificate, attached.statements
    findings.summary |= _summary(attached)
    if certificate["demo"]:
        findings.flag("demo", "a demonstration of generated workloads: void for any claim")

    def six() -> tuple[None, Detail]:
        texts = document.page_texts(attached.opened)
        if len(statements) > 1:
            assert attached.summary is not None  # several months come with a summary
            count = pages.check_period_pages(texts, certificate, statements, attached.summary)
        else:
            count = pages.check_pages(texts, certificate, statements[0], attached.summary)
        return None, Detail(
            f"页面上找到 {count} 处数字与行",
            f"{counted(count, 'figure or row', 'figures and rows')} found on the pages",
        )

    def seven() -> tuple[None, Detail]:
        for statement in statements:
            check_arithmetic(statement)
            check_standing(statement)
        if attached.summary is not None:
            hashes = [sha256(month.files["statement"]).hexdigest() for month in attached.months]
            check_summary(attached.summary, statements, hashes)
            check_table(attached.files[LINES], statements)
            money = attached.summary["stated"]["money"]
            if money is not None:
                check_money(money, datetime.fromisoformat(certificate["issued_at"]).date())
        lines = sum(len(statement["lines"]) for statement in statements)
        days = sum(len(statement["days"]) for statement in statements)
        more = attached.summary is not None
        return None, Detail(
            f"{lines} 行、{days} 日及合计" + ("、小计、大写、CSV" if more else ""),
            f"{counted(lines, 'line')}, {counted(days, 'day')}, totals"
            + (", subtotals, capitals, CSV" if more else ""),
        )

    def eight() -> tuple[None, Detail]:
        named = ""
        for month in attached.months:
            named = check_rules(month.statement, month.rules)
            check_estimate(month.statement)
        zh = "该时段没有有效的政策规则" if attached.last["programme"] is None else named
        return None, Detail(zh, named)

    _step(findings, Step.PAGES, six)
    _step(findings, Step.ARITHMETIC, seven)
    _step(findings, Step.RULES, eight)
    for statement in statements:
        for flag in statement["flags"]:
            findings.flag(flag["code"], ": ".join(filter(None, (flag["subject"], flag["detail"]))))


def _summary(attached: Attached) -> dict[str, str]:
    """Key figures for a machine; totals of several months as the summary has them."""
    certificate, last = attached.certificate, attached.last
    totals = last["totals"] if attached.summary is None else attached.summary["totals"]
    months = [statement["period"]["month"] for statement in attached.statements]
    return {
        "number": certificate["number"],
        "user": last["user"]["name_zh"],
        "party_id": last["user"]["party_id"],
        "month": months[-1],
        "months": f"{months[0]}..{months[-1]}" if len(months) > 1 else months[0],
        "edition": str(certificate.get("edition", 1)),
        "statement": "{number} r{revision}".format(**certificate["statement"]),
        "supersedes": certificate["supersedes"] or "",
        "time_stamp": attached.time_stamp,
        "card_hours": totals["card_hours"],
        "amount_fen": str(totals["amount_fen"]),
    }


def _verify_evidence(paths: tuple[Path, ...], attached: Attached, findings: Findings) -> None:
    """Steps 9 to 13, for each month that has a bundle."""
    proven: set[str] = set()
    for path in paths:
        try:
            with open_bundle(path) as bundle:
                proven.add(_verify_bundle(bundle, attached, findings))
        except CheckFailed as failure:  # the file is no bundle at all
            findings.outcomes.append(Outcome(Step.BUNDLE, passed=False, detail=str(failure)))
            return
    missing = [
        statement["period"]["month"]
        for statement in attached.statements
        if statement["period"]["month"] not in proven
    ]
    if missing:
        findings.level = Level.STATEMENT
        findings.flag("months_unproven", f"no bundle was given for {', '.join(missing)}")


def _month_of(bundle: Bundle, attached: Attached) -> Month:
    """The month a bundle proves; of one month every attached file must be the bundle's too."""
    if len(attached.months) == 1:
        for name, content in attached.files.items():
            if bundle.read(name, ATTACHMENT_BYTES_MAX) != content:
                raise CheckFailed(f"{name} of the bundle is not the one attached to the PDF")
        return attached.months[0]
    stated = bundle.read("statement.json", ATTACHMENT_BYTES_MAX)
    for month in attached.months:
        if month.files["statement"] == stated:
            for kind, content in month.files.items():
                if bundle.read(f"{kind}.json", ATTACHMENT_BYTES_MAX) != content:
                    raise CheckFailed(f"{kind}.json of the bundle is not the one attached")
            return month
    raise CheckFailed("the bundle's statement is none of those attached to the PDF")


def _verify_bundle(bundle: Bundle, attached: Attached, findings: Findings) -> str:
    """Prove one month; which it is."""
    issued = datetime.fromisoformat(attached.certificate["issued_at"])

    def nine() -> tuple[Month, Detail]:
        month = _month_of(bundle, attached)
        evidence = month.evidence
        listed = {host["host_id"] for host in evidence["hosts"]}
        for kind in ("reports", "receipts"):
            names = {name for name in bundle.names if name.startswith(f"{kind}/")}
            if names != {f"{kind}/{host}.bin" for host in listed}:
                raise CheckFailed(f"the {kind} of the bundle are not those of the evidence's hosts")
        name = month.statement["period"]["month"] if len(attached.months) > 1 else ""
        zh, en = "与所附文件逐字节相同", "the same bytes as attached"
        return month, Detail(f"{zh} {name}".strip(), f"{en} {name}".strip())

    def ten() -> tuple[Any, Detail]:
        reports = check_reports(bundle, evidence)
        hosts = len(evidence["hosts"])
        return reports, Detail(
            f"{hosts} 台主机的 {len(reports)} 份报告",
            f"{counted(len(reports), 'report')} of {counted(hosts, 'host')}",
        )

    def eleven() -> tuple[Any, Detail]:
        receipts = check_receipts(bundle, evidence, reports, key(), findings)
        count = len(receipts.counted)
        return receipts, Detail(
            f"{len(reports)} 份报告中 {count} 份计入",
            f"{count} of {counted(len(reports), 'report')} {'counts' if count == 1 else 'count'}",
        )

    def twelve() -> tuple[None, Detail]:
        size = check_log(bundle, evidence, statement["cut_off"], said.payloads, key())
        return None, Detail(
            f"全部在共 {size} 条的日志中",
            f"all of them in the log of {counted(size, 'entry', 'entries')}",
        )

    def thirteen() -> tuple[None, Detail]:
        check_recount(bundle, evidence, statement, said, findings)
        lines = len(statement["lines"])
        return None, Detail(
            f"{lines} 行，每个数量精确到毫秒",
            f"{counted(lines, 'line')}, every quantity to the millisecond",
        )

    def key() -> Any:
        return server_key(bundle, evidence, issued)

    month = _step(findings, Step.BUNDLE, nine)
    evidence, statement = month.evidence, month.statement
    reports = _step(findings, Step.REPORTS, ten)
    said = _step(findings, Step.RECEIPTS, eleven)
    _step(findings, Step.LOG, twelve)
    _step(findings, Step.RECOUNT, thirteen)
    proven: str = statement["period"]["month"]
    return proven
