"""A month without a statement: closed only where somebody said that it is empty.

A close cannot be undone. A month typed wrong, or closed before its reports came, must not pass in
silence; but months are closed in order, so a month in which truly nothing ran must be closable.
"""

from collections.abc import Sequence

from kashi_server.domain.interval import Month
from kashi_server.domain.statement import Statement
from kashi_server.errors import Refused
from kashi_server.services.expense_port import ExpenseUnit


def check_emptiness(
    unit: ExpenseUnit, month: Month, statements: Sequence[Statement], *, empty: bool
) -> None:
    """Make sure that a month is as empty as the caller said.

    Raises:
        Refused: no statement arises and `empty` was not said, or the other way round.
    """
    if statements and empty:
        raise Refused(
            f"{month} 并非没有结算单（共 {len(statements)} 份），"
            "请去掉 --empty 后关账。"
            f"{month} is not empty (statements: {len(statements)}): close it without --empty"
        )
    if not statements and not empty:
        raise Refused(_why_empty(unit, month))


def _why_empty(unit: ExpenseUnit, month: Month) -> str:
    """Why no statement arises, what to check, and how to close the month all the same."""
    start, end = month.interval().bounded()
    hosts = [host.host_id for host in unit.identity.hosts()]
    if unit.facts.report_references(hosts, start, end):
        why_zh, why = "其报告均未计入", "none of its reports counts"
        check_zh = "已暂挂的主机与被隔离的报告（门户 /holds）"
        check = "the held hosts and quarantined reports (the portal's /holds)"
    else:
        why_zh, why = "当月没有任何上报", "nobody reported in it"
        check_zh = "月份、各主机是否已上报全部计量，"
        check = "the month, and whether the hosts have sent all they measured"
    return (
        f"{month} 不会产生结算单：{why_zh}，且当月没有生效的合同；"
        f"请检查{check_zh}以及已导入的合同；如确为空月，请以 --empty 关账。"
        f"no statement would arise for {month}, {why} and no contract runs in it: check {check}"
        " and the imported contracts; if it was an empty month indeed, close it with --empty"
    )
