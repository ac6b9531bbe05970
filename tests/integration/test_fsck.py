"""fsck names the first difference, whatever was altered, and builds projections again."""

import re
from collections.abc import Callable

import pytest
from fixtures_ingest import ReportingHost, enrol, stored_sums, sums_of
from kashi.v1 import report_pb2
from kashi_server.domain.plausibility import doubts
from kashi_server.services.authority import Keyring
from kashi_server.services.fsck import FactsChecked, check_facts
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.storage.packing import pack_minutes, unpack_minutes
from kashi_server.storage.report_packing import ReportUnpacker, pack_report
from kashi_server.storage.tables import facts as tables
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import Connection, delete, select, update

HOST = "11111111-0000-4000-8000-000000000001"


@pytest.fixture
def wires(work: Work, ingestion: Ingestion) -> list[bytes]:
    """Three hours and a bit of one host with two devices, stored."""
    host = ReportingHost(HOST, ["GPU-a", "GPU-b"])
    enrol(work, host)
    wires = [host.report(30, gaps=[(90_000, 3_000)], change=_stating) for _ in range(7)]
    for wire in wires:
        ingestion.ingest([Submission(host.standing(), [wire])])
    return wires


def _stating(header: report_pb2.ReportHeader, blocks: list[report_pb2.DeviceBlock]) -> None:
    """A fact of the host and one of each device, and an event that is none."""
    at = header.start_boottime_ms
    header.events.add(boottime_ms=at, kind=report_pb2.HOST_EVENT_KIND_METER_STARTED)
    header.events.add(
        boottime_ms=at, kind=report_pb2.HOST_EVENT_KIND_FACT, detail="ld_preload=/opt/x.so"
    )
    for block in blocks:
        block.events.add(
            boottime_ms=at, kind=report_pb2.DEVICE_EVENT_KIND_FACT, detail="pci=1002:744c"
        )


def spoil(work: Work, change: Callable[[Connection], None]) -> None:
    """Alter the database behind the server's back."""
    with work.begin() as unit:
        change(unit.connection)
        unit.commit()


def checked(work: Work, keyring: Keyring, *, repair: bool = False) -> FactsChecked:
    """Run it."""
    return check_facts(work, keyring.receipt_key.public_key(), repair=repair)


def test_sound_database_is_found_sound(work: Work, keyring: Keyring, wires: list[bytes]) -> None:
    """Everything is looked at and nothing differs."""
    found = checked(work, keyring)

    assert (found.host_count, found.report_count, found.reading_count) == (1, 7, 420)
    assert found.differences == []


def _minute(connection: Connection) -> None:
    row = connection.execute(
        select(tables.device_hours).order_by(tables.device_hours.c.hardware_id).limit(1)
    ).one()
    columns = unpack_minutes(row.minutes)
    columns[0][17] -= 1
    connection.execute(
        update(tables.device_hours)
        .where(
            tables.device_hours.c.hardware_id == row.hardware_id,
            tables.device_hours.c.hour == row.hour,
        )
        .values(minutes=pack_minutes(columns), observed_ms=row.observed_ms - 1)
    )


def _total(connection: Connection) -> None:
    connection.execute(
        update(tables.device_hours)
        .where(tables.device_hours.c.hardware_id == "GPU-b")
        .values(held_ms=tables.device_hours.c.held_ms + 1)
    )


def _fullest_minute(connection: Connection) -> None:
    connection.execute(update(tables.device_hours).values(observed_peak_ms=59_999))


def _day(connection: Connection) -> None:
    connection.execute(
        update(tables.device_days)
        .where(tables.device_days.c.hardware_id == "GPU-b")
        .values(utilised_ns=tables.device_days.c.utilised_ns + 1)
    )


def _day_gone(connection: Connection) -> None:
    connection.execute(delete(tables.device_days))


def _day_never_seen(connection: Connection) -> None:
    connection.execute(update(tables.device_days).values(day=tables.device_days.c.day + 1000))


def _fullest_minute_of_day(connection: Connection) -> None:
    connection.execute(update(tables.device_days).values(observed_peak_ms=1))


def _damaged_minutes(connection: Connection) -> None:
    connection.execute(update(tables.device_hours).values(minutes=b"\x01junk"))


def _hours_gone(connection: Connection) -> None:
    connection.execute(delete(tables.device_hours))


def _gap(connection: Connection) -> None:
    connection.execute(update(tables.gaps).where(tables.gaps.c.sequence == 3).values(reason=4))


def _fact(connection: Connection) -> None:
    connection.execute(
        update(tables.events)
        .where(tables.events.c.detail == "ld_preload=/opt/x.so", tables.events.c.sequence == 3)
        .values(detail="ld_preload=")
    )


def _fact_gone(connection: Connection) -> None:
    connection.execute(delete(tables.events).where(tables.events.c.hardware_id == "GPU-b"))


def _fact_disguised(connection: Connection) -> None:
    connection.execute(
        update(tables.events).where(tables.events.c.hardware_id == "GPU-a").values(kind=3)
    )


def _not_counted(connection: Connection) -> None:
    connection.execute(
        update(tables.reports).where(tables.reports.c.sequence == 2).values(counted=0)
    )


def _first(connection: Connection) -> None:
    connection.execute(update(tables.devices).values(first_utc_ms=5))


def _model(connection: Connection) -> None:
    connection.execute(
        update(tables.devices).where(tables.devices.c.hardware_id == "GPU-b").values(model="B300")
    )


