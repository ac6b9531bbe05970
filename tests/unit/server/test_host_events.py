"""Claims about events that hosts tell: which of them somebody should look at, and until when."""

import pytest
from kashi_server.domain.host_event import (
    DeviceEventKind,
    HostEvent,
    HostEventKind,
    standing_faults,
)
from kashi_server.portal.locale.catalogue import WORDS


def event(
    utc_ms: int,
    kind: int,
    detail: str = "",
    value: int = 0,
    hardware_id: str = "NPU-1",
) -> HostEvent:
    """An event as told."""
    return HostEvent(utc_ms=utc_ms, hardware_id=hardware_id, kind=kind, detail=detail, value=value)


@pytest.mark.parametrize(
    "key",
    [
        *(f"host_event.{int(kind)}" for kind in HostEventKind),
        *(f"device_event.{int(kind)}" for kind in DeviceEventKind),
    ],
)
def test_every_kind_of_event_has_words(key: str) -> None:
    """Whoever looks at a host reads what happened, never a bare number."""
    assert key in WORDS


def test_a_fault_stands_until_it_ends() -> None:
    """By device and code; health stands until it is whole again; other events never stand."""
    told = [
        event(5, DeviceEventKind.FAULT, "ended: 0x80E01801", 0x80E01801),
        event(1, DeviceEventKind.FAULT, "began: 0x80E01801", 0x80E01801),
        event(2, DeviceEventKind.FAULT, "began: 0x80C98000", 0x80C98000),
        event(3, DeviceEventKind.HEALTH, "health 0x2", 2),
        event(4, DeviceEventKind.HEALTH, "health 0x1", 1, hardware_id="NPU-2"),
        event(6, DeviceEventKind.HEALTH, "health 0x0", 0, hardware_id="NPU-2"),
        event(7, HostEventKind.METER_HUNG, hardware_id=""),
        event(8, DeviceEventKind.XID, "79", 79),
    ]

    stand = standing_faults(told)

    assert [(one.utc_ms, one.value) for one in stand] == [(3, 2), (2, 0x80C98000)]
    assert standing_faults(told[::-1]) == stand


def test_what_is_grave_is_marked() -> None:
    """A crash, a lost card, a fault that began; not a start, nor a fault that ended."""
    assert event(1, HostEventKind.METER_CRASHED, hardware_id="").is_grave
    assert event(1, DeviceEventKind.VANISHED).is_grave
    assert event(1, DeviceEventKind.FAULT, "began: 0x1", 1).is_grave
    assert not event(1, DeviceEventKind.FAULT, "ended: 0x1", 1).is_grave
    assert not event(1, HostEventKind.METER_STARTED, hardware_id="").is_grave
    # The numbers of the two enumerations overlap: 8 is a crash of the meter, and health.
    assert not event(1, DeviceEventKind.HEALTH, "health 0x0", 0).is_grave
