"""Scenarios of the fake DCMI driver: written for the C library, and their truth.

Power is in tenths of a watt and memory in MB, as the driver tells them; utilisation in whole
percent. The chips of the generations stand ready as functions; what they differ in is what is known
of the real ones.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from fakes.driver.scenario import (
    FOREVER,
    PPM_PER_PERCENT,
    Trouble,
    Truth,
    end,
    pieces,
    union_ms,
)

MILLIWATTS_PER_TENTH = 100

VDIE = 1
DDIE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """What a chip shows from an instant until its next state; `power_dw` None: it refuses."""

    from_ms: int
    aicore_percent: int = 0
    vector_percent: int = 0
    overall_percent: int = 0
    used_mb: int = 3_430
    power_dw: int | None = 1_013
    health: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Process:
    """A process in the driver's list."""

    pid: int
    bytes: int = 1 << 30
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Code:
    """A fault code that stands during a span."""

    code: int
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Vnpu:
    """A partition of a chip; `container` None: none uses it."""

    number: int
    aic: float = 4
    memory_mb: int = 12_000
    percent: int = 0
    container: int | None = None
    from_ms: int = 0
    to_ms: int | None = FOREVER


@dataclass(frozen=True, slots=True, kw_only=True)
class Chip:
    """One chip: what it is, what it shows, who is on it."""

    card: int
    place: int = 0
    logic: int = 0
    physical: int = 0
    unit: int = 0
    kind: str = "Ascend"
    name: str = "910B2"
    npu_name: str = ""
    serial: str = ""
    aicores: int = 24
    board: int = 0x64
    die: tuple[int, int, int, int, int] = (1, 2, 3, 4, 5)
    die_type: int = VDIE
    pci: str = "0000:c1:00.0"
    memory_mb: int = 65_536
    ddr: bool = False
    rates: tuple[int, ...] = (2, 3, 4, 6, 10, 12, 13)
    multi: bool = True
    aic: float = 0
    temperature: int = 42
    states: tuple[State, ...] = (State(from_ms=0),)
    processes: tuple[Process, ...] = ()
    codes: tuple[Code, ...] = ()
    vnpus: tuple[Vnpu, ...] = ()

    @property
    def die_id(self) -> str:
        """Its hardware id as Kashi writes it."""
        return "-".join(f"{word:08X}" for word in self.die)


def ascend_910a(number: int, **fields: Any) -> Chip:
    """A 910A: no vector and no overall utilisation, no several at once, one chip a card."""
    return _chip(
        number,
        fields,
        name="910A",
        aicores=32,
        memory_mb=32_768,
        rates=(2, 3, 4, 6, 10),
        multi=False,
    )


def ascend_910b(number: int, *, model: str = "910B2", **fields: Any) -> Chip:
    """A 910B1 to 910B4: everything, one chip a card."""
    return _chip(number, fields, name=model)


def ascend_a3(number: int, **fields: Any) -> Chip:
    """A die of a 910C on an A3 board: two a card, power told by the first only."""
    die = number % 2
    shown = fields.pop("states", (State(from_ms=0),))
    if die:
        shown = tuple(_without_power(state) for state in shown)
    return _chip(
        number, fields, name="Ascend910", board=0xB0, card=number // 2, place=die, states=shown
    )


def ascend_310p(number: int, **fields: Any) -> Chip:
    """A 310P: two a card, DDR, vector cores of its own, power told by the card only."""
    shown = fields.pop("states", (State(from_ms=0),))
    return _chip(
        number,
        fields,
        name="310P3",
        aicores=8,
        memory_mb=44_280,
        ddr=True,
        rates=(1, 2, 3, 4, 5, 8, 12),
        multi=False,
        card=4 + number // 2,
        place=number % 2,
        aic=8,
        states=tuple(_without_power(state) for state in shown),
    )