def _share(connection: Connection) -> None:
    connection.execute(update(tables.devices).values(parent_hardware_id="GPU-p"))


def _head(connection: Connection) -> None:
    connection.execute(update(tables.heads).values(sequence=6))


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_minute, "device GPU-a minute .*: observed_ms is 59999"),
        (_total, "totals are not the minutes' sums"),
        (_fullest_minute, "device GPU-a hour .*: the fullest minute is noted as another"),
        (_day, "device GPU-b day .*: the sums are not those of its hours"),
        (_day_gone, "device GPU-a day .*: the sums are not those of its hours"),
        (_day_never_seen, "device GPU-a day .*: the sums are not those of its hours"),
        (_fullest_minute_of_day, "device GPU-a day .*: the fullest minute is noted as another"),
        (_damaged_minutes, "damaged"),
        (_hours_gone, "observed_ms is 0, the reports add up to 60000"),
        (_gap, "gap 0 of epoch 1 sequence 3 differs"),
        (_fact, "stated fact 1 of epoch 1 sequence 3 differs"),
        (_fact_gone, "stated fact 3 of epoch 1 sequence 1 differs"),
        (_fact_disguised, "stated fact 2 of epoch 1 sequence 1 differs"),
        (_not_counted, "epoch 1 sequence 2: counted"),
        (_first, "devices begin"),
        (_model, "device GPU-b is described as no counted report does"),
        (_share, "device GPU-a is described as no counted report does"),
        (_head, "the head is"),
    ],
)
def test_altered_projection_is_named_and_repaired(
    work: Work,
    keyring: Keyring,
    wires: list[bytes],
    change: Callable[[Connection], None],
    said: str,
) -> None:
    """A projection that differs is named, and built again from the bytes on request."""
    spoil(work, change)

    found = checked(work, keyring)
    repaired = checked(work, keyring, repair=True)

    assert len(found.differences) == 1
    assert found.differences == repaired.repaired
    assert re.search(said, found.differences[0]), found.differences
    assert checked(work, keyring).differences == []
    assert stored_sums(work) == sums_of(wires)
    with work.begin(writes=False) as unit:
        (facts,) = unit.facts.stated_facts(0, 2**40).values()
    assert {(doubt.hardware_id, str(doubt.code)) for doubt in doubts(facts)} == {
        ("", "library_redirected"),
        ("GPU-a", "device_disagrees"),
        ("GPU-b", "device_disagrees"),
    }


def _content(change: Callable[[bytes, bytes], tuple[bytes, bytes]]) -> Callable[[Connection], None]:
    def spoiled(connection: Connection) -> None:
        at = tables.reports.c.sequence == 4
        row = connection.execute(select(tables.reports).where(at)).one()
        wire, receipt = change(*ReportUnpacker(connection).unpack(row))
        connection.execute(
            update(tables.reports).where(at).values(content=pack_report(wire, receipt))
        )

    return spoiled


def _missing(connection: Connection) -> None:
    connection.execute(delete(tables.reports).where(tables.reports.c.sequence == 4))


def _verdict(connection: Connection) -> None:
    at = tables.reports.c.sequence == 4
    connection.execute(update(tables.reports).where(at).values(verdict=5, reason=1))


def _label(connection: Connection) -> None:
    at = tables.reports.c.sequence == 4
    connection.execute(
        update(tables.reports).where(at).values(end_utc_ms=tables.reports.c.end_utc_ms + 1)
    )


def _vouched(connection: Connection) -> None:
    at = tables.reports.c.sequence == 4
    column = tables.reports.c.clock_sync
    connection.execute(update(tables.reports).where(at).values(clock_sync=3 - column))


def _offset(connection: Connection) -> None:
    at = tables.reports.c.sequence == 4
    column = tables.reports.c.clock_offset_ms
    connection.execute(update(tables.reports).where(at).values(clock_offset_ms=column + 1))


def _flip(wire: bytes, place: int) -> bytes:
    return wire[:place] + bytes([wire[place] ^ 1]) + wire[place + 1 :]


def _clocks_unkept(connection: Connection) -> None:
    connection.execute(update(tables.reports).values(clock_sync=0, clock_offset_ms=0))


def test_a_report_from_before_its_clock_was_kept_is_no_damage(
    work: Work, keyring: Keyring, wires: list[bytes]
) -> None:
    """Its columns say that nobody knows: statements say so too, and nothing was altered."""
    spoil(work, _clocks_unkept)

    assert checked(work, keyring).differences == []


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (
            _content(lambda wire, receipt: (_flip(wire, 500), receipt)),
            "sequence 4: the stored report",
        ),
        (
            _content(lambda wire, receipt: (wire, _flip(receipt, 60))),
            "sequence 4: the stored receipt",
        ),
        (_missing, "sequence 5: it does not follow epoch 1 sequence 3"),
        (_verdict, "sequence 4: the receipt says"),
        (_label, "sequence 4: column end_utc_ms"),
        (_vouched, "sequence 4: column clock_sync"),
        (_offset, "sequence 4: column clock_offset_ms"),
    ],
)
def test_altered_evidence_is_named_and_never_repaired(
    work: Work,
    keyring: Keyring,
    wires: list[bytes],
    change: Callable[[Connection], None],
    said: str,
) -> None:
    """What was signed cannot be made again: the first report that does not hold is named."""
    spoil(work, change)

    found = checked(work, keyring, repair=True)

    assert found.repaired == []
    assert len(found.differences) == 1
    assert said in found.differences[0]
