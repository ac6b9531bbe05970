"""What replaying a year costs: companies with a statement of 28 lines in each of twelve months.

A twentieth of a city: 110 companies instead of 2 200. What is read are stored bytes, so what is
measured is reading them and evaluating both sides, which grows with the number of statements.
"""

import json
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

from expense_cases import RULES
from kashi_server.domain.interval import Interval, Month, days_of, instant_of
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.simulated_rules import Period
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.services.expense_port import Close, StatementHead, StoredStatement
from kashi_server.services.simulation import Simulator
from statement_samples import COMPANY, credit_code, long_statement

COMPANIES: Final = 110
OF_A_CITY: Final = 2_200
LINES: Final = 28
YEAR: Final = 2026


@dataclass(frozen=True)
class History:
    """Stored statements in memory, as the database would give them."""

    statements: Mapping[str, StoredStatement]
    versions: Sequence[RulesVersion]

    @property
    def expense(self) -> "History":
        """Itself."""
        return self

    def parties(self) -> list[Party]:
        """Every company."""
        return [
            Party(party_id=user_id, kind=PartyKind.COMPANY, name_zh="示例企业")
            for user_id in {one.user_id for one in self.statements.values()}
        ]

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """The version that stands."""
        return self.versions

    def latest_statements(self, first: Month, last: Month) -> list[StatementHead]:
        """All of them, by company."""
        return sorted(
            StatementHead(one.user_id, number, 1) for number, one in self.statements.items()
        )

    def last_close(self) -> Close | None:
        """As if every month were open: all statements count all the same."""
        return None

    def statement(self, number: str, revision: int | None = None) -> StoredStatement | None:
        """One of them."""
        return self.statements[number]

    @contextmanager
    def begin(self, *, writes: bool = True) -> Iterator["History"]:
        """A unit of work."""
        yield self


def measure() -> dict[str, int | float]:
    """Seconds to replay the year under another ratio, and for a whole city at that pace."""
    versions = (replace(RULES[0], in_force=Interval(RULES[0].in_force.start, None)),)
    history = History(statements=_statements(), versions=versions)
    period = Period(first=Month(YEAR, 1), last=Month(YEAR, 12))
    start = time.perf_counter()
    found = Simulator(history).simulate(versions[0], period)
    seconds = time.perf_counter() - start
    return {
        "companies": len(found.companies),
        "statements": found.statements,
        "seconds": round(seconds, 3),
        "ms_per_statement": round(seconds * 1000 / found.statements, 3),
        "seconds_of_2200_companies": round(seconds * OF_A_CITY / COMPANIES, 1),
    }


def _statements() -> dict[str, StoredStatement]:
    base: dict[str, Any] = json.loads(long_statement(LINES).to_bytes())
    made = {}
    for month in (Month(YEAR, number) for number in range(1, 13)):
        content = _moved(base, month)
        for company in range(COMPANIES):
            user_id = credit_code(1000 + company)
            number = f"KS-{month}-HT-{company}"
            text = content.replace(COMPANY.party_id, user_id).replace("KS-NUMBER", number)
            made[number] = _stored(number, user_id, month, text.encode())
    return made


def _moved(base: Mapping[str, Any], month: Month) -> str:
    """The statement in another month: every line over all of it."""
    begins, ends = month.interval().bounded()
    days = [instant_of(day.start) + timedelta(hours=8) for day in days_of(month.interval())]
    data = json.loads(json.dumps(base))
    data["statement"]["number"] = data["subsidy"]["case"]["case_id"] = "KS-NUMBER"
    data["period"]["month"] = str(month)
    for line in data["lines"]:
        line["start"], line["end"] = shanghai_text(begins), shanghai_text(ends)
    template = data["days"][0]
    data["days"] = [{**template, "date": day.date().isoformat()} for day in days]
    return json.dumps(data, ensure_ascii=False)


def _stored(number: str, user_id: str, month: Month, content: bytes) -> StoredStatement:
    return StoredStatement(
        number=number, revision=1, month=month, user_id=user_id, provider_id=None,
        contract_id=None, programme_id=None, demo=False, observed_ms=0, gap_ms=0,
        card_hours="0", amount_fen=0, eligible_fen=0, estimate_fen=None, content=content,
        sha256=bytes(32),
    )  # fmt: skip
