"""What the integrator gives survives its bytes, and no other bytes pass for it."""

import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.contract import clean
from kashi_agent.encoding import DecodeError, decode_stretch, encode_stretch
from kashi_agent.integrator import Integrator
from kashi_agent.reading import DeviceMinutes, HostEvent, HostEventKind, Segment
from kashi_agent.sample import Meter, MeterKind
from kashi_agent.stretch import Stretch
from sample_scripts import BOOT_ID, NAMING, Script, device, scripts


def stretch_of(script: Script) -> Stretch:
    """Everything a script adds up to."""
    segment = Segment(number=3, anchor_utc_ms=script.anchor_utc_ms, start_boottime_ms=0)
    integrator = Integrator(
        boot_id=BOOT_ID,
        segment=segment,
        start_boottime_ms=script.start_boottime_ms,
        naming=NAMING,
    )
    for batch in script.batches():
        integrator.observe(batch)
    end = integrator.finish(script.steps[-1][0])
    return Stretch(
        boot_id=BOOT_ID,
        segment=segment,
        start_boottime_ms=script.start_boottime_ms,
        end_boottime_ms=end,
        devices=integrator.cut(end),
        meters=integrator.meters,
    )


def bare(*events: HostEvent) -> Stretch:
    """A stretch of one device and nothing measured."""
    segment = Segment(number=1, anchor_utc_ms=1_790_784_000_000, start_boottime_ms=0)
    minutes = DeviceMinutes(
        device=device(0),
        boot_id=BOOT_ID,
        segment=segment,
        start_boottime_ms=5,
        end_boottime_ms=5,
        readings=(),
        gaps=(),
    )
    return Stretch(
        boot_id=BOOT_ID,
        segment=segment,
        start_boottime_ms=5,
        end_boottime_ms=5,
        devices=(minutes,),
        events=events,
        meters=(Meter(kind=MeterKind.NVML, cadence_ms=1_000),),
        devices_counted_only=7,
    )


@given(scripts())
def test_stretches_come_back_as_they_were(script: Script) -> None:
    """decode(encode(x)) == x, how the devices ended included."""
    stretch = stretch_of(script)

    assert decode_stretch(encode_stretch(stretch)) == stretch


@given(scripts(devices=1), st.data())
def test_changed_bytes_are_refused_or_another_value(script: Script, draw: st.DataObject) -> None:
    """One byte changed never gives the same value, and never anything but a DecodeError."""
    stretch = stretch_of(script)
    content = bytearray(zlib.decompress(encode_stretch(stretch)))
    place = draw.draw(st.integers(0, len(content) - 1))
    content[place] ^= draw.draw(st.integers(1, 255))
    try:
        changed = decode_stretch(zlib.compress(bytes(content)))
    except DecodeError:
        return
    assert changed != stretch


@given(
    st.integers(0, 2**53),
    st.sampled_from(HostEventKind),
    st.text(),
    st.integers(-(2**63), 2**63 - 1),
)
def test_host_events_come_back_as_they_may_be_sent(
    boottime_ms: int, kind: HostEventKind, detail: str, value: int
) -> None:
    """Any integer of the contract, and any text as the contract takes it."""
    event = HostEvent(boottime_ms=boottime_ms, kind=kind, detail=detail, value=value)
    sent = HostEvent(boottime_ms=boottime_ms, kind=kind, detail=clean(detail), value=value)

    assert decode_stretch(encode_stretch(bare(event))) == bare(sent)


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(frame: bytes) -> None:
    """Nothing that was not encoded is decoded, and nothing else is raised, packed or not."""
    with pytest.raises(DecodeError):
        decode_stretch(frame)
    with pytest.raises(DecodeError):
        decode_stretch(zlib.compress(frame))
    with pytest.raises(DecodeError):
        decode_stretch(zlib.compress(b'["kashi/v1/stretch"]\n' + frame))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[null,null,0]", b"[null, null,0]"),
        (b"[null,null,0]", b"[1.0,null,0]"),
        (b"[null,null,0]", b'[null,["0G"],0]'),
        (b"[null,null,0]", b"[false,null,0]"),
        (b"[null,null,0]", b"[null,null,false]"),
        (b",[null,null,0]", b""),
        (b"[null,null,0]", b"[null,null,0],[null,null,0]"),
        (b"kashi/v1/stretch", b"kashi/v2/stretch"),
        (b"\n", b"\n\n"),
    ],
)
def test_a_second_spelling_is_refused(old: bytes, new: bytes) -> None:
    """Spaces, floats, booleans, what is missing or too much, another format: no encoding."""
    content = zlib.decompress(encode_stretch(bare()))
    assert old in content
    assert decode_stretch(zlib.compress(content)) == bare()

    with pytest.raises(DecodeError):
        decode_stretch(zlib.compress(content.replace(old, new, 1)))


def test_spare_fields_are_refused() -> None:
    """A field that this contract does not know is no part of a frame of ours."""
    content = zlib.decompress(encode_stretch(bare()))

    with pytest.raises(DecodeError):
        decode_stretch(zlib.compress(content + b"\xfa\x7f\x01x"))
