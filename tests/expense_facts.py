"""Facts and agreements written into a database as the other rooms' services would write them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric import ec
from expense_cases import (
    END,
    H100,
    HOST_A,
    HOST_B,
    PARTIES,
    PROVIDER,
    START,
    contract,
    hours_of,
    price,
    tenure,
)
from kashi_server.domain.contract import Assignment
from kashi_server.domain.interval import MINUTE_MS
from kashi_server.domain.report import DeviceDescription, MeterKind
from kashi_server.domain.tariff import Price
from kashi_server.domain.tenure import Tenure
from kashi_server.domain.usage import Quantities
from kashi_server.log.sequencer import sequence
from kashi_server.services.facts_port import DeviceRow, FactBatch, GapRow
from kashi_server.services.hosts import Host, HostFacts, HostState
from kashi_server.services.log_port import Checkpoint
from kashi_server.services.rulebook import Rulebook, shipped_rules
from kashi_server.storage.unit_of_work import UnitOfWork, Work

Minutes = Mapping[tuple[str, str, int], Quantities]


@dataclass(frozen=True, slots=True)
class LogKeys:
    """A key that signs checkpoints."""

    checkpoint_key: ec.EllipticCurvePrivateKey = field(
        default_factory=lambda: ec.generate_private_key(ec.SECP256R1())
    )


def sequencer(work: Work, now_ms: int) -> Callable[[], Checkpoint]:
    """The real sequencer over a database, with a key of its own and a clock that stands."""
    keys = LogKeys()
    return lambda: sequence(work, keys, lambda: now_ms)


def store(
    work: Work,
    minutes: Minutes,
    *,
    gaps: Sequence[GapRow] = (),
    assignments: Iterable[Assignment] = (),
    prices: Iterable[Price] = (),
    tenures: Iterable[Tenure] = (),
    parts: Mapping[str, DeviceDescription] | None = None,
) -> None:
    """Write facts and agreements as the other rooms' services would; `parts` describes devices
    that are no whole H100."""
    seen = {(device, host): minute for device, host, minute in sorted(minutes, reverse=True)}
    batch = FactBatch(hours=hours_of(minutes), gaps=list(gaps))
    for slot, ((hardware_id, host_id), first) in enumerate(sorted(seen.items())):
        told = (parts or {}).get(hardware_id) or described(hardware_id)
        batch.devices.append(DeviceRow(host_id, slot, told, first * MINUTE_MS, END * MINUTE_MS))
    with work.begin() as unit:
        for host_id in sorted({host_id for _hardware_id, host_id in seen} | {HOST_A}):
            add_host(unit, host_id)
        unit.facts.write(batch)
        for party in PARTIES:
            unit.expense.put_party(party)
        unit.expense.put_contract(contract())
        for one in tenures or (tenure(), tenure(HOST_B)):
            unit.expense.put_tenure(one)
        for lease in assignments:
            unit.expense.put_assignment(lease, START * MINUTE_MS)
        for cost in prices or (price(),):
            unit.expense.put_price(cost)
        unit.commit()
    Rulebook(work, lambda: END * MINUTE_MS).register(shipped_rules())


def described(hardware_id: str) -> DeviceDescription:
    """A whole H100, as its host describes it."""
    return DeviceDescription(
        vendor=1,
        hardware_id=hardware_id,
        parent_hardware_id="",
        model=H100,
        serial="",
        pci_bus_id="",
        memory_bytes=85_899_345_920,
        share_numerator=1,
        share_denominator=1,
        meter=MeterKind.NVML,
    )


def add_host(unit: UnitOfWork, host_id: str) -> None:
    """An enrolled host of the provider."""
    facts = HostFacts(
        hostname=f"node-{host_id[-4:]}",
        machine_sha256=host_id.encode(),
        operating_system="Debian 12",
        agent_version="0.1.0",
        architecture="x86_64",
    )
    unit.identity.add_host(
        Host(
            host_id=host_id,
            operator_party_id=PROVIDER,
            report_public_key_der=host_id.encode(),
            enrolled_utc_ms=START * MINUTE_MS,
            state=HostState.ACTIVE,
            state_reason="",
            state_utc_ms=START * MINUTE_MS,
            release_requested_by=None,
            recoveries_used=0,
            recoveries_allowed=3,
            facts=facts,
        )
    )
