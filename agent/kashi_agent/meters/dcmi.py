"""The door to Huawei's driver: each call of DCMI the meter makes, through a binding of our own.

A value is returned as the driver tells it, unchecked, or `Absent` with the reason the driver gave.
Nothing here decides what is asked when; `dcmi_meter` does.
"""

import ctypes
from ctypes import byref, c_int, c_uint
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

from kashi_agent.meters.dcmi_codes import SUCCESS, absent_for
from kashi_agent.meters.dcmi_layouts import (
    BoardInfo,
    ChipInfo,
    Die,
    HbmInfo,
    Label,
    MemoryInfo,
    MultiUtilisation,
    PcieInfo,
    Process,
)
from kashi_agent.meters.dcmi_library import OLDER, DcmiLibrary, DriverGone, Place
from kashi_agent.meters.dcmi_vnpus import Vnpus
from kashi_agent.meters.values import GONE, NOT_SUPPORTED, OUT_OF_RANGE
from kashi_agent.sample import Absent

LISTED_MAX: Final = 64
CHIPS_A_CARD_MAX: Final = 8
PROCESSES_ROOM: Final = 64
"""Twice what the driver lists at most: it never asks how much room there is."""

FAULTS_MAX: Final = 128
TEXT_BYTES: Final = 64
PERIOD_SECONDS: Final = 1

NPU: Final = 0
VDIE: Final = 1
DDIE: Final = 2
_DIES_OF_OLDER: Final = (("die", (VDIE,)), ("die of old", ()))
_DIES_OF_NEWER: Final = (("die", (DDIE,)), ("die", (VDIE,)))

UNTOUCHED: Final = -1

Filled = TypeVar("Filled", bound=ctypes.Structure | c_int | c_uint)


class Rate(Enum):
    """What a chip may tell of its utilisation: by the two calls that tell several kinds at once,
    or by the driver's number of one kind."""

    OVERALL_OF_SECOND = "rates of period"
    OVERALL_AMONG_SEVERAL = "rates"
    OVERALL = 13
    AICORE = 2
    VECTOR = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """What the driver says a chip is; texts are empty and numbers 0 where it does not tell."""

    kind: str
    name: str
    npu_name: str
    board: int
    serial: str
    pci_bus_id: str
    memory_mb: int