def ascend_950(number: int, **fields: Any) -> Chip:
    """An A5: the newer entry points only, and a DDie for its id."""
    return _chip(number, fields, name="Ascend950PR", die_type=DDIE, memory_mb=131_072)


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario(Trouble):
    """A driver and its chips over time; `card_power_dw`: by card, from instants on."""

    chips: tuple[Chip, ...]
    api: int = 1
    driver: str = "25.5.1"
    library: str = "25.5.1.b080"
    card_power_dw: tuple[tuple[int, int, int | None], ...] = ()
    """Card, instant, tenths of a watt."""

    def truth(self, chip: int, from_ms: int, to_ms: int) -> Truth:
        """What the chip did in [from, to): overall utilisation, its own power."""
        one = self.chips[chip]
        shown = list(pieces(one.states, from_ms, to_ms))
        return Truth(
            span_ms=to_ms - from_ms,
            held_ms=union_ms(one.processes, from_ms, to_ms),
            active_ms=sum(span for span, state in shown if state.overall_percent > 0),
            utilised_ns=sum(
                span * state.overall_percent * PPM_PER_PERCENT for span, state in shown
            ),
            energy_uj=sum(
                span * (state.power_dw or 0) * MILLIWATTS_PER_TENTH for span, state in shown
            ),
        )

    def lines(self) -> Iterable[str]:
        """Versions and chips."""
        yield f"api {self.api}"
        yield f"driver {self.driver}"
        yield f"library {self.library}"
        for number, chip in enumerate(self.chips):
            yield from _chip_lines(number, chip)
        for card, from_ms, power_dw in self.card_power_dw:
            yield f"card_power {card} {from_ms} {end(power_dw)}"


def _chip(number: int, fields: dict[str, Any], **generation: Any) -> Chip:
    """A chip of a generation: its number is in everything that tells chips apart."""
    told_apart = {
        "card": number,
        "logic": number,
        "physical": number,
        "die": (0x140C979 + number, 0xA1040600, 0xF70A8B10, 0x10E02000, 0x1),
        "pci": f"0000:{0xC1 + number:02x}:00.0",
        "serial": f"102{number:09d}",
    }
    return Chip(**{**told_apart, **generation, **fields})


def _without_power(state: State) -> State:
    return replace(state, power_dw=None)


def _chip_lines(number: int, chip: Chip) -> Iterable[str]:
    """A chip, then its states in order of time, its processes, faults and partitions."""
    for name, value in (
        ("card", chip.card),
        ("place", chip.place),
        ("logic", chip.logic),
        ("physical", chip.physical),
        ("type", chip.unit),
        ("kind", chip.kind),
        ("name", chip.name),
        ("npu_name", chip.npu_name),
        ("serial", chip.serial),
        ("aicores", chip.aicores),
        ("board", chip.board),
        ("die", " ".join(f"{word:x}" for word in chip.die)),
        ("die_type", chip.die_type),
        ("pci", chip.pci),
        ("memory_mb", chip.memory_mb),
        ("ddr", int(chip.ddr)),
        ("rates", ",".join(map(str, chip.rates))),
        ("multi", int(chip.multi)),
        ("aic", chip.aic),
        ("temperature", chip.temperature),
    ):
        if value != "":
            yield f"chip {number} {name} {value}"
    for state in chip.states:
        yield (
            f"state {number} {state.from_ms} {state.aicore_percent} {state.vector_percent}"
            f" {state.overall_percent} {state.used_mb} {end(state.power_dw)} {state.health}"
        )
    for process in chip.processes:
        yield (
            f"process {number} {process.pid} {process.bytes} {process.from_ms} {end(process.to_ms)}"
        )
    for code in chip.codes:
        yield f"code {number} {code.code:x} {code.from_ms} {end(code.to_ms)}"
    for vnpu in chip.vnpus:
        container = "-" if vnpu.container is None else f"{vnpu.container:x}"
        yield (
            f"vnpu {number} {vnpu.number} {vnpu.aic} {vnpu.memory_mb} {vnpu.percent} {container}"
            f" {vnpu.from_ms} {end(vnpu.to_ms)}"
        )
