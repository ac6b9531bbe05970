"""A batch of samples as one JSON object, both ways.

A value stands as its integer; in the place of a value that could not be seen stands its reason as
text. So 0 and absent cannot be mistaken for each other on the line either.
"""

from functools import lru_cache

from kashi_agent.link_fields import TEXT_CHARACTERS_MAX, Fields, LinkError
from kashi_agent.sample import (
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

METERS = frozenset(int(kind) for kind in MeterKind)
"""Numbers of the meters there are."""

_VENDORS = frozenset(int(vendor) for vendor in Vendor)
_HOLDERS = {int(kind): kind for kind in HolderKind}
DEVICES_MAX = 512
_DEVICES: dict[tuple[object, ...], Device] = {}
_REASONS = {str(reason): Absent(reason) for reason in AbsentReason}


def batch_fields(batch: SampleBatch) -> dict[str, object]:
    """A batch as JSON takes it; without events it says so by an empty list."""
    return {
        "boottime_ms": batch.boottime_ms,
        "meter": {
            "kind": int(batch.meter.kind),
            "cadence_ms": batch.meter.cadence_ms,
            "library_version": batch.meter.library_version,
            "driver_version": batch.meter.driver_version,
        },
        "samples": [
            {"device": _device_fields(sample.device), "seen": _seen_fields(sample.seen)}
            for sample in batch.samples
        ],
        "events": [_event_fields(event) for event in batch.events],
        "kernel_sequence": batch.kernel_sequence,
    }


@lru_cache(maxsize=DEVICES_MAX)
def _device_fields(device: Device) -> dict[str, object]:
    """A device as JSON takes it; remembered, for it hardly ever changes."""
    return {
        "vendor": int(device.vendor),
        "hardware_id": device.hardware_id,
        "model": device.model,
        "meter": int(device.meter),
        "parent_hardware_id": device.parent_hardware_id,
        "serial": device.serial,
        "pci_bus_id": device.pci_bus_id,
        "memory_bytes": device.memory_bytes,
        "share_numerator": device.share_numerator,
        "share_denominator": device.share_denominator,
    }


def _seen_fields(seen: Observation | Absent) -> object:
    """What was seen, or the reason why nothing was."""
    if isinstance(seen, Absent):
        return str(seen.reason)
    return {
        "utilisation_ppm": _value(seen.utilisation_ppm),
        "energy_counter_mj": _value(seen.energy_counter_mj),
        "power_mw": _value(seen.power_mw),
        "memory_used_bytes": _value(seen.memory_used_bytes),
        "holders": _holders_value(seen.holders),
        "past": [[use.span_ms, _value(use.utilisation_ppm)] for use in seen.past],
        "work": _work_value(seen.work),
    }


def _value(value: int | Absent) -> int | str:
    """The integer, or the reason in its place."""
    return str(value.reason) if isinstance(value, Absent) else value


def _holders_value(holders: frozenset[Holder] | Absent) -> object:
    """Kind, name and label of each in a stable order, or the reason in their place."""
    if isinstance(holders, Absent):
        return str(holders.reason)
    return sorted([int(holder.kind), holder.name, holder.label] for holder in holders)


def _work_value(work: frozenset[HolderWork] | Absent) -> object:
    """Kind, name and work of each in a stable order, or the reason in their place."""
    if isinstance(work, Absent):
        return str(work.reason)
    return sorted([int(one.holder.kind), one.holder.name, one.sm_ppm] for one in work)


def _event_fields(event: DeviceEvent) -> dict[str, object]:
    """An event as JSON takes it."""
    return {
        "hardware_id": event.hardware_id,
        "boottime_ms": event.boottime_ms,
        "kind": event.kind,
        "detail": event.detail[:TEXT_CHARACTERS_MAX],
        "value": event.value,
    }


def batch_of(fields: Fields) -> SampleBatch:
    """A batch from its fields."""
    meter = fields.inner("meter")
    batch = SampleBatch(
        boottime_ms=fields.integer("boottime_ms"),
        meter=_meter(meter),
        samples=tuple(_sample(sample) for sample in fields.objects("samples")),
        events=tuple(_event(event) for event in fields.objects("events")),
        kernel_sequence=fields.integer("kernel_sequence"),
    )
    seen = {sample.device.hardware_id for sample in batch.samples}
    if len(seen) != len(batch.samples):
        raise LinkError(f"{fields.path}.samples: a device stands twice in one batch")
    return batch


def _meter(fields: Fields) -> Meter:
    """What the meter states of itself."""
    meter = Meter(
        kind=MeterKind(fields.member("kind", METERS)),
        cadence_ms=fields.integer("cadence_ms", 1),
        library_version=fields.text("library_version", TEXT_CHARACTERS_MAX),
        driver_version=fields.text("driver_version", TEXT_CHARACTERS_MAX),
    )
    fields.done()
    return meter


def _sample(fields: Fields) -> Sample:
    """One device at the batch's instant."""
    device = fields.inner("device")
    sample = Sample(device=_device(device), seen=_seen(fields))
    fields.done()
    return sample


def _device(fields: Fields) -> Device:
    """A device from its fields, refused as `Device` refuses it; remembered, for it hardly ever
    changes."""
    key = fields.key
    known = None if key is None else _DEVICES.get(key)
    if known is not None:
        return known
    if len(_DEVICES) >= DEVICES_MAX:
        _DEVICES.clear()
    device = _new_device(fields)
    if key is not None:
        _DEVICES[key] = device
    return device


def _new_device(fields: Fields) -> Device:
    try:
        device = Device(
            vendor=Vendor(fields.member("vendor", _VENDORS)),
            hardware_id=fields.text("hardware_id", TEXT_CHARACTERS_MAX),
            model=fields.text("model", TEXT_CHARACTERS_MAX),
            meter=MeterKind(fields.member("meter", METERS)),
            parent_hardware_id=fields.text("parent_hardware_id", TEXT_CHARACTERS_MAX),
            serial=fields.text("serial", TEXT_CHARACTERS_MAX),
            pci_bus_id=fields.text("pci_bus_id", TEXT_CHARACTERS_MAX),
            memory_bytes=fields.integer("memory_bytes"),
            share_numerator=fields.integer("share_numerator", 1),
            share_denominator=fields.integer("share_denominator", 1),
        )
    except ValueError as error:
        raise LinkError(f"{fields.path}: {error}") from error
    fields.done()
    return device


def _seen(sample: Fields) -> Observation | Absent:
    """The observation, or the absence, of one sample."""
    if (absent := sample.word_or_none("seen", _REASONS)) is not None:
        return _REASONS[absent]
    fields = sample.inner("seen")
    try:
        observation = Observation(
            utilisation_ppm=fields.integer_or_word("utilisation_ppm", _REASONS),
            energy_counter_mj=fields.integer_or_word("energy_counter_mj", _REASONS),
            power_mw=fields.integer_or_word("power_mw", _REASONS),
            memory_used_bytes=fields.integer_or_word("memory_used_bytes", _REASONS),
            holders=_holders(fields),
            past=_past(fields),
            work=_work(fields),
        )
    except ValueError as error:
        raise LinkError(f"{fields.path}: {error}") from error
    fields.done()
    return observation


def _holders(fields: Fields) -> frozenset[Holder] | Absent:
    """The holders, each of a known kind and named, or the reason in their place."""
    if (absent := fields.word_or_none("holders", _REASONS)) is not None:
        return _REASONS[absent]
    holders = []
    for place, entry in enumerate(fields.array("holders")):
        match entry:
            case [int(kind), str(name), str(label)] if kind in _HOLDERS and name:
                holders.append(Holder(_HOLDERS[kind], name, label))
            case _:
                raise LinkError(f"{fields.path}.holders[{place}]: expected [kind, name, label]")
    return frozenset(holders)


def _past(fields: Fields) -> tuple[PastUse, ...]:
    """Stretches before the sample, each with its utilisation or the reason in its place."""
    past = []
    for place, pair in enumerate(fields.array("past")):
        match pair:
            case [int(span_ms), int(ppm)] if bool not in (type(span_ms), type(ppm)):
                past.append(PastUse(span_ms, ppm))
            case [int(span_ms), str(reason)] if reason in _REASONS and span_ms is not True:
                past.append(PastUse(span_ms, _REASONS[reason]))
            case _:
                raise LinkError(f"{fields.path}.past[{place}]: expected [ms, ppm or reason]")
    return tuple(past)


def _work(fields: Fields) -> frozenset[HolderWork] | Absent:
    """What each holder did, or the reason in its place."""
    if (absent := fields.word_or_none("work", _REASONS)) is not None:
        return _REASONS[absent]
    work = []
    for place, entry in enumerate(fields.array("work")):
        match entry:
            case [int(kind), str(name), int(ppm)] if kind in _HOLDERS and name:
                work.append(HolderWork(Holder(_HOLDERS[kind], name), int(ppm)))
            case _:
                raise LinkError(f"{fields.path}.work[{place}]: expected [kind, name, ppm]")
    return frozenset(work)


def _event(fields: Fields) -> DeviceEvent:
    """Something noticed on a device."""
    event = DeviceEvent(
        hardware_id=fields.text("hardware_id", TEXT_CHARACTERS_MAX),
        boottime_ms=fields.integer("boottime_ms"),
        kind=fields.integer("kind", 1),
        detail=fields.text("detail", TEXT_CHARACTERS_MAX),
        value=fields.integer("value", None),
    )
    fields.done()
    return event
