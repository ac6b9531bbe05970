"""The line between the meter process and the agent: what goes in comes out, nothing else does."""

import json
from dataclasses import replace

import pytest
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import (
    LINE_BYTES_MAX,
    AgentMessage,
    Hello,
    MeterMessage,
    Notice,
    NoticeKind,
    Release,
    Resume,
    decode_agent_message,
    decode_meter_message,
    encode_message,
)
from kashi_agent.sample import (
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Holder,
    HolderKind,
    Meter,
    MeterKind,
    Observation,
    Sample,
    SampleBatch,
    Vendor,
)

CARD = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="GPU-1",
    model="NVIDIA H100 80GB HBM3",
    meter=MeterKind.NVML,
    serial="1650522001234",
    pci_bus_id="00000000:17:00.0",
    memory_bytes=80 << 30,
)
PART = Device(
    vendor=Vendor.NVIDIA,
    hardware_id="MIG-1",
    model="NVIDIA H100 80GB HBM3 MIG 2g.20gb",
    meter=MeterKind.NVML,
    parent_hardware_id="GPU-1",
    share_numerator=2,
    share_denominator=7,
)
SEEN = Observation(
    utilisation_ppm=370_000,
    energy_counter_mj=12_345_678_901_234,
    power_mw=Absent(AbsentReason.NOT_RECORDED),
    memory_used_bytes=5 << 30,
    holders=frozenset(
        {Holder(HolderKind.USER, "1000"), Holder(HolderKind.UNIT, "训练\udcff.service")}
    ),
)
UNSEEN = Observation(
    utilisation_ppm=Absent(AbsentReason.NOT_SUPPORTED),
    energy_counter_mj=Absent(AbsentReason.NOT_READY),
    power_mw=0,
    memory_used_bytes=Absent(AbsentReason.OUT_OF_RANGE),
    holders=Absent(AbsentReason.NO_PERMISSION),
)
BATCH = SampleBatch(
    boottime_ms=123_456_789,
    meter=Meter(
        kind=MeterKind.NVML, cadence_ms=1_000, library_version="13.580", driver_version="580.95.05"
    ),
    samples=(
        Sample(device=CARD, seen=SEEN),
        Sample(device=PART, seen=UNSEEN),
    ),
    events=(
        DeviceEvent(
            hardware_id="GPU-1", boottime_ms=123_456_000, kind=3, detail="XID 79", value=79
        ),
    ),
)
EMPTY = SampleBatch(
    boottime_ms=0,
    meter=Meter(kind=MeterKind.REPLAY, cadence_ms=60_000),
    samples=(Sample(device=CARD, seen=Absent(AbsentReason.DEVICE_LOST)),),
)


@pytest.mark.parametrize(
    "message",
    [
        BATCH,
        EMPTY,
        replace(BATCH, untold=("GPU-1", "GPU-2")),
        Hello(pid=4_711, kind=MeterKind.NVML, cadence_ms=1_000),
        *(Notice(boottime_ms=7, kind=kind, detail="为什么") for kind in NoticeKind),
    ],
)
def test_what_the_meter_says_is_what_the_agent_hears(message: MeterMessage) -> None:
    """Every message survives the line, 0 and each kind of absence apart."""
    line = encode_message(message)

    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    assert decode_meter_message(line) == message


def test_a_meter_without_a_list_of_what_it_was_not_told_is_understood() -> None:
    """Meter and agent are exchanged one after the other: a meter of before has no such field, and
    one that was told everything does not name it, so that an agent of before reads on."""
    line = encode_message(BATCH)
    told = json.loads(line)["batch"]

    assert "untold" not in told
    assert decode_meter_message(line) == replace(BATCH, untold=())
    with pytest.raises(LinkError, match=r"batch\.untold: "):
        decode_meter_message(json.dumps({"batch": {**told, "untold": "GPU-1"}}).encode())
    without = {name: value for name, value in told.items() if name != "driver_epoch"}
    with pytest.raises(LinkError, match=r"batch\.driver_epoch: "):
        decode_meter_message(json.dumps({"batch": without}).encode())


@pytest.mark.parametrize(
    "message", [Release(duration_ms=600_000), Resume(), Resume(kernel_sequence=7)]
)
def test_what_the_agent_asks_is_what_the_meter_hears(message: AgentMessage) -> None:
    """Commands survive the line."""
    assert decode_agent_message(encode_message(message)) == message