class DcmiDriver:
    """An open session with the driver; nothing ends it but the end of the process."""

    def __init__(self, library: DcmiLibrary) -> None:
        self._library = library
        self.partitions = Vnpus(library)

    @property
    def knows_cards(self) -> bool:
        """The driver tells which chips share a card: the first number of their places."""
        return self._library.api == OLDER

    def versions(self) -> tuple[str, str]:
        """Of the library and of the driver; empty where it does not tell."""
        return self._version("library version"), self._version("driver version")

    def places(self) -> tuple[list[Place], list[int]]:
        """Where there is an accelerator, as far as the driver tells what is there; and the cards
        that do not tell how many chips they have.

        DriverGone when the driver lists nothing at all.
        """
        places, untold = self._on_cards() if self.knows_cards else (self._listed(), [])
        return [place for place in places if self._is_accelerator(place)], untold

    def die(self, place: Place) -> str | Absent:
        """The chip's own id: five words of eight hexadecimal digits each.

        Chips of the newer entry points have it of another die; older drivers tell the same one by
        an older call. What is refused for the moment is never sought elsewhere: a chip must not
        have another id tomorrow. One without a single bit set is none.
        """
        asked = _DIES_OF_OLDER if self.knows_cards else _DIES_OF_NEWER
        for what, arguments in asked:
            die = self._filled(what, Die(), *place, *arguments)
            if isinstance(die, Absent) and die != NOT_SUPPORTED:
                return die
            if isinstance(die, Die) and any(die.words):
                return "-".join(f"{word:08X}" for word in die.words)
        return GONE

    def identity(self, place: Place) -> Identity | Absent:
        """What the chip is; absent while what settles that is refused for the moment: a chip must
        not be described otherwise tomorrow. The label is that of its card."""
        chip = self._filled("chip", ChipInfo(), *place)
        if chip == NOT_SUPPORTED:
            chip = self._filled("chip of old", ChipInfo(), *place)
        board = self._filled("board", BoardInfo(), *place)
        for refusal in (chip, board):
            if isinstance(refusal, Absent) and refusal != NOT_SUPPORTED:
                return refusal
        known = ChipInfo() if isinstance(chip, Absent) else chip
        label = self._filled("label", Label(), place[0])
        bus = self._filled("bus", PcieInfo(), *place)
        memory = self.memory_mb(place)
        return Identity(
            kind=_text(known.kind),
            name=_text(known.name),
            npu_name=_text(known.npu_name),
            board=0 if isinstance(board, Absent) else int(board.board),
            serial="" if isinstance(label, Absent) else _text(label.serial),
            pci_bus_id="" if isinstance(bus, Absent) else _bus_id(bus),
            memory_mb=0 if isinstance(memory, Absent) else memory[0],
        )

    def utilisation_percent(self, place: Place, rate: Rate) -> int | Absent:
        """One kind of utilisation."""
        if isinstance(rate.value, int):
            return self._number("rate", *place, rate.value, number=c_uint)
        rates = MultiUtilisation()
        # Some headers lack the period: a function that does not take it does not look at it.
        code = self._library.call(rate.value, *place, byref(rates), PERIOD_SECONDS)
        return absent_for(code) if code else int(rates.npu)

    def power_tenths(self, place: Place) -> int | Absent:
        """What the driver says is drawn at a place, in tenths of a watt."""
        return self._number("power", *place)

    def card_power_tenths(self, card: int) -> int | Absent:
        """What a whole card draws by its own controller, in tenths of a watt."""
        return self._number("power of card", card)

    def memory_mb(self, place: Place) -> tuple[int, int] | Absent:
        """Memory there is and memory in use: on the chip, else beside it."""
        hbm = self._filled("hbm", HbmInfo(), *place)
        if not isinstance(hbm, Absent) and hbm.size_mb:
            return int(hbm.size_mb), int(hbm.used_mb)
        if isinstance(hbm, Absent) and hbm != NOT_SUPPORTED:
            return hbm
        memory = self._filled("memory", MemoryInfo(), *place)
        if isinstance(memory, Absent):
            return memory
        return int(memory.size_mb), int(memory.size_mb) - int(memory.available_mb)

    def pids(self, place: Place) -> frozenset[int] | Absent:
        """Processes on the chip, by their pids on the host; the driver lists 32 at most."""
        listed, count = (Process * PROCESSES_ROOM)(), c_int()
        found = self._entries("processes", listed, count, *place, listed, byref(count))
        return found if isinstance(found, Absent) else frozenset(int(one.pid) for one in found)

    def health(self, place: Place) -> int | Absent:
        """The driver's grade of the chip; 0 is healthy."""
        return self._number("health", *place, number=c_uint)

    def faults(self, place: Place) -> frozenset[int] | Absent:
        """Codes of the faults that stand."""
        codes, count = (c_uint * FAULTS_MAX)(), c_int()
        found = self._entries("faults", codes, count, *place, byref(count), codes, FAULTS_MAX)
        return found if isinstance(found, Absent) else frozenset(found)

    def _listed(self) -> list[Place]:
        """Logical ids. The vendor's header has the list before its length, a program of the
        vendor's the other way round; whichever it is, one number says how long the other is."""
        first = (c_int * LISTED_MAX)(*[UNTOUCHED] * LISTED_MAX)
        second = (c_int * LISTED_MAX)(*[UNTOUCHED] * LISTED_MAX)
        code = self._library.call("chips", first, second, LISTED_MAX)
        written = [[value for value in part if value != UNTOUCHED] for part in (first, second)]
        for count, chips in (written[::-1], written):
            if code == SUCCESS and count == [len(chips)]:
                return [(chip,) for chip in chips]
        raise DriverGone(
            "读不到芯片列表。The list of chips cannot be read: dcmiv2_get_device_list: code "
            f"{code}, {written[0][:4]} {written[1][:4]}"
        )

    def _on_cards(self) -> tuple[list[Place], list[int]]:
        """The places on cards, whose numbers may have holes; and the cards that do not tell."""
        cards, count = (c_int * LISTED_MAX)(), c_int()
        code = self._library.call("cards", byref(count), cards, LISTED_MAX)
        if code != SUCCESS or not 0 <= count.value <= LISTED_MAX:
            raise DriverGone(
                "读不到卡的列表。The list of cards cannot be read: dcmi_get_card_list: code "
                f"{code}, {count.value} cards"
            )
        places: list[Place] = []
        untold = []
        for card in cards[: count.value]:
            chips = self._number("chips of card", card)
            if isinstance(chips, Absent) or not 0 < chips <= CHIPS_A_CARD_MAX:
                untold.append(card)
            else:
                places += [(card, place) for place in range(chips)]
        return places, untold

    def _is_accelerator(self, place: Place) -> bool:
        """Known to be something else is not one; a card's own controller has a place, too."""
        kind = self._number("type", *place)
        return kind == NPU or isinstance(kind, Absent)

    def _version(self, what: str) -> str:
        text = ctypes.create_string_buffer(TEXT_BYTES)
        return "" if self._library.call(what, text, TEXT_BYTES) else _text(text.value)

    def _entries(
        self, what: str, entries: Any, count: c_int, *arguments: object
    ) -> list[Any] | Absent:
        """Those of a list that the call, made with these arguments, filled and counted."""
        code = self._library.call(what, *arguments)
        if code:
            return absent_for(code)
        filled: list[Any] = entries[: count.value]
        return filled if 0 <= count.value <= len(entries) else OUT_OF_RANGE

    def _number(
        self, what: str, *arguments: int, number: type[c_int | c_uint] = c_int
    ) -> int | Absent:
        told = self._filled(what, number(), *arguments)
        return told if isinstance(told, Absent) else told.value

    def _filled(self, what: str, answer: Filled, *arguments: int) -> Filled | Absent:
        code = self._library.call(what, *arguments, byref(answer))
        return absent_for(code) if code else answer


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace").strip()


def _bus_id(bus: PcieInfo) -> str:
    return f"{bus.domain:04x}:{bus.bdf_bus:02x}:{bus.bdf_device:02x}.{bus.bdf_function:x}"
