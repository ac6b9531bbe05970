"""The line between meter and agent, for every batch there can be and every line there can be."""

import json

from hypothesis import given
from hypothesis import strategies as st
from kashi.limits import LIVE_CADENCE_MS_MAX
from kashi_agent.link_fields import LinkError
from kashi_agent.meter_link import (
    decode_agent_message,
    decode_meter_message,
    encode_message,
)
from kashi_agent.sample import (
    COUNTER_MAX,
    POWER_MW_MAX,
    Absent,
    AbsentReason,
    Device,
    DeviceEvent,
    Holder,
    HolderKind,
    HolderWork,
    Meter,
    MeterKind,
    Observation,
    PastUse,
    Sample,
    SampleBatch,
    Vendor,
)

TEXT = st.text(max_size=40)
NAME = st.text(min_size=1, max_size=40)
COUNTER = st.integers(0, COUNTER_MAX)
ABSENT = st.sampled_from(AbsentReason).map(Absent)

SHARES = st.integers(1, 7).flatmap(lambda whole: st.tuples(st.integers(1, whole), st.just(whole)))
DEVICES = st.builds(
    lambda share, **fields: Device(share_numerator=share[0], share_denominator=share[1], **fields),
    share=SHARES,
    vendor=st.sampled_from(Vendor),
    hardware_id=NAME,
    model=TEXT,
    meter=st.sampled_from(MeterKind),
    parent_hardware_id=TEXT,
    serial=TEXT,
    pci_bus_id=TEXT,
    memory_bytes=COUNTER,
)
HOLDERS = st.builds(Holder, st.sampled_from(HolderKind), NAME)
PPM = st.integers(0, 1_000_000)
OBSERVATIONS = st.builds(
    Observation,
    utilisation_ppm=PPM | ABSENT,
    energy_counter_mj=COUNTER | ABSENT,
    power_mw=st.integers(0, POWER_MW_MAX) | ABSENT,
    memory_used_bytes=COUNTER | ABSENT,
    holders=st.frozensets(HOLDERS, max_size=4) | ABSENT,
    past=st.lists(st.builds(PastUse, st.integers(1, 5_000), PPM | ABSENT), max_size=4).map(tuple),
    work=st.frozensets(st.builds(HolderWork, HOLDERS, PPM), max_size=4) | ABSENT,
)
BATCHES = st.builds(
    SampleBatch,
    boottime_ms=COUNTER,
    meter=st.builds(
        Meter,
        kind=st.sampled_from(MeterKind),
        cadence_ms=st.integers(1, LIVE_CADENCE_MS_MAX),
        library_version=TEXT,
        driver_version=TEXT,
    ),
    samples=st.lists(
        st.builds(Sample, device=DEVICES, seen=OBSERVATIONS | ABSENT),
        max_size=4,
        unique_by=lambda sample: sample.device.hardware_id,
    ).map(tuple),
    events=st.lists(
        st.builds(
            DeviceEvent,
            hardware_id=TEXT,
            boottime_ms=COUNTER,
            kind=st.integers(1, 10),
            detail=TEXT,
            value=st.integers(-COUNTER_MAX, COUNTER_MAX),
        ),
        max_size=3,
    ).map(tuple),
    untold=st.lists(NAME, max_size=3).map(tuple),
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXT,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["batch", "hello", "samples", "seen", "device", "meter", "kind", "x"]),
            inner,
            max_size=4,
        )
    ),
    max_leaves=12,
)


@given(BATCHES)
def test_every_batch_survives_the_line(batch: SampleBatch) -> None:
    """Whatever a meter can see arrives as it was seen, on one line."""
    line = encode_message(batch)

    assert line.count(b"\n") == 1
    assert decode_meter_message(line) == batch


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_bytes_that_are_no_message_are_refused(line: bytes) -> None:
    """No bytes raise anything but the link's own error."""
    for decode in (decode_meter_message, decode_agent_message):
        try:
            decode(line)
        except LinkError:
            continue
        raise AssertionError(f"taken for a message: {line!r}")


@given(BATCHES, st.data())
def test_a_line_cut_short_is_refused(batch: SampleBatch, data: st.DataObject) -> None:
    """A torn line is never a smaller batch."""
    line = encode_message(batch)
    cut = line[: data.draw(st.integers(0, len(line) - 2))]

    try:
        decode_meter_message(cut)
    except LinkError:
        return
    raise AssertionError(f"taken for a message: {cut!r}")
