"""Rating what providers state: a second source of lines, at the same prices, of level E1.

The records of one unit (an allocation, or a device) that follow each other without a whole minute
between them are one stretch; a stretch is cut wherever contract term, price or rules change, and
where time is held. What a stretch states is its observed time; what its first and last minute leave
over is gap. A minute is billed at most once: what is measured, billed or counted of the same
device, or of any device of the same contract where the source names no device, is held at 0; so is
time in which a confirmed assignment gives the device to another contract, and time of the device
that is stated twice under two spellings. A device that agents know stands as it would if it were
measured: its host's tenure decides, and a partition is no whole card.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from fractions import Fraction
from itertools import pairwise

from kashi_server.domain.attestation import SITE_PREFIX, Attestation, StatedRecord
from kashi_server.domain.contract import Assignment, Contract
from kashi_server.domain.device import DeviceRecord, ServiceWindow, Vendor
from kashi_server.domain.device_family import share_of
from kashi_server.domain.evidence_level import EvidenceLevel
from kashi_server.domain.hardware_name import device_key, named_device, names_partition
from kashi_server.domain.interval import Interval
from kashi_server.domain.measured import Measured
from kashi_server.domain.rating import RatedLine, priced_line
from kashi_server.domain.reason import Reason
from kashi_server.domain.rules import RulesVersion, version_at
from kashi_server.domain.standing import Standing, Terms, blocking, ineligible
from kashi_server.domain.stated_stretch import Stretch, stretches
from kashi_server.domain.tariff import Price, Tariff


def stated_lines(
    attestations: Iterable[Attestation], terms: Terms, measured: Measured, period: Interval
) -> tuple[RatedLine, ...]:
    """The lines of a bounded period that rest on countersigned attestations."""
    book = _Book(terms, measured)
    return tuple(
        line
        for stretch in stretches(attestations, period)
        for line in _lines(stretch, book, book.held(stretch), period)
    )


class _Book:
    """What was agreed, looked up for stretches; made once a rating."""

    def __init__(self, terms: Terms, measured: Measured) -> None:
        self.contracts, self.rules = terms.contracts, terms.rules
        self._measured, self._terms = measured, terms
        self.tariff = Tariff(terms.prices)
        # A version is hashed whole each time it is asked: once for a month of lines is enough.
        self._hashes = {version.version: version.sha256 for version in terms.rules}
        self._leases: dict[str, list[Assignment]] = {}
        for one in terms.assignments:
            if one.confirmed:
                self._leases.setdefault(device_key(one.hardware_id), []).append(one)
        self._stated: dict[str, list[Interval]] = {}

    def rules_at(self, minute: int) -> tuple[RulesVersion | None, str | None]:
        """The version in force at a minute, and its hash."""
        version = version_at(self.rules, minute)
        return version, None if version is None else self._hashes[version.version]

    def held(self, stretch: Stretch) -> list[Interval]:
        """The minutes of a stretch that are measured, billed, counted or leased otherwise; from
        then on its own are taken for every other spelling of its device."""
        contract_id, span = stretch.attestation.contract_id, stretch.span
        name = stretch.record.unit_name
        found = self._measured.of_device(name, span)
        if not stretch.names_device:
            found += self._measured.of_contract(contract_id, span)
        found += self._leased_otherwise(name, contract_id)
        device = named_device(name)
        if device is not None:
            found += self._stated.get(device, ())
            self._stated.setdefault(device, []).append(span)
        return found

    def _leased_otherwise(self, name: str, contract_id: str) -> Iterator[Interval]:
        keys = {device_key(one) for one in (name, *self._measured.kin(name))} - {""}
        for one in (lease for key in keys for lease in self._leases.get(key, ())):
            if one.contract_id != contract_id:
                leased = one.interval.overlap(self.contracts[one.contract_id].term)
                if leased is not None:
                    yield leased

    def stays(self, stretch: Stretch) -> Iterator[Interval]:
        """Where the host of a device that agents know changes, or whose it is."""
        for window in self._windows(stretch):
            yield window.interval
            for tenure in self._terms.tenures:
                if tenure.host_id == window.host_id:
                    yield tenure.interval

    def _windows(self, stretch: Stretch) -> Sequence[ServiceWindow]:
        return [window for device in self._known(stretch) for window in device.windows]

    def _known(self, stretch: Stretch) -> Sequence[DeviceRecord]:
        return self._measured.devices(stretch.record.unit_name)

    def of_host(
        self, stretch: Stretch, contract: Contract, price: Price | None, minute: int
    ) -> tuple[Reason, ...]:
        """What speaks against a stretch at a minute by what is known of its device and its host."""
        found: tuple[Reason, ...] = () if price is not None else (Reason.NO_PRICE,)
        devices, record = self._known(stretch), stretch.record
        if not devices:
            part = names_partition(record.unit_name, as_id=record.identified)
            return (*found, Reason.SHARE_UNKNOWN) if part else found
        if any(one.parent_hardware_id or share_of(one) != 1 for one in devices):
            # The source counts it as a whole card; what part it was at that minute it does not say.
            found += (Reason.SHARE_UNKNOWN,)
        for window in self._windows(stretch):
            if minute in window.interval:
                tenures = (t for t in self._terms.tenures if t.host_id == window.host_id)
                tenure = next((t for t in tenures if minute in t.interval), None)
                found += blocking(contract, tenure, price)
        return found


def _lines(
    stretch: Stretch, book: _Book, held: Sequence[Interval], period: Interval
) -> Iterator[RatedLine]:
    common = stretch.span.overlap(period)
    if common is None:
        return
    contract = book.contracts[stretch.attestation.contract_id]
    prices = book.tariff.of(contract.contract_id, stretch.record.model)
    changes = [contract.term, *held, *(price.interval for price in prices), *book.stays(stretch)]
    changes += [version.in_force for version in book.rules]
    for start, end in _cut(common, changes):
        part = Interval(start, end)
        overlaps = any(start in one for one in held)
        standing = _standing(stretch, contract, book, start, overlaps=overlaps)
        line = priced_line(
            stretch.record.unit_id,
            part,
            standing,
            Fraction(stretch.record.cards),
            stretch.columns,
            stated=True,
        )
        yield replace(line, evidence_level=EvidenceLevel.STATED, stated=stretch.origin(part))


def _cut(span: Interval, changes: Iterable[Interval]) -> Iterator[tuple[int, int]]:
    start, end = span.bounded()
    points = {start, end}
    for change in changes:
        points.update(
            point
            for point in (change.start, change.end)
            if point is not None and start < point < end
        )
    yield from pairwise(sorted(points))


def _standing(
    stretch: Stretch, contract: Contract, book: _Book, minute: int, *, overlaps: bool
) -> Standing:
    rules, rules_sha256 = book.rules_at(minute)
    price = book.tariff.at(contract.contract_id, (stretch.record.model,), minute)
    blocked = set(book.of_host(stretch, contract, price, minute))
    if minute not in contract.term:
        blocked.add(Reason.OUTSIDE_TERM)
    if overlaps:
        blocked.add(Reason.STATED_AND_MEASURED)
    return Standing(
        host_id=f"{SITE_PREFIX}{stretch.attestation.site}",
        contract_id=contract.contract_id,
        party_id=None,
        price=price,
        rules_sha256=rules_sha256,
        blocked=tuple(sorted(blocked)),
        ineligible=ineligible(contract, rules),
    )


def stated_devices(
    lines: Iterable[RatedLine],
    attestations: Iterable[Attestation],
    known: Mapping[str, DeviceRecord],
) -> tuple[DeviceRecord, ...]:
    """What stated lines are of, described as the attestations do; devices known anyway left out."""
    wanted = {(line.hardware_id, line.standing.host_id) for line in lines}
    found: dict[str, DeviceRecord] = {}
    for attestation in sorted(attestations, key=lambda one: one.sha256):
        host_id = f"{SITE_PREFIX}{attestation.site}"
        for record in attestation.records:
            if record.unit_id in known or (record.unit_id, host_id) not in wanted:
                continue
            found.setdefault(record.unit_id, _described(record, attestation.vendor, host_id))
    return tuple(found[unit_id] for unit_id in sorted(found))


def _described(record: StatedRecord, vendor: Vendor, host_id: str) -> DeviceRecord:
    return DeviceRecord(
        hardware_id=record.unit_id,
        vendor=vendor,
        model=record.model,
        parent_hardware_id="",
        share_numerator=1,
        share_denominator=1,
        memory_bytes=0,
        serial="",
        pci_bus_id="",
        replayed=False,
        first_minutes=((host_id, record.minutes.start),),
        windows=(ServiceWindow(host_id=host_id, interval=record.minutes),),
    )
