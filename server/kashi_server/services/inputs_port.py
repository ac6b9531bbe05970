"""What a month's statements are made from, as ports: of today's tables, or as of a cut-off.

A close and a correction read the tables; a replay reads what the log's first entries held
(`as_of_facts`, `as_of_terms`). Whatever else statements come to rest on belongs here, so that both
ways must fill it.
"""

from collections.abc import Collection, Mapping, Sequence
from typing import Protocol

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.device import DeviceRecord, ReportedGap
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import Month
from kashi_server.domain.party import Party
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.stated_fact import StatedFact
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.year_to_date import YearToDate
from kashi_server.services.evidence_inputs import EvidenceUnit
from kashi_server.services.month_times import SummedFacts
from kashi_server.services.settlements_port import SettlementsPort


class TermsPort(Protocol):
    """Agreements, rules, and the year so far."""

    def parties(self) -> Sequence[Party]:
        """All parties, by id."""

    def tenures(self) -> Sequence[Tenure]:
        """All tenures, by host and start."""

    def contracts(self) -> Sequence[Contract]:
        """All contracts, by id."""

    def assignments(self) -> Sequence[Assignment]:
        """All assignments, by id."""

    def prices(self) -> Sequence[Price]:
        """All prices, by id."""

    def rules(self, programme_id: str | None = None) -> Sequence[RulesVersion]:
        """All rules versions, or a programme's, by start."""

    def earlier_in_year(self, month: Month) -> Mapping[str, YearToDate]:
        """What the calendar year's months before this one came to, by user."""

    def rest_of_year(self, month: Month, without: Collection[str]) -> Mapping[str, YearToDate]:
        """What the statements of a month's calendar year come to, by user, but for some."""


class InputFacts(SummedFacts, Protocol):
    """What was observed."""

    def devices(self, hardware_ids: Collection[str] | None = None) -> Sequence[DeviceRecord]:
        """Devices of which anything counts."""

    def gaps(
        self, hardware_ids: Collection[str] | None, start_minute: int, end_minute: int
    ) -> Sequence[ReportedGap]:
        """Reported gaps that touch [start, end)."""

    def clocks(self, start_minute: int, end_minute: int) -> Mapping[str, HostClock]:
        """The clock behind counted reports that touch [start, end), by host with any."""

    def stated_facts(
        self, start_minute: int, end_minute: int
    ) -> Mapping[str, Sequence[StatedFact]]:
        """What hosts stated of how they read in [start, end), by host."""


class InputsUnit(EvidenceUnit, Protocol):
    """A unit of work as reading a month's inputs needs it."""

    @property
    def expense(self) -> TermsPort:
        """Agreements and rules."""

    @property
    def facts(self) -> InputFacts:
        """Facts."""

    @property
    def corrections(self) -> SettlementsPort:
        """What corrections book, and settlements."""
