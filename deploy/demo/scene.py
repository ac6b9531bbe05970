"""Who takes part in the demonstration, with which cards, and what happens in the month.

October 2026 in Shenzhen: a provider leases 8 x H100 to company A and 8 x A100 to company B; the
price of the A100 changes on the 16th at midnight, one A100 moves from B to C on the 21st at 10:20;
company A runs 8 leased Ascend 910B itself; company C runs 4 L40S of its own, which earn nothing.
The parties are made up; their credit codes pass the check of GB 32100-2015 and belong to nobody.
Prices are illustrative.
"""

import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

from kashi_agent.sample import Device, MeterKind, Vendor
from kashi_agent.trace import Trace

from deploy.demo.workload import Group, Profile, generated_workload

SEED = "kashi-demo"
SHANGHAI = timezone(timedelta(hours=8))
MONTH = "2026-10"
START = datetime(2026, 10, 1, tzinfo=SHANGHAI)
END = datetime(2026, 11, 1, tzinfo=SHANGHAI)
PRICE_CHANGE = datetime(2026, 10, 16, tzinfo=SHANGHAI)
CARD_MOVE = datetime(2026, 10, 21, 10, 20, tzinfo=SHANGHAI)
GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class DemoParty:
    """A party and the sign-in that shows its view."""

    party_id: str
    kind: str
    name_zh: str
    name_en: str
    login: str
    established_on: str


PROVIDER = DemoParty(
    "91440300MADEM0P967", "provider", "示例算力服务（深圳）有限公司",
    "Example Compute Services (Shenzhen)", "provider", "2019-03-01",
)  # fmt: skip
COMPANY_A = DemoParty(
    "91440300MADEM0A152", "company", "示例甲人工智能有限公司", "Example A AI", "company-a",
    "2021-06-01",
)  # fmt: skip
COMPANY_B = DemoParty(
    "91440300MADEM0B2X3", "company", "示例乙机器人有限公司", "Example B Robotics", "company-b",
    "2026-03-01",
)  # fmt: skip
COMPANY_C = DemoParty(
    "91440300MADEM0C34C", "company", "示例丙模型有限公司", "Example C Models", "company-c",
    "2020-09-01",
)  # fmt: skip
PARTIES = (PROVIDER, COMPANY_A, COMPANY_B, COMPANY_C)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoHost:
    """A host of the demonstration and the cards in it."""

    name: str
    operator: DemoParty
    owner: DemoParty
    leased_out: bool
    groups: tuple[Group, ...]

    @property
    def devices(self) -> tuple[Device, ...]:
        """Its cards, in the order of the bus."""
        return tuple(device for group in self.groups for device in group.devices)

    def workload(self) -> Trace:
        """Its month, generated from the seed."""
        return generated_workload(
            self.groups,
            seed=f"{SEED}/{self.name}",
            start_utc_ms=_utc_ms(START),
            span_ms=_utc_ms(END) - _utc_ms(START),
        )