def changed(path: str, value: object) -> bytes:
    """The batch's line with one field set to another value."""
    tree = json.loads(encode_message(BATCH))
    *way, last = path.replace("]", "").replace("[", ".").split(".")
    place = tree
    for step in way:
        place = place[int(step) if step.isdigit() else step]
    place[last] = value
    return json.dumps(tree).encode()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("batch.boottime_ms", -1),
        ("batch.boottime_ms", 1.5),
        ("batch.boottime_ms", True),
        ("batch.boottime_ms", "1"),
        ("batch.meter.kind", 9),
        ("batch.meter.cadence_ms", 0),
        ("batch.meter.driver_version", None),
        ("batch.samples[1].device.vendor", 0),
        ("batch.samples[1].device.hardware_id", 5),
        ("batch.samples[0].device.model", "x" * 1_025),
        ("batch.samples[1].device.share_denominator", 0),
        ("batch.samples[0].seen", "asleep"),
        ("batch.samples[0].seen.utilisation_ppm", "busy"),
        ("batch.samples[0].seen.utilisation_ppm", -1),
        ("batch.samples[0].seen.power_mw", None),
        ("batch.samples[0].seen.holders", {}),
        ("batch.events[0].kind", 0),
        ("batch.events[0].detail", 7),
    ],
)
def test_a_wrong_field_is_refused_by_its_path(path: str, value: object) -> None:
    """The error names the field that is wrong, wherever it stands."""
    with pytest.raises(LinkError) as refused:
        decode_meter_message(changed(path, value))

    assert path in str(refused.value) or "is not an integer" in str(refused.value)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", "Not JSON"),
        (b"\xff\xfe{}", "Not JSON"),
        (b"[]", "line: 应为对象，实为 []。Expected an object"),
        (b"{}", "Expected one field"),
        (b'{"hello":{},"batch":{}}', "Expected one field"),
        (b'{"greeting":{}}', "the meter says"),
        (b'{"hello":{"pid":1,"kind":1}}', "hello.cadence_ms: 缺少此字段。"),
        (b'{"hello":{"pid":1,"kind":1,"cadence_ms":5,"mood":1}}', "hello.mood: 没有此字段。"),
        (b'{"hello":{"pid":1,"pid":2,"kind":1,"cadence_ms":5}}', "stands twice"),
        (b'{"hello":{"pid":NaN,"kind":1,"cadence_ms":5}}', "NaN is not an integer"),
        (b'{"hello":' * 3_000 + b"1" + b"}" * 3_000, "Nested too deeply"),
    ],
)
def test_what_is_no_message_is_refused(line: bytes, words: str) -> None:
    """Anything but exactly one known message is refused, and the error says what it is."""
    with pytest.raises(LinkError) as refused:
        decode_meter_message(line)

    assert words in str(refused.value)


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("batch.samples[0].seen.utilisation_ppm", 1_000_001, "utilisation 1000001 ppm"),
        ("batch.samples[0].seen.power_mw", 10**40, "power_mw of 133 bits is not from 0"),
        ("batch.samples[0].seen.power_mw", 10_000_001, "power_mw 10000001 is not from 0"),
        ("batch.samples[0].seen.energy_counter_mj", 1 << 63, "energy_counter_mj"),
        ("batch.samples[0].device.memory_bytes", 1 << 63, "memory_bytes"),
        ("batch.meter.cadence_ms", 60_001, "cadence_ms 60001 is not from 1"),
        ("batch.samples[1].device.share_numerator", 8, "share 8/7"),
        ("batch.samples[1].device.hardware_id", "", "needs a hardware id"),
        ("batch.samples[1].device.hardware_id", "GPU-1", "stands twice"),
        ("batch.samples[0].seen.holders", [[99, "x"]], "holders[0]"),
        ("batch.samples[0].seen.holders", [[2, ""]], "holders[0]"),
    ],
)
def test_what_cannot_be_is_refused_as_the_values_themselves_refuse_it(
    path: str, value: object, words: str
) -> None:
    """The rules of samples hold on the line too: nothing comes through that no report can carry."""
    with pytest.raises(LinkError) as refused:
        decode_meter_message(changed(path, value))

    assert words in str(refused.value)


def test_labels_of_holders_pass_the_line() -> None:
    """They make no other holder, so equality does not show them."""
    seen = Observation(
        utilisation_ppm=0,
        energy_counter_mj=0,
        power_mw=0,
        memory_used_bytes=0,
        holders=frozenset({Holder(HolderKind.USER, "1000", "李华")}),
    )
    batch = SampleBatch(boottime_ms=0, meter=BATCH.meter, samples=(Sample(device=CARD, seen=seen),))

    passed = decode_meter_message(encode_message(batch))

    assert isinstance(passed, SampleBatch)
    found = passed.samples[0].seen
    assert isinstance(found, Observation)
    assert isinstance(found.holders, frozenset)
    assert [holder.label for holder in found.holders] == ["李华"]


def test_a_line_too_long_is_neither_written_nor_read() -> None:
    """Both ends know the bound of a line."""
    holders = frozenset(Holder(HolderKind.CONTAINER, f"{n:01024}") for n in range(1_100))
    seen = Observation(
        utilisation_ppm=0,
        energy_counter_mj=0,
        power_mw=0,
        memory_used_bytes=0,
        holders=holders,
    )
    batch = SampleBatch(boottime_ms=0, meter=BATCH.meter, samples=(Sample(device=CARD, seen=seen),))

    with pytest.raises(LinkError, match="at most"):
        encode_message(batch)
    with pytest.raises(LinkError, match="at most"):
        decode_meter_message(b"{" + b" " * LINE_BYTES_MAX + b"}")


@pytest.mark.parametrize("duration_ms", [0, -1, 24 * 3_600_000 + 1])
def test_a_release_has_an_end(duration_ms: int) -> None:
    """A release without an end, or a longer one than a day, is refused at birth and on the line."""
    with pytest.raises(ValueError, match="24 hours"):
        Release(duration_ms=duration_ms)
    with pytest.raises(LinkError, match=r"release\.duration_ms"):
        decode_agent_message(json.dumps({"release": {"duration_ms": duration_ms}}).encode())


@pytest.mark.parametrize("line", [b'{"release":{}}', b'{"resume":{"now":1}}', b'{"hello":{}}'])
def test_what_is_no_command_is_refused(line: bytes) -> None:
    """The meter obeys two commands and refuses everything else."""
    with pytest.raises(LinkError):
        decode_agent_message(line)


@pytest.mark.parametrize("value", [True, "1", [1], None])
def test_a_device_is_remembered_by_exactly_what_was_said(value: object) -> None:
    """To Python true is 1, and a device that was taken once would let it pass."""
    line = encode_message(BATCH)
    assert decode_meter_message(line) == BATCH
    body = json.loads(line)
    body["batch"]["samples"][0]["device"]["share_numerator"] = value

    with pytest.raises(LinkError, match=r"batch\.samples\[0\]\.device\.share_numerator"):
        decode_meter_message(json.dumps(body).encode())
