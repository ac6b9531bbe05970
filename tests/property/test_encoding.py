"""What the integrator gives survives its bytes, and no other bytes pass for it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kashi_agent.encoding import DecodeError, decode, decode_event, encode, encode_event
from kashi_agent.integrator import Integrator
from kashi_agent.reading import DeviceMinutes, HostEvent, HostEventKind, Segment
from sample_scripts import BOOT_ID, NAMING, Script, device, scripts


def stretches_of(script: Script) -> tuple[DeviceMinutes, ...]:
    """Everything a script adds up to."""
    integrator = Integrator(
        boot_id=BOOT_ID,
        segment=Segment(number=3, anchor_utc_ms=script.anchor_utc_ms, start_boottime_ms=0),
        start_boottime_ms=script.start_boottime_ms,
        naming=NAMING,
    )
    for batch in script.batches():
        integrator.observe(batch)
    return integrator.cut(integrator.finish(script.steps[-1][0]))


@given(scripts())
def test_device_minutes_come_back_as_they_were(script: Script) -> None:
    """decode(encode(x)) == x, and the bytes are the only ones."""
    for minutes in stretches_of(script):
        assert decode(encode(minutes)) == minutes
        assert encode(decode(encode(minutes))) == encode(minutes)


@given(scripts(devices=1), st.data())
def test_changed_bytes_are_refused_or_another_value(script: Script, draw: st.DataObject) -> None:
    """One byte changed never gives the same value, and never anything but a DecodeError."""
    for minutes in stretches_of(script):
        frame = bytearray(encode(minutes))
        place = draw.draw(st.integers(0, len(frame) - 1))
        frame[place] ^= draw.draw(st.integers(1, 255))
        try:
            changed = decode(bytes(frame))
        except DecodeError:
            continue
        assert changed != minutes


@given(st.integers(0, 2**53), st.sampled_from(HostEventKind), st.text(), st.integers())
def test_host_events_come_back_as_they_were(
    boottime_ms: int, kind: HostEventKind, detail: str, value: int
) -> None:
    """Any text and any integer."""
    event = HostEvent(boottime_ms=boottime_ms, kind=kind, detail=detail, value=value)

    assert decode_event(encode_event(event)) == event


@given(st.binary(max_size=200))
def test_random_bytes_are_refused(frame: bytes) -> None:
    """Nothing that was not encoded is decoded, and nothing else is raised."""
    with pytest.raises(DecodeError):
        decode(frame)
    with pytest.raises(DecodeError):
        decode_event(frame)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"[1,1790784000000,0]", b"[1.0,1790784000000,0]"),
        (b"[1,1790784000000,0]", b"[true,1790784000000,0]"),
        (b"[1,1790784000000,0]", b"[1, 1790784000000,0]"),
        (b"[1,1790784000000,0]", b"[1,1790784000000,0,0]"),
        (b'"Test card"', b"7"),
        (b'"Test card"', b'"Test\\u0020card"'),
        (b"device-minutes", b"device-minuteS"),
    ],
)
def test_a_second_spelling_is_refused(old: bytes, new: bytes) -> None:
    """Floats, booleans for integers, spaces, spare fields and escapes are no encoding."""
    minutes = DeviceMinutes(
        device=device(0),
        boot_id=BOOT_ID,
        segment=Segment(number=1, anchor_utc_ms=1_790_784_000_000, start_boottime_ms=0),
        start_boottime_ms=5,
        end_boottime_ms=5,
        readings=(),
        gaps=(),
    )
    frame = encode(minutes)
    assert old in frame

    with pytest.raises(DecodeError):
        decode(frame.replace(old, new))
