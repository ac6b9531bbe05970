"""Statements for tests: rented with a price change and a moved card, self-owned, and a long one.

Everything here is invented; the numbers are consistent because a statement refuses others.
"""

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

from kashi_server.domain.evaluation.case import Case, Metered
from kashi_server.domain.interval import MINUTE_MS, SHANGHAI, Interval, Month, days_of, instant_of
from kashi_server.domain.party import check_character, organisation_check_character
from kashi_server.domain.reason import Reason
from kashi_server.domain.rules import Parameter, ParameterState, RulesVersion
from kashi_server.domain.statement import (
    CutOff,
    Flag,
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
    StatementQuantities,
    amount_of,
)
from kashi_server.domain.statement_line import sum_of
from kashi_server.domain.subsidy import Subsidy, subsidy_of

MONTH = Month(2026, 10)
DAY_MINUTES = 1440
HOST_A = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0001"
HOST_B = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0002"
NOTICES_ZH = ("本表为计量记录，既非补贴权益，亦非法定计量检定。",)
NOTICES_EN = ("A measurement record: neither an entitlement nor a metrological verification.",)


def credit_code(number: int) -> str:
    """A well-formed credit code for an invented party."""
    organisation = f"MA5{number:05d}"
    first = "91440300" + organisation + organisation_check_character(organisation)
    return first + check_character(first)


COMPANY = StatementParty(
    party_id=credit_code(11),
    name_zh="深圳示例智能科技有限公司",
    name_en="Shenzhen Sample Intelligence Co., Ltd.",
    district="南山区",
)
PROVIDER = StatementParty(
    party_id=credit_code(22),
    name_zh="深圳示例算力服务有限公司",
    name_en="Shenzhen Sample Compute Services Co., Ltd.",
    district="龙岗区",
)
PROGRAMME = StatementProgramme(
    programme_id="shenzhen-compute-voucher",
    version="2026-1",
    sha256="5b" * 32,
    name_zh="深圳市训力券",
    name_en="Shenzhen compute voucher",
    parameters=(
        StatementParameter(
            name="ratio.general", state="published", value="0.5", source="深工信规〔2024〕13号 (二)"
        ),
        StatementParameter(
            name="voucher.validity_months", state="unknown", value=None, source=None
        ),
    ),
)

_VALUES = {
    "kind": "cost_share",
    "base.contract": "ceiling",
    "base.invoice": "off",
    "base.payment": "ceiling",
    "base.verified": "off",
    "base.metered": "flag",
    "ratio.general": "0.5",
    "cap.company_year_yuan": "10000000.00",
}
RULES = RulesVersion(
    programme_id=PROGRAMME.programme_id,
    version=PROGRAMME.version,
    name_zh=PROGRAMME.name_zh,
    name_en=PROGRAMME.name_en,
    document="深工信规〔2024〕13号",
    in_force=Interval(0, None),
    parameters=(
        *(
            Parameter(
                name=name,
                state=ParameterState.PUBLISHED,
                value=value,
                source="深工信规〔2024〕13号 (二)",
            )
            for name, value in _VALUES.items()
        ),
        Parameter(name="startup.age_basis", state=ParameterState.UNKNOWN),
    ),
)
"""Few and invented: what the sample statements are estimated by."""


def device(number: int, hosts: Sequence[str] = (HOST_A,), share: str = "1") -> StatementDevice:
    """An invented H100, or a slice of one."""
    part = Fraction(share)
    hardware_id = f"GPU-{number:08d}-0000-4000-8000-000000000000"
    parent = None
    if part != 1:
        parent, hardware_id = hardware_id, f"MIG-{number:08d}-0000-4000-8000-000000000000"
    return StatementDevice(
        hardware_id=hardware_id,
        parent_hardware_id=parent,
        vendor="NVIDIA",
        model="NVIDIA H100 80GB HBM3",
        memory_bytes=85_899_345_920,
        share=part,
        domestic=False,
        host_ids=tuple(hosts),
    )


def line(
    number: int,
    what: StatementDevice,
    start: int,
    end: int,
    *,
    host_id: str = HOST_A,
    gap_ms: int = 0,
    price: str | None = "12.50",
    reasons: Sequence[Reason] = (),
) -> StatementLine:
    """A line over [start, end) with plausible quantities; without a price it earns nothing."""
    elapsed_ms = (end - start) * MINUTE_MS
    observed_ms = elapsed_ms - gap_ms
    active_ms = observed_ms * 7 // 10
    leased = price is not None
    share = what.share or Fraction(0)
    return StatementLine(
        line=number,
        hardware_id=what.hardware_id,
        host_id=host_id,
        start=start,
        end=end,
        basis="leased_observed" if leased else None,
        price_id=f"price-{price}" if leased else None,
        price_yuan=Fraction(price) if price is not None else None,
        quantities=StatementQuantities(
            leased_ms=elapsed_ms if leased else 0,
            observed_ms=observed_ms,
            gap_ms=gap_ms,
            held_known_ms=observed_ms,
            held_ms=observed_ms * 9 // 10,
            utilisation_known_ms=observed_ms,
            active_ms=active_ms,
            utilised_ns=active_ms * 600_000,
            unattributed_ms=active_ms // 1000,
        ),
        share=what.share,
        billed_ms=observed_ms if leased else 0,
        amount_fen=amount_of(observed_ms, share, Fraction(price)) if price is not None else 0,
        evidence_level="E2",
        eligible=leased,
        reasons=tuple(reasons),
    )


