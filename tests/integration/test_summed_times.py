"""Rating over sums that the database made: line by line what rating every minute comes to."""

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
from expense_facts import store
from kashi_server.domain.interval import Interval, Month
from kashi_server.domain.rating import Facts, RatedLine, rate
from kashi_server.domain.standing import Terms
from kashi_server.domain.usage import DeviceHour
from kashi_server.services.facts_port import FactBatch
from kashi_server.services.summed_times import SummedYear
from kashi_server.storage.unit_of_work import Work
from sqlalchemy import text

NOVEMBER = Month(2026, 11)
MONTHS = [OCTOBER, NOVEMBER]


def _terms() -> Terms:
    """Changes inside an hour, at an hour, at a day, and more of them than blocks are cut at."""
    change, moved = at("10-16 00:37"), at("11-09 13:00")
    many = [START + 1440 * 20 + 61 * place for place in range(70)]
    return Terms(
        contracts={"HT-1": contract(), "HT-2": contract("HT-2", OTHER_TENANT)},
        assignments=[
            assignment(END - 90, moved),
            assignment(moved, assignment_id="A-2", contract_id="HT-2"),
            assignment(assignment_id="A-3", hardware_id="GPU-2"),
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
    store(work, minutes)


def _lines(work: Work, month: Month) -> tuple[list[RatedLine], list[RatedLine]]:
    terms, period = _terms(), month.interval()
    with work.begin(writes=False) as unit:
        devices = unit.facts.devices()
        summed = SummedYear(unit.facts, devices, MONTHS, terms).rate(month)
        facts = Facts(
            devices=devices,
            hours=unit.facts.device_hours(None, *period.bounded()),
            conflicts=unit.facts.conflicts(None, *period.bounded()),
        )
        whole = rate(facts, terms, period)
        assert summed.disputes == whole.disputes
    return list(summed.lines), [replace(line, days=()) for line in whole.lines]


def test_sums_and_minutes_come_to_the_same_lines(work: Work) -> None:
    """Every line of two months: cards that moved, were seen twice, or miss minutes included."""
    _facts(work)

    for month in MONTHS:
        summed, whole = _lines(work, month)
        assert summed == whole
        assert len({line.hardware_id for line in whole}) == 4


def test_hours_whose_fullest_minute_was_not_noted_are_read(work: Work) -> None:
    """As hours stand that were written before it was noted: the same lines, by their minutes."""
    _facts(work)
    with work.begin() as unit:
        unit.connection.execute(
            text("UPDATE device_hours SET observed_peak_ms = NULL WHERE hour % 7 = 3")
        )
        unit.commit()

    summed, whole = _lines(work, OCTOBER)
    assert summed == whole


def test_more_of_an_hour_notes_its_fullest_minute_anew(work: Work) -> None:
    """What late reports add to an hour is in its peak as it is in its sums."""
    store(work, observe(START, START + 60, quantities=replace(FULL, observed_ms=40_000)))
    more = DeviceHour(hardware_id="GPU-1", host_id=HOST_A, hour=START // 60)
    more.columns[0][7] = 20_001
    with work.begin() as unit:
        unit.facts.write(FactBatch(hours=[more]))
        (found,) = unit.facts.block_sums(None, [Interval(START, START + 60)])
        unit.commit()

    assert (found.peak_ms, found.sums.observed_ms) == (60_001, 60 * 40_000 + 20_001)
