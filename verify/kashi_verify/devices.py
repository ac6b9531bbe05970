"""Step 13, second part: the devices of revealed blocks are those the statement says they are.

1. share and physical device of a block are those of the statement: they are part of the price;
2. no two counted blocks of one device on one host touch the same time, and two ids of one hardware
   are never observed together for more than the time there is;
3. a model named otherwise, a replayed workload, or one stretch of a boot's clock under two times of
   day is worth a word.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from itertools import pairwise
from typing import Any, Final

from kashi_verify import wire
from kashi_verify.exact import exact
from kashi_verify.findings import CheckFailed, Findings
from kashi_verify.spelling import hardware

Data = Mapping[str, Any]
_Seen = tuple[int, int, int, str]
"""A reading's start and end, labelled, what was observed in it, and of which id."""
_REPLAY_METER: Final = 3


class RevealedDevices:
    """Compares every counted block with the statement's list of devices."""

    def __init__(
        self, devices: Sequence[Data], lines: Sequence[Data], findings: Findings, *, demo: bool
    ) -> None:
        """`demo`: replayed workloads are what a demonstration is made of."""
        self._devices = {device["hardware_id"]: device for device in devices}
        self._shares: dict[str, set[str | None]] = {}
        for line in lines:
            self._shares.setdefault(line["hardware_id"], set()).add(line["share"])
        self._findings = findings
        self._demo = demo
        self._flagged: set[tuple[str, str]] = set()
        self._spans: dict[tuple[str, str], list[tuple[int, int]]] = {}
        ids: dict[str, set[str]] = {}
        for hardware_id in self._devices:
            ids.setdefault(hardware(hardware_id), set()).add(hardware_id)
        self._turns = {name for name, of_one in ids.items() if len(of_one) > 1}
        self._seen: dict[tuple[str, str], list[_Seen]] = {}
        self._boots: dict[tuple[str, bytes], list[tuple[int, int]]] = {}

    def add(self, host_id: str, boot_id: bytes, anchor_ms: int, block: wire.Message) -> None:
        """Check a counted block.

        Raises:
            CheckFailed: the statement prices another share, or another physical device.
        """
        device = wire.inner(block, 2)
        hardware_id = wire.text(device, 2)
        stated = self._devices.get(hardware_id)
        if stated is None:
            return
        share = Fraction(wire.integer32(device, 8), max(1, wire.integer32(device, 9)))
        for text in self._shares.get(hardware_id, ()):
            if text is not None and exact(text) != share:
                raise CheckFailed(
                    f"设备 {hardware_id} 按 {text} 张卡计；其主机所签为 {share}。"
                    f"Device {hardware_id} counts as {text} of a card; its host signed {share}"
                )
        if (stated["parent_hardware_id"] or "") != wire.text(device, 3):
            raise CheckFailed(
                f"设备 {hardware_id} 所属的设备与其主机所签不同。"
                f"Device {hardware_id} is a part of another one than its host signed"
            )
        if stated["model"] != wire.text(device, 4):
            self._flag(
                "described_otherwise",
                hardware_id,
                f"主机称之为 {wire.text(device, 4)}。A host calls it {wire.text(device, 4)}",
            )
        if wire.integer32(device, 10) == _REPLAY_METER and not self._demo:
            self._flag(
                "replayed",
                hardware_id,
                "负载为回放或生成，并非实测。Recorded or generated, not measured",
            )
        start, end = wire.integer(block, 3), wire.integer(block, 4)
        if start < end:
            spans = self._spans.setdefault((host_id, hardware_id), [])
            spans.append((anchor_ms + start, anchor_ms + end))
            self._boots.setdefault((hardware_id, boot_id), []).append((start, end))
        if hardware(hardware_id) in self._turns:
            seen = self._seen.setdefault((host_id, hardware(hardware_id)), [])
            seen.extend(_readings(hardware_id, anchor_ms + start, block))

    def check_spans(self) -> None:
        """Check that nothing was counted twice, once all blocks are added.

        Raises:
            CheckFailed: two blocks of one device touch the same time, or a partition is told of
                by two ids at once.
        """
        for (host_id, _hardware), seen in self._seen.items():
            _check_turns(host_id, seen)
        for (host_id, hardware_id), spans in self._spans.items():
            if _overlap(spans):
                raise CheckFailed(
                    f"主机 {host_id} 有两份计入的报告讲述设备 {hardware_id} 的同一时间。"
                    f"Two counted reports of host {host_id} speak of the same time of device "
                    f"{hardware_id}"
                )
        for (hardware_id, boot_id), spans in self._boots.items():
            if _overlap(spans):
                boot = boot_id.hex()
                detail = (
                    f"启动 {boot} 把同一段时钟说成两个时刻。"
                    f"Boot {boot} tells one stretch of its clock as two times of day"
                )
                self._flag("boot_time_repeated", hardware_id, detail)

    def _flag(self, code: str, hardware_id: str, detail: str) -> None:
        if (code, hardware_id) not in self._flagged:
            self._flagged.add((code, hardware_id))
            self._findings.flag(code, f"{hardware_id}: {detail}")


def _readings(hardware_id: str, start_ms: int, block: wire.Message) -> Iterator[_Seen]:
    for content in wire.repeated(block, 5):
        reading = wire.read_message(content)
        offset, span = wire.integer32(reading, 1), wire.integer32(reading, 2)
        observed_ms = wire.integer32(reading, 3)
        if observed_ms:
            yield start_ms + offset, start_ms + offset + span, observed_ms, hardware_id


def _check_turns(host_id: str, seen: Sequence[_Seen]) -> None:
    """A reading of a minute may span what lies between: what both saw must fit into their time."""
    open_: list[_Seen] = []
    for start, end, observed_ms, name in sorted(seen):
        open_ = [one for one in open_ if one[1] > start]
        for since, until, more_ms, other in open_:
            if other != name and observed_ms + more_ms > max(end, until) - since:
                raise CheckFailed(
                    f"主机 {host_id} 计入的报告在同一时间以两个编号讲述同一硬件："
                    f"{other} 与 {name}。"
                    f"Counted reports of host {host_id} tell of one piece of hardware by two ids "
                    f"at the same time: {other} and {name}"
                )
        open_.append((start, end, observed_ms, name))


def _overlap(spans: Sequence[tuple[int, int]]) -> bool:
    ordered = sorted(spans)
    return any(later[0] < earlier[1] for earlier, later in pairwise(ordered))
