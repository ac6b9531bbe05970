"""Rating over sums of days: line by line what rating every minute comes to."""

from dataclasses import replace

from expense_cases import (
    END,
    FULL,
    HOST_A,
    HOST_B,
    OCTOBER,
    OTHER_TENANT,
    PROVIDER,
    RULES,
    START,
    assignment,
    at,
    contract,
    observe,
    price,
    tenure,
)
from expense_facts import described, store
from fixtures_ingest import START_UTC_MS, ReportingHost, enrol
from kashi_server.domain.interval import MINUTE_MS, Interval, Month, days_of
from kashi_server.domain.rating import Facts, RatedLine, rate, rate_times
from kashi_server.domain.standing import Terms
from kashi_server.domain.summed_time import DAYS
from kashi_server.domain.usage import DeviceHour, total_of
from kashi_server.services.facts_port import FactBatch
from kashi_server.services.ingestion import Ingestion, Submission
from kashi_server.services.month_times import month_times
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text

NOVEMBER = Month(2026, 11)
MONTHS = [OCTOBER, NOVEMBER]


def _terms() -> Terms:
    """Changes inside an hour, at an hour, at a day, and many of them on one device."""
    change, moved = at("10-16 00:37"), at("11-09 13:00")
    many = [START + 1440 * 20 + 61 * place for place in range(70)]
    return Terms(
        contracts={"HT-1": contract(), "HT-2": contract("HT-2", OTHER_TENANT)},
        assignments=[
            assignment(END - 90, moved),
            assignment(moved, assignment_id="A-2", contract_id="HT-2"),
            assignment(assignment_id="A-3", hardware_id="GPU-2"),
            assignment(assignment_id="A-5", hardware_id="MIG-5"),
            assignment(assignment_id="A-6", hardware_id="MIG-6.3of7-3g.40gb"),
            *(
                assignment(
                    low, low + 30, assignment_id=f"B-{low}", contract_id="HT-2", hardware_id="GPU-3"
                )
                for low in many
            ),
        ],
        prices=[
            price("12.50", end=change),
            price("11.80", change),
            price("3.00", contract_id="HT-2"),
        ],
        tenures=[tenure(), tenure(HOST_B)],
        operators={HOST_A: PROVIDER, HOST_B: PROVIDER},
        rules=RULES,
    )


def _facts(work: Work) -> None:
    end = NOVEMBER.interval().bounded()[1]
    half = replace(FULL, observed_ms=30_000, held_known_ms=0, held_ms=0)
    minutes = observe(START, at("10-20 10:20")) | observe(at("10-25 00:01"), end)
    # A card that moves, minutes that two hosts claim, and one in which too much was seen.
    minutes |= observe(START, at("11-03 10:20"), hardware_id="GPU-2", quantities=half)
    minutes |= observe(at("11-03 10:00"), end, hardware_id="GPU-2", host_id=HOST_B)
    minutes |= observe(START, end, hardware_id="GPU-3")
    double = replace(FULL, observed_ms=60_001)
    minutes |= observe(START + 5, START + 6, hardware_id="GPU-3", quantities=double)
    minutes |= observe(START + 100, end, hardware_id="GPU-4")
    # A partition whose agent is upgraded inside an hour, and one that two hosts tell of otherwise.
    for name, host_id, low, high in (
        ("MIG-5", HOST_A, START, at("10-22 10:20")),
        ("MIG-5.3of7-3g.40gb", HOST_A, at("10-22 10:20"), end),
        ("MIG-6", HOST_A, START, at("11-03 10:20")),
        ("MIG-6.3of7-3g.40gb", HOST_B, at("11-03 10:00"), end),
    ):
        minutes |= observe(low, high, hardware_id=name, host_id=host_id)
    parts = {
        name: replace(
            described(name), parent_hardware_id="GPU-7", share_numerator=3, share_denominator=7
        )
        for name in {name for name, _host_id, _minute in minutes if name.startswith("MIG-")}
    }
    store(work, minutes, parts=parts)


def _lines(work: Work, month: Month) -> tuple[list[RatedLine], list[RatedLine]]:
    terms, period = _terms(), month.interval()
    with work.begin(writes=False) as unit:
        devices = unit.facts.devices()
        times = month_times(unit.facts, devices, period)
        summed = rate_times(devices, times, terms, period)
        facts = Facts(
            devices=devices,
            hours=unit.facts.device_hours(None, *period.bounded()),
            conflicts=unit.facts.conflicts(None, *period.bounded()),
        )
        whole = rate(facts, terms, period)
        assert summed.disputes == whole.disputes
    return list(summed.lines), list(whole.lines)


def test_sums_and_minutes_come_to_the_same_lines(work: Work) -> None:
    """Every line of two months: cards that moved, were seen twice, or miss minutes included."""
    _facts(work)

    for month in MONTHS:
        summed, whole = _lines(work, month)
        assert summed == whole
        assert len({line.hardware_id for line in whole}) == 7


def test_days_whose_fullest_minute_was_not_noted_are_read(work: Work) -> None:
    """As days stand whose hours were written before it was noted: the same lines, by minutes."""
    _facts(work)
    with work.begin() as unit:
        unit.connection.execute(
            text("UPDATE device_days SET observed_peak_ms = NULL WHERE day % 7 = 3")
        )
        unit.commit()

    summed, whole = _lines(work, OCTOBER)
    assert summed == whole


def test_more_of_an_hour_is_in_the_sums_of_its_day(work: Work) -> None:
    """What late reports add to an hour is in its day's sums and peak in the same unit of work."""
    store(work, observe(START, START + 60, quantities=replace(FULL, observed_ms=40_000)))
    more = DeviceHour(hardware_id="GPU-1", host_id=HOST_A, hour=START // 60)
    more.columns[0][7] = 20_001
    with work.begin() as unit:
        unit.facts.write(FactBatch(hours=[more]))
        found = unit.facts.day_sums(START, END)
        unit.commit()

    days = found.of["GPU-1"]
    assert days.total(days.first, days.first + 31)[0] == 60 * 40_000 + 20_001
    assert days.columns[0][0] == 60 * 40_000 + 20_001
    assert found.unsure == {"GPU-1"}


def test_only_what_waits_of_the_month_keeps_a_device_from_its_sums(
    work: Work, ingestion: Ingestion
) -> None:
    """Reports that wait for their hour to be full do so in every running host, always: they make
    a device of their own month be read whole, and no other."""
    host = ReportingHost("11111111-0000-4000-8000-000000000001", ["GPU-a", "GPU-b"])
    enrol(work, host)
    for _report in range(5):
        ingestion.ingest([Submission(host.standing(), [host.report(30)])])
    begun = START_UTC_MS // MINUTE_MS
    day = next(days_of(Interval(begun, begun + 150)))

    with work.begin(writes=False) as unit:
        facts, devices = unit.facts, unit.facts.devices()
        assert not facts.unsummed_devices(begun, begun + 120)
        assert facts.unsummed_devices(begun, begun + 150) == {"GPU-a", "GPU-b"}
        period = Interval(DAYS.start(DAYS.of(day.start)), DAYS.start(DAYS.of(begun + 149) + 1))
        times = month_times(facts, devices, period)
        whole = list(facts.device_hours(None, *period.bounded()))

    for device in devices:
        hours = [hour for hour in whole if hour.hardware_id == device.hardware_id]
        assert times[device.hardware_id].between(*period.bounded()) == total_of(
            hours, *period.bounded()
        )
        assert times[device.hardware_id].between(*period.bounded()).observed_ms == 150 * MINUTE_MS