def days(lines: Sequence[StatementLine]) -> tuple[StatementDay, ...]:
    """Days of the month; a line's gap falls on its first day, its amount telescopes."""
    found: list[StatementDay] = []
    for day in days_of(MONTH.interval()):
        leased = observed = gap = amount = 0
        for part in lines:
            cut = Interval(part.start, part.end).overlap(day)
            if cut is None:
                continue
            start, end = cut.bounded()
            gap_ms = part.quantities.gap_ms if start == part.start else 0
            elapsed_ms = (end - start) * MINUTE_MS
            leased += elapsed_ms if part.quantities.leased_ms else 0
            observed, gap = observed + elapsed_ms - gap_ms, gap + gap_ms
            amount += _through(part, end) - _through(part, start)
        local = instant_of(day.start).astimezone(SHANGHAI)
        found.append(
            StatementDay(
                day=date(local.year, local.month, local.day),
                leased_ms=leased,
                observed_ms=observed,
                gap_ms=gap,
                amount_fen=amount,
            )
        )
    return tuple(found)


def _through(part: StatementLine, minute: int) -> int:
    if part.price_yuan is None or part.share is None or minute == part.start:
        return 0
    billed_ms = (minute - part.start) * MINUTE_MS - part.quantities.gap_ms
    return amount_of(billed_ms, part.share, part.price_yuan)


def statement(
    lines: Sequence[StatementLine],
    devices: Sequence[StatementDevice],
    *,
    rented: bool = True,
    demo: bool = False,
    revision: int = 1,
    flags: Sequence[Flag] = (),
) -> Statement:
    """A statement of October 2026 around these lines."""
    total = sum_of(part.quantities for part in lines)
    eligible_fen = sum(part.amount_fen for part in lines if part.eligible)
    start, end = MONTH.interval().bounded()
    number = "KS-2026-10-HT-2026-001" if rented else f"KS-2026-10-{COMPANY.party_id}"
    return Statement(
        number=number,
        revision=revision,
        demo=demo,
        month=MONTH,
        cut_off=CutOff(event_end=end, checkpoint_size=8928, checkpoint_root=bytes(range(32))),
        user=COMPANY,
        provider=PROVIDER if rented else None,
        contract=StatementContract(
            contract_id="HT-2026-001",
            signed_on=date(2026, 8, 20),
            term=Interval(start, None),
            basis=("leased_observed",),
            unrelated_declared=True,
        )
        if rented
        else None,
        programme=PROGRAMME,
        devices=tuple(devices),
        lines=tuple(lines),
        days=days(lines),
        subsidy=_subsidy(number, eligible_fen),
        quality=Quality(
            observed_ms=total.observed_ms,
            elapsed_ms=total.elapsed_ms,
            gaps=(GapSum(reason="silent", span_ms=total.gap_ms),) if total.gap_ms else (),
            evidence_level="E2",
        ),
        flags=tuple(flags),
        notices_zh=NOTICES_ZH,
        notices_en=NOTICES_EN,
    )


def _subsidy(number: str, eligible_fen: int) -> Subsidy:
    """Half of it by invented rules, up to ten million yuan; contract and payment are not known."""
    case = Case(case_id=number, metered=(Metered(evidence_level="E2", amount_fen=eligible_fen),))
    return subsidy_of(RULES, case, earlier_fen=0)


def rented_statement(*, demo: bool = False, revision: int = 1) -> Statement:
    """A lease of two cards and a slice: one price change on the 16th, one card moved at 10:20."""
    start, end = MONTH.interval().bounded()
    change = start + 15 * DAY_MINUTES
    moved = start + 19 * DAY_MINUTES + 10 * 60 + 20
    one, two, part = device(1), device(2, (HOST_A, HOST_B)), device(3, share="3/7")
    lines = (
        line(1, one, start, change, gap_ms=90_000),
        line(2, one, change, end, price="11.80"),
        line(3, two, start, change),
        line(4, two, change, moved, price="11.80"),
        line(5, two, moved, end, host_id=HOST_B, gap_ms=1_234_567, price="11.80"),
        line(6, part, start + 61, change),
        line(7, part, change, end, price="11.80"),
    )
    return statement(lines, (one, two, part), demo=demo, revision=revision)


def self_owned_statement(*, demo: bool = False) -> Statement:
    """Hosts that a company owns itself: metered whole, earning nothing, and saying why."""
    start, end = MONTH.interval().bounded()
    owned = [device(number) for number in range(1, 5)]
    lines = tuple(
        line(
            number,
            what,
            start,
            end,
            price=None,
            gap_ms=number * 1000,
            reasons=(Reason.SELF_OWNED,),
        )
        for number, what in enumerate(owned, 1)
    )
    flag = Flag(code=Reason.SELF_OWNED, subject=HOST_A, detail="自有主机 / self-owned host")
    return statement(lines, owned, rented=False, demo=demo, flags=(flag,))


def long_statement(lines: int = 500, *, demo: bool = False) -> Statement:
    """Many lines: 28 devices, a price for each stretch of the month."""
    start, end = MONTH.interval().bounded()
    cards = [device(number) for number in range(1, 29)]
    pieces = -(-lines // len(cards))
    made: list[StatementLine] = []
    for number in range(lines):
        card, piece = cards[number // pieces], number % pieces
        low = start + (end - start) * piece // pieces
        high = start + (end - start) * (piece + 1) // pieces
        price = f"{11 + piece % 3}.{piece:02d}"
        made.append(line(number + 1, card, low, high, price=price))
    return statement(made, cards, demo=demo)
