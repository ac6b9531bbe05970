"""Assembling statements: a month's rating, sorted into the statements of contracts and of owners.

Pure: the same rating, parties and cut-offs give the same statements, in order of their numbers.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date

from kashi_server.domain.contract import Contract
from kashi_server.domain.device import DeviceRecord, GapReason, ReportedGap, Vendor
from kashi_server.domain.doubt import Doubt
from kashi_server.domain.evidence_level import weakest
from kashi_server.domain.flagging import clock_of, flags_of
from kashi_server.domain.gap_worth import counted_gap_fen
from kashi_server.domain.host_clock import HostClock
from kashi_server.domain.interval import SHANGHAI, Month, days_of, instant_of
from kashi_server.domain.party import Party
from kashi_server.domain.rating import (
    RatedLine,
    Rating,
    card_hour_yuan,
    line_price,
    totals_of,
)
from kashi_server.domain.rules import RulesVersion, version_over
from kashi_server.domain.silence import reported_ms
from kashi_server.domain.standing import Terms
from kashi_server.domain.statement import (
    CutOff,
    GapSum,
    Quality,
    Statement,
    StatementContract,
    StatementDay,
    StatementDevice,
    StatementLine,
    StatementParameter,
    StatementParty,
    StatementProgramme,
)
from kashi_server.domain.subsidy import Subsidy, subsidy_of, year_case
from kashi_server.domain.summed_time import DAYS
from kashi_server.domain.year_to_date import Sort, YearToDate
from kashi_server.errors import Refused

VENDOR_NAMES: Mapping[Vendor, str] = {Vendor.NVIDIA: "NVIDIA", Vendor.HUAWEI: "Huawei"}

NOTICES_ZH = (
    "本表是计量记录：不构成补贴权益，也不是法定计量检定。",
    "补贴金额为估算值，以主管部门核定为准。",
    "未观测的时间不计费、不补齐。",
)
NOTICES_EN = (
    "A measurement record: neither an entitlement nor a metrological verification.",
    "Every subsidy amount is an estimate; the office's approval decides.",
    "Time that nobody observed is neither billed nor filled in.",
)
NOTICE_RENT_ZH = "月租按日计：租用日内有观测即计该日，全日未被观测的不计。"
NOTICE_RENT_EN = (
    "A monthly rent is billed by the day: a leased day counts if it was observed at all; a day that"
    " nobody observed does not."
)
NOTICE_DEMO_ZH = "演示服务器：工作负载由程序生成，不具任何效力。"
NOTICE_DEMO_EN = "Demonstration server: workloads are generated and nothing here has any effect."


@dataclass(frozen=True, slots=True, kw_only=True)
class MonthEnd:
    """Everything the statements of a month are made from.

    `earlier` is the calendar year before this month by party; `clocks` what is known of
    the clock behind each host's reports of the month, and `doubts` what the facts it stated in the
    month raise. `kept_contracts` and `kept_parties` get a statement even where they have no line:
    something is booked for them, or a line of theirs is taken back.
    """

    month: Month
    cut_off: CutOff
    demo: bool
    rating: Rating
    terms: Terms
    devices: Sequence[DeviceRecord]
    gaps: Sequence[ReportedGap]
    parties: Mapping[str, Party]
    earlier: Mapping[str, YearToDate] = field(default_factory=dict)
    clocks: Mapping[str, HostClock] = field(default_factory=dict)
    doubts: Mapping[str, Sequence[Doubt]] = field(default_factory=dict)
    kept_contracts: Collection[str] = ()
    kept_parties: Collection[str] = ()


def statement_number(month: Month, of: str) -> str:
    """The number of a statement, from the contract or, without one, the party."""
    return f"KS-{month}-{of}"


def assemble(end: MonthEnd) -> tuple[Statement, ...]:
    """The statements of a month: one a contract that ran, one a party with usage without one.

    Raises:
        Refused: a party is not known here.
    """
    return _Assembly(end).statements()


class _Assembly:
    def __init__(self, end: MonthEnd) -> None:
        self.end = end
        self.period = end.month.interval()
        self.devices = {device.hardware_id: device for device in end.devices}
        self.rules = version_over(end.terms.rules, self.period)
        self.year: dict[str, YearToDate] = dict(end.earlier)
        self.gaps: dict[tuple[str, str], list[ReportedGap]] = {}
        for gap in end.gaps:
            self.gaps.setdefault((gap.hardware_id, gap.host_id), []).append(gap)

    def statements(self) -> tuple[Statement, ...]:
        by_contract: dict[str, list[RatedLine]] = {
            contract.contract_id: []
            for contract in self.end.terms.contracts.values()
            if contract.term.overlap(self.period) is not None
            or contract.contract_id in self.end.kept_contracts
        }
        by_party: dict[str, list[RatedLine]] = {party: [] for party in self.end.kept_parties}
        for line in self.end.rating.lines:
            if line.standing.contract_id is not None:
                by_contract[line.standing.contract_id].append(line)
            elif line.standing.party_id is not None:
                by_party.setdefault(line.standing.party_id, []).append(line)
        contracts = self.end.terms.contracts
        made = [
            self._statement(contracts[contract_id], contracts[contract_id].user_id, lines)
            for contract_id, lines in sorted(by_contract.items())
        ]
        made += [self._statement(None, party, lines) for party, lines in sorted(by_party.items())]
        return tuple(made)

    def _party(self, party_id: str) -> Party:
        if party_id not in self.end.parties:
            raise Refused(
                f"单位 {party_id} 未登记；请先导入该单位，再关账。"
                f"party {party_id} is not known here; import it, then close again"
            )
        return self.end.parties[party_id]

    def _statement(
        self, contract: Contract | None, user_id: str, lines: Sequence[RatedLine]
    ) -> Statement:
        end, user = self.end, self._party(user_id)
        ordered = sorted(lines, key=lambda line: (line.hardware_id, line.start))
        quality, excess_ms = self._quality(ordered)
        demo_zh, demo_en = ((NOTICE_DEMO_ZH,), (NOTICE_DEMO_EN,)) if end.demo else ((), ())
        number = statement_number(end.month, contract.contract_id if contract else user_id)
        told = tuple(_line(place, line) for place, line in enumerate(ordered, 1))
        return Statement(
            number=number,
            revision=1,
            demo=end.demo,
            month=end.month,
            cut_off=end.cut_off,
            user=_statement_party(user),
            provider=_statement_party(self._party(contract.provider_id)) if contract else None,
            contract=self._contract(contract, ordered) if contract else None,
            programme=None if self.rules is None else _programme(self.rules),
            devices=tuple(self._devices(ordered)),
            lines=told,
            days=self._days(ordered),
            subsidy=self._subsidy(number, user, contract, told),
            quality=quality,
            flags=flags_of(contract, ordered, self.devices, end, excess_ms),
            notices_zh=NOTICES_ZH + _rented(ordered, NOTICE_RENT_ZH) + demo_zh,
            notices_en=NOTICES_EN + _rented(ordered, NOTICE_RENT_EN) + demo_en,
        )

    def _subsidy(
        self, number: str, user: Party, contract: Contract | None, lines: Sequence[StatementLine]
    ) -> Subsidy:
        """The estimate on the year to date; it is part of the year for the next statement."""
        earlier = self.year.get(user.party_id, YearToDate())
        year = earlier.plus(
            (self._sort(line), line.amount_fen + counted_gap_fen(line))
            for line in lines
            if line.eligible
        )
        case = year_case(number, user.established_on, contract, year)
        subsidy = subsidy_of(self.rules, case, earlier.estimate_fen)
        self.year[user.party_id] = year.estimated(subsidy.estimate_fen or 0)
        return subsidy

    def _sort(self, line: StatementLine) -> Sort:
        return Sort(line.evidence_level, self.devices[line.hardware_id].vendor.domestic)

    def _contract(self, contract: Contract, lines: Sequence[RatedLine]) -> StatementContract:
        prices = {line.standing.price for line in lines if line.standing.price is not None}
        return StatementContract(
            contract_id=contract.contract_id,
            signed_on=contract.signed_on,
            term=contract.term,
            basis=tuple(sorted({str(price.basis) for price in prices})),
            unrelated_declared=contract.unrelated_declared,
        )

    def _devices(self, lines: Iterable[RatedLine]) -> Iterable[StatementDevice]:
        hosts: dict[str, set[str]] = {}
        for line in lines:
            hosts.setdefault(line.hardware_id, set()).add(line.standing.host_id)
        shares = {line.hardware_id: line.share for line in lines}
        for hardware_id in sorted(hosts):
            device = self.devices[hardware_id]
            yield StatementDevice(
                hardware_id=hardware_id,
                parent_hardware_id=device.parent_hardware_id or None,
                vendor=VENDOR_NAMES[device.vendor],
                model=device.model,
                memory_bytes=device.memory_bytes or None,
                share=shares[hardware_id],
                domestic=device.vendor.domestic,
                host_ids=tuple(sorted(hosts[hardware_id])),
            )

    def _days(self, lines: Sequence[RatedLine]) -> tuple[StatementDay, ...]:
        # Leased, observed, gap and amount of each day.
        sums = {DAYS.of(day.start): [0, 0, 0, 0] for day in days_of(self.period)}
        for line in lines:
            for start, elapsed_ms, observed_ms, amount_fen in line.days.rows():
                of_day = sums[DAYS.of(start)]
                of_day[0] += elapsed_ms if line.days.leased else 0
                of_day[1] += observed_ms
                of_day[2] += elapsed_ms - observed_ms
                of_day[3] += amount_fen
        return tuple(
            StatementDay(
                day=_date(DAYS.start(day)),
                leased_ms=leased_ms,
                observed_ms=observed_ms,
                gap_ms=gap_ms,
                amount_fen=amount_fen,
            )
            for day, (leased_ms, observed_ms, gap_ms, amount_fen) in sums.items()
        )

    def _quality(self, lines: Sequence[RatedLine]) -> tuple[Quality, int]:
        """Quality, and by how much reported gaps exceed what was not observed."""
        total = totals_of(lines)
        spans: dict[GapReason, int] = {}
        excess_ms = 0
        for line in lines:
            gaps = self.gaps.get((line.hardware_id, line.standing.host_id), [])
            silent_ms = line.quantities.gap_ms
            for reason in sorted({gap.reason for gap in gaps}):
                of_reason = (gap for gap in gaps if gap.reason is reason)
                span_ms = reported_ms(of_reason, line.start, line.end)
                spans[reason] = spans.get(reason, 0) + span_ms
                silent_ms -= span_ms
            excess_ms += max(0, -silent_ms)
            rest = GapReason.SILENT if line.stated is None else GapReason.NOT_STATED
            spans[rest] = spans.get(rest, 0) + max(0, silent_ms)
        quality = Quality(
            observed_ms=total.observed_ms,
            elapsed_ms=total.elapsed_ms,
            gaps=tuple(
                GapSum(reason=reason.name.lower(), span_ms=span_ms)
                for reason, span_ms in sorted(spans.items())
                if span_ms
            ),
            evidence_level=str(weakest(line.evidence_level for line in lines)),
            max_clock_offset_ms=clock_of(lines, self.end).offset_ms_max,
        )
        return quality, excess_ms


def _rented(lines: Iterable[RatedLine], notice: str) -> tuple[str, ...]:
    """A notice that belongs only where a line bills a rent."""
    prices = (line.standing.price for line in lines)
    return (notice,) if any(price and price.unit.monthly for price in prices) else ()


def _date(minute: int) -> date:
    return instant_of(minute).astimezone(SHANGHAI).date()


def _statement_party(party: Party) -> StatementParty:
    return StatementParty(
        party_id=party.party_id,
        name_zh=party.name_zh,
        name_en=party.name_en,
        district=party.district,
    )


def _programme(rules: RulesVersion) -> StatementProgramme:
    return StatementProgramme(
        programme_id=rules.programme_id,
        version=rules.version,
        sha256=rules.sha256,
        name_zh=rules.name_zh,
        name_en=rules.name_en,
        parameters=tuple(
            StatementParameter(
                name=parameter.name,
                state=str(parameter.state),
                value=parameter.value_text,
                source=parameter.source,
            )
            for parameter in rules.parameters
        ),
    )


def _line(number: int, line: RatedLine) -> StatementLine:
    price = line.standing.price
    return StatementLine(
        line=number,
        hardware_id=line.hardware_id,
        host_id=line.standing.host_id,
        start=line.start,
        end=line.end,
        basis=None if price is None else str(price.basis),
        price_id=None if price is None else price.price_id,
        price_yuan=card_hour_yuan(line.standing, line.share, line.start),
        quantities=line.quantities,
        share=line.share,
        billed_ms=line.billed_ms,
        amount_fen=line.amount_fen,
        evidence_level=str(line.evidence_level),
        eligible=line.eligible,
        reasons=line.reasons,
        rules_sha256=line.standing.rules_sha256,
        price=line_price(line.standing, line.start),
        gaps=line.gaps,
        stated=line.stated,
    )
