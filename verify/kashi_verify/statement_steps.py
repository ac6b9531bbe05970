"""Steps 6 to 8: the pages, the arithmetic, the rules; of one month or of several."""

from datetime import datetime
from hashlib import sha256

from kashi_verify import document, pages
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.attached import LINES, Attached
from kashi_verify.detail import Detail, counted
from kashi_verify.eligibility import check_eligibility
from kashi_verify.estimate import check_estimate
from kashi_verify.findings import Findings, Step
from kashi_verify.heading import check_heading, check_reading
from kashi_verify.money import check_money, check_worth
from kashi_verify.repeated import check_repeated
from kashi_verify.rules import check_rules
from kashi_verify.standing import check_standing
from kashi_verify.stepping import take
from kashi_verify.summary import check_summary
from kashi_verify.table import check_table


def verify_statement(attached: Attached, findings: Findings) -> None:
    """Steps 6 to 8."""
    certificate, statements = attached.certificate, attached.statements
    findings.summary |= _summary(attached)
    if certificate["demo"]:
        findings.flag(
            "demo",
            "演示，负载由程序生成：不得用于任何申报。"
            "A demonstration of generated workloads: void for any claim",
        )

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

    take(findings, Step.PAGES, six)
    take(findings, Step.ARITHMETIC, lambda: (None, check_figures(attached)))
    take(findings, Step.RULES, lambda: (None, check_programme(attached)))
    for statement in statements:
        for flag in statement["flags"]:
            findings.flag(flag["code"], ": ".join(filter(None, (flag["subject"], flag["detail"]))))


def check_figures(attached: Attached) -> Detail:
    """Step 7: everything that the attached data says of itself.

    Raises:
        CheckFailed: a claim is contradicted by another.
    """
    certificate, statements = attached.certificate, attached.statements
    check_heading(certificate, statements)
    for statement in statements:
        check_arithmetic(statement)
        check_standing(statement)
        check_repeated(statement)
    if attached.summary is not None:
        hashes = [sha256(month.files["statement"]).hexdigest() for month in attached.months]
        check_summary(attached.summary, statements, hashes)
        check_table(attached.files[LINES], statements)
        check_reading(attached.summary, [month.evidence for month in attached.months])
        check_worth(attached.summary["stated"]["contract"])
        money = attached.summary["stated"]["money"]
        if money is not None:
            check_money(money, datetime.fromisoformat(certificate["issued_at"]).date())
    lines = sum(len(statement["lines"]) for statement in statements)
    days = sum(len(statement["days"]) for statement in statements)
    more = attached.summary is not None
    return Detail(
        f"{lines} 行、{days} 日及合计" + ("、小计、大写、CSV" if more else ""),
        f"{counted(lines, 'line')}, {counted(days, 'day')}, totals"
        + (", subtotals, capitals, CSV" if more else ""),
    )


def check_programme(attached: Attached) -> Detail:
    """Step 8: the rules, what is eligible under them, the estimate.

    Raises:
        CheckFailed: other rules are attached than named, or something does not follow from them.
    """
    named = ""
    for month in attached.months:
        named = check_rules(month.statement, month.rules)
        check_eligibility(month.statement, month.rules_by_hash)
        check_estimate(month.statement)
    zh = "该时段没有有效的政策规则" if attached.last["programme"] is None else named
    return Detail(zh, named)


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
        "supersedes_sha256": certificate.get("supersedes_sha256") or "",
        "time_stamp": attached.time_stamp,
        "card_hours": totals["card_hours"],
        "amount_fen": str(totals["amount_fen"]),
    }
