"""Whether a batch takes an application on a day: it is open, and its rules were not ended.

A batch keeps its rules version, also where a later one supersedes it. But where two officers ended
the rules and nothing followed, no rules are in force for whoever applies after that, though the
batch's own version states a later date.
"""

from datetime import date
from typing import Final

from kashi_server.domain.interval import minute_of_day
from kashi_server.domain.rules import version_at
from kashi_server.errors import Refused
from kashi_server.services.claims_port import ClaimsUnit, StoredClaim

_BY_APPLICATION: Final = "application_date"


def check_takes(unit: ClaimsUnit, stored: StoredClaim, today: date) -> None:
    """Refuse an application that the batch does not take today.

    Raises:
        Refused: the batch is closed, the day lies outside its days, or its rules, which go by the
            day of the application, were ended before it.
    """
    stored.batch.check_open(today)
    rules, minute = stored.rules, minute_of_day(today)
    if rules.parameter("date_basis").value != _BY_APPLICATION or minute not in rules.in_force:
        return  # what its own dates say is a condition of its rules
    versions = unit.expense.rules(rules.programme_id)
    if version_at(versions, minute) is not None:
        return
    begun = (one for one in versions if one.in_force.start <= minute)
    last = max(begun, key=lambda one: one.in_force.start)
    paper = last.document if last.ended is None else last.ended.document
    raise Refused(
        f"批次 {stored.batch.batch_id} 的规则 {rules.programme_id} {rules.version} 已由版本 "
        f"{last.version} 提前终止（{paper}），{today} 没有有效的规则，不再受理申报。"
        f"the rules of batch {stored.batch.batch_id}, {rules.programme_id} {rules.version}, were"
        f" ended early by version {last.version} ({paper}): none are in force on {today}, and no"
        " applications are taken"
    )
