"""Facts and agreements for tests of rating and closing, written briefly and without a database."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime
from fractions import Fraction

from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.device import DeviceRecord, ServiceWindow, Vendor
from kashi_server.domain.interval import Interval, Month, minute_of
from kashi_server.domain.party import Party, PartyKind
from kashi_server.domain.rules import RulesVersion
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis, Price
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.domain.usage import QUANTITY_NAMES, DeviceHour, Quantities
from kashi_server.services.closing import PROGRAMME_ID
from kashi_server.services.rulebook import shipped_rules
from statement_samples import credit_code

OCTOBER = Month(2026, 10)
START, END = OCTOBER.interval().bounded()
HOST_A = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0001"
HOST_B = "0b8f6a52-6d0e-4a0e-9d7e-3f1c3a7a0002"
PROVIDER, OTHER_PROVIDER = credit_code(22), credit_code(23)
TENANT, OTHER_TENANT, OWNER = credit_code(11), credit_code(12), credit_code(13)
H100 = "NVIDIA H100 80GB HBM3"
RULES: tuple[RulesVersion, ...] = tuple(
    version for version in shipped_rules() if version.programme_id == PROGRAMME_ID
)
FULL = Quantities(
    observed_ms=60_000,
    held_known_ms=60_000,
    held_ms=60_000,
    utilisation_known_ms=60_000,
    active_ms=60_000,
    utilised_ns=30_000_000_000,
)

PARTIES: tuple[Party, ...] = (
    Party(party_id=PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务甲"),
    Party(party_id=OTHER_PROVIDER, kind=PartyKind.PROVIDER, name_zh="示例算力服务乙"),
    Party(party_id=TENANT, kind=PartyKind.COMPANY, name_zh="示例智能科技甲", district="南山区"),
    Party(party_id=OTHER_TENANT, kind=PartyKind.COMPANY, name_zh="示例智能科技乙"),
    Party(party_id=OWNER, kind=PartyKind.COMPANY, name_zh="示例自有算力公司"),
)


def at(text: str) -> int:
    """The UTC minute of `10-16 08:30` in 2026, Asia/Shanghai."""
    return minute_of(datetime.fromisoformat(f"2026-{text.replace(' ', 'T')}:00+08:00"))


def observed(milliseconds: int) -> Quantities:
    """A minute of which some milliseconds were observed, and all of them held and active."""
    return Quantities(
        observed_ms=milliseconds,
        held_known_ms=milliseconds,
        held_ms=milliseconds,
        utilisation_known_ms=milliseconds,
        active_ms=milliseconds,
        utilised_ns=milliseconds * 500_000,
    )


def device(
    hardware_id: str = "GPU-1",
    *stays: tuple[str, int, int | None],
    model: str = H100,
    parent: str = "",
    share: tuple[int, int] = (1, 1),
    vendor: Vendor = Vendor.NVIDIA,
) -> DeviceRecord:
    """A device with its stays on hosts; by default on HOST_A from before October."""
    windows = stays or ((HOST_A, START - 1440, None),)
    return DeviceRecord(
        hardware_id=hardware_id,
        vendor=vendor,
        model=model,
        parent_hardware_id=parent,
        share_numerator=share[0],
        share_denominator=share[1],
        memory_bytes=85_899_345_920,
        serial="",
        pci_bus_id="",
        replayed=False,
        first_minutes=tuple((host_id, start) for host_id, start, _end in windows),
        windows=tuple(
            ServiceWindow(host_id=host_id, interval=Interval(start, end))
            for host_id, start, end in windows
        ),
    )


def hours_of(minutes: Mapping[tuple[str, str, int], Quantities]) -> list[DeviceHour]:
    """Device-hours of (hardware, host, UTC minute) -> quantities."""
    grouped: dict[tuple[str, str, int], dict[int, Quantities]] = {}
    for (hardware_id, host_id, minute), quantities in minutes.items():
        grouped.setdefault((hardware_id, host_id, minute // 60), {})[minute % 60] = quantities
    return [_hour(*key, inside) for key, inside in grouped.items()]


def _hour(
    hardware_id: str, host_id: str, number: int, inside: Mapping[int, Quantities]
) -> DeviceHour:
    columns = tuple(
        array("Q", [getattr(inside[m], name) if m in inside else 0 for m in range(60)])
        for name in QUANTITY_NAMES
    )
    return DeviceHour(hardware_id=hardware_id, host_id=host_id, hour=number, columns=columns)


def observe(
    start: int,
    end: int,
    *,
    hardware_id: str = "GPU-1",
    host_id: str = HOST_A,
    quantities: Quantities = FULL,
) -> dict[tuple[str, str, int], Quantities]:
    """The same quantities in every minute of [start, end)."""
    return {(hardware_id, host_id, minute): quantities for minute in range(start, end)}


def tenure(
    host_id: str = HOST_A,
    owner_id: str = PROVIDER,
    kind: TenureKind = TenureKind.LEASED_OUT,
    start: int = START - 44_640,
    end: int | None = None,
) -> Tenure:
    """A host's tenure, by default the provider's and leased out."""
    interval = Interval(start, end)
    return Tenure(
        host_id=host_id, owner_id=owner_id, operator_id=owner_id, kind=kind, interval=interval
    )


def contract(
    contract_id: str = "HT-1",
    user_id: str = TENANT,
    provider_id: str = PROVIDER,
    *,
    start: int = START - 44_640,
    end: int | None = None,
    unrelated: bool | None = True,
) -> Contract:
    """A contract that runs through October."""
    return Contract(
        contract_id=contract_id,
        provider_id=provider_id,
        user_id=user_id,
        signed_on=date(2026, 8, 20),
        term=Interval(start, end),
        unrelated_declared=unrelated,
    )


def assignment(
    start: int = START,
    end: int | None = None,
    *,
    assignment_id: str = "A-1",
    contract_id: str = "HT-1",
    hardware_id: str = "GPU-1",
    confirmed: bool = True,
) -> Assignment:
    """A device for a contract, proposed by the provider."""
    return Assignment(
        assignment_id=assignment_id,
        contract_id=contract_id,
        hardware_id=hardware_id,
        interval=Interval(start, end),
        proposed_by=PROVIDER,
        confirmed_by=TENANT if confirmed else None,
    )


def price(
    yuan: str = "12.50",
    start: int = START - 44_640,
    end: int | None = None,
    *,
    contract_id: str = "HT-1",
    model: str = H100,
    basis: Basis = Basis.LEASED_OBSERVED,
    price_id: str | None = None,
) -> Price:
    """A price per card-hour; its id tells key and amount unless given."""
    return Price(
        price_id=price_id or f"{contract_id}-{yuan}",
        contract_id=contract_id,
        model=model,
        yuan=Fraction(yuan),
        basis=basis,
        interval=Interval(start, end),
    )


def terms(
    assignments: Iterable[Assignment] = (),
    prices: Iterable[Price] | None = None,
    *,
    contracts: Sequence[Contract] | None = None,
    tenures: Iterable[Tenure] | None = None,
    rules: Sequence[RulesVersion] = RULES,
) -> Terms:
    """Terms: by default one contract at one price, and both hosts the provider's."""
    made = (contract(),) if contracts is None else contracts
    return Terms(
        contracts={one.contract_id: one for one in made},
        assignments=tuple(assignments),
        prices=(price(),) if prices is None else tuple(prices),
        tenures=(tenure(), tenure(HOST_B)) if tenures is None else tuple(tenures),
        operators={HOST_A: PROVIDER, HOST_B: PROVIDER},
        rules=rules,
    )


def in_force(start: int, end: int | None) -> RulesVersion:
    """The shipped rules in force at another time."""
    return replace(RULES[0], in_force=Interval(start, end))