def _utc_ms(instant: datetime) -> int:
    return (instant - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def cards(host: str, count: int, vendor: Vendor, model: str, memory_bytes: int) -> list[Device]:
    """Cards of one model in a made-up host, in the order of the bus; metered by replay."""
    prefix = "GPU-" if vendor is Vendor.NVIDIA else ""
    return [
        Device(
            vendor=vendor,
            hardware_id=prefix + str(uuid.uuid5(uuid.NAMESPACE_URL, f"{SEED}/{host}/{number}")),
            model=model,
            meter=MeterKind.REPLAY,
            pci_bus_id=f"0000:{0x17 + number * 8:02x}:00.0",
            memory_bytes=memory_bytes,
        )
        for number in range(count)
    ]


def _halves(cards: list[Device], one: Profile, other: Profile, watts: int) -> tuple[Group, ...]:
    middle = len(cards) // 2
    return tuple(
        Group(
            name=f"{profile.value}",
            profile=profile,
            devices=tuple(part),
            power_mw_idle=watts * 100,
            power_mw_full=watts * 1000,
        )
        for profile, part in ((one, cards[:middle]), (other, cards[middle:]))
    )


H100 = cards("gpu-h100-01", 8, Vendor.NVIDIA, "NVIDIA H100 80GB HBM3", 80 * GIB)
A100 = cards("gpu-a100-01", 8, Vendor.NVIDIA, "NVIDIA A100-SXM4-80GB", 80 * GIB)
L40S = cards("gpu-l40s-01", 4, Vendor.NVIDIA, "NVIDIA L40S", 48 * GIB)
ASCEND = cards("npu-910b-01", 8, Vendor.HUAWEI, "Ascend 910B3", 64 * GIB)
MOVED = A100[7]

HOSTS = (
    DemoHost(
        name="gpu-h100-01", operator=PROVIDER, owner=PROVIDER, leased_out=True,
        groups=_halves(H100, Profile.TRAINING, Profile.TRAINING, 700),
    ),
    DemoHost(
        name="gpu-a100-01", operator=PROVIDER, owner=PROVIDER, leased_out=True,
        groups=_halves(A100, Profile.SERVING, Profile.INTERACTIVE, 400),
    ),
    DemoHost(
        name="gpu-l40s-01", operator=COMPANY_C, owner=COMPANY_C, leased_out=False,
        groups=_halves(L40S, Profile.SERVING, Profile.INTERACTIVE, 350),
    ),
    DemoHost(
        name="npu-910b-01", operator=COMPANY_A, owner=PROVIDER, leased_out=True,
        groups=_halves(ASCEND, Profile.TRAINING, Profile.SERVING, 400),
    ),
)  # fmt: skip


def parties_toml() -> str:
    """The parties as a file for `kashi-server import`."""
    return "\n".join(
        _table(
            "party",
            party_id=party.party_id,
            kind=party.kind,
            name_zh=party.name_zh,
            name_en=party.name_en,
            district="深圳市南山区",
            established_on=_Bare(party.established_on),
        )
        for party in PARTIES
    )


def agreements_toml(host_ids: Mapping[str, str]) -> str:
    """Tenure, contracts, projects, assignments and prices as a file for `kashi-server import`.

    Args:
        host_ids: what the server called each host at enrolment, by the host's name.
    """
    said = (_tenures(host_ids), _contracts(), _projects(), _assignments(), _prices())
    return "\n".join(chain.from_iterable(said))


def _tenures(host_ids: Mapping[str, str]) -> Iterator[str]:
    for host in HOSTS:
        yield _table(
            "tenure",
            host_id=host_ids[host.name],
            owner=host.owner.party_id,
            operator=host.operator.party_id,
            kind="leased_out" if host.leased_out else "self_owned",
            **{"from": START},
        )


_CONTRACTS = (("HT-2026-A", COMPANY_A), ("HT-2026-B", COMPANY_B), ("HT-2026-C", COMPANY_C))


def _contracts() -> Iterator[str]:
    for contract, user in _CONTRACTS:
        yield _table(
            "contract",
            contract_id=contract,
            provider=PROVIDER.party_id,
            user=user.party_id,
            signed_on=_Bare("2026-09-20"),
            unrelated_declared=True,
            **{"from": START, "until": datetime(2027, 10, 1, tzinfo=SHANGHAI)},
        )


_PROJECTS = (
    ("HT-2026-A", "示例大模型训练", "大模型训练与推理"),
    ("HT-2026-B", "示例在线服务", "模型推理与交互式开发"),
    ("HT-2026-C", "示例模型开发", "交互式开发"),
)


def _projects() -> Iterator[str]:
    for contract, project, purpose in _PROJECTS:
        yield _table(
            "project",
            contract=contract,
            stated_on=_Bare("2026-09-20"),
            project=project,
            purpose=purpose,
            site="演示机房",
            document="演示项目说明",
        )


def _assignments() -> Iterator[str]:
    for card in (*H100, *ASCEND):
        yield _assignment("HT-2026-A", COMPANY_A, card, START, END)
    for card in A100[:7]:
        yield _assignment("HT-2026-B", COMPANY_B, card, START, END)
    yield _assignment("HT-2026-B", COMPANY_B, MOVED, START, CARD_MOVE)
    yield _assignment("HT-2026-C", COMPANY_C, MOVED, CARD_MOVE, END)


def _assignment(
    contract: str, user: DemoParty, card: Device, start: datetime, end: datetime
) -> str:
    return _table(
        "assignment",
        assignment_id=f"{contract}-{card.hardware_id.rsplit('-', 1)[-1]}",
        contract=contract,
        hardware_id=card.hardware_id,
        proposed_by=PROVIDER.party_id,
        confirmed_by=user.party_id,
        **{"from": start, "until": end},
    )


def _prices() -> Iterator[str]:
    yield _price("H100-A", "HT-2026-A", H100[0].model, "12.50", START)
    yield _price("910B-A", "HT-2026-A", ASCEND[0].model, "5.20", START)
    yield _price("A100-B-1", "HT-2026-B", A100[0].model, "6.40", START, PRICE_CHANGE)
    yield _price("A100-B-2", "HT-2026-B", A100[0].model, "5.85", PRICE_CHANGE)
    yield _price("A100-C", "HT-2026-C", A100[0].model, "6.66", START)


def _price(
    price: str, contract: str, model: str, yuan: str, start: datetime, end: datetime | None = None
) -> str:
    term = {"from": start} | ({"until": end} if end else {})
    return _table(
        "price",
        price_id=price,
        contract=contract,
        model=model,
        yuan_per_card_hour=yuan,
        basis="leased_observed",
        **term,
    )


class _Bare(str):
    """A value that TOML writes without quotes."""


def _table(name: str, **fields: str | bool | datetime) -> str:
    lines = [f"[[{name}]]"]
    for key, value in fields.items():
        if isinstance(value, bool):
            text = str(value).lower()
        elif isinstance(value, datetime):
            text = value.isoformat()
        else:
            text = value if isinstance(value, _Bare) else f'"{value}"'
        lines.append(f"{key} = {text}")
    return "\n".join(lines) + "\n"
