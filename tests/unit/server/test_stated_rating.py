"""Stated lines: the same prices, exact milliseconds, and no minute billed twice."""

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    H100,
    OCTOBER,
    START,
    assignment,
    at,
    device,
    hours_of,
    observe,
    price,
    terms,
)
from kashi_server.domain.attestation import Attestation, SourceKind
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.evidence_level import EvidenceLevel, KeyCustody
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval
from kashi_server.domain.rating import Facts, RatedLine, Rating, device_times, rate_times
from kashi_server.domain.reason import Reason
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis
from kashi_server.domain.usage import Quantities
from kashi_server.errors import InvalidValue
from usage_samples import attestation, minutes_record, stated_record

PERIOD = OCTOBER.interval()


def _rated(
    stated: Iterable[Attestation],
    agreed: Terms | None = None,
    minutes: dict[tuple[str, str, int], Quantities] | None = None,
    custody: KeyCustody = KeyCustody.FILE,
) -> Rating:
    agreed = agreed or terms()
    devices = (device(),) if minutes else ()
    facts = Facts(devices=devices, hours=hours_of(minutes or {}))
    times = device_times(facts, PERIOD)
    rating = rate_times(devices, times, agreed, PERIOD)
    hosts = {window.host_id: custody for one in devices for window in one.windows}
    evidence = EvidenceInputs(attestations=tuple(stated), custody=hosts)
    return evidence.rated(rating, agreed, times, (), PERIOD)


def _stated(rating: Rating) -> list[RatedLine]:
    return [line for line in rating.lines if line.stated is not None]


def test_eight_cards_for_an_hour_are_eight_card_hours() -> None:
    """12.50 yuan x 8 x 1 h = 100 yuan, on one line of level E1 that names its rows."""
    (line,) = _stated(_rated([attestation(minutes_record(START, START + 60, cards=8))]))

    assert (line.amount_fen, line.billed_ms, line.share) == (10_000, HOUR_MS, Fraction(8))
    assert (line.evidence_level, line.eligible) == (EvidenceLevel.STATED, True)
    assert line.stated is not None
    assert line.stated.source_lines == (2, 2)


def test_seconds_of_a_job_make_no_claim_to_minutes() -> None:
    """9 032 s between 10:00:13 and 12:30:45 stand in 151 minutes; the 28 s left over are gap."""
    start = (START + 600) * MINUTE_MS + 13_000
    job = stated_record(start, start + 9_032_000, unit_id="hpc-a/7", cards=4)

    (line,) = _stated(_rated([attestation(job, kind=SourceKind.SLURM, site="hpc-a")]))

    counted = line.quantities
    assert (counted.observed_ms, counted.gap_ms) == (9_032_000, 28_000)
    assert (line.start, line.end) == (START + 600, START + 751)
    assert (counted.held_known_ms, counted.held_ms) == (9_032_000, 9_032_000)
    assert line.amount_fen == 9_032_000 * 4 * 1250 // HOUR_MS


def test_neighbouring_hours_are_one_line_and_a_hole_parts_them() -> None:
    """Hours 0, 1 and 3 of an instance are two lines; every row is behind one of them."""
    rows = [
        minutes_record(START + 60 * hour, START + 60 * hour + 60, line=2 + hour)
        for hour in (0, 1, 3)
    ]

    first, second = _stated(_rated([attestation(*rows)]))

    assert (first.start, first.end, second.start) == (START, START + 120, START + 180)
    assert first.stated is not None
    assert (first.stated.records, first.stated.source_lines) == (2, (2, 3))


def test_a_price_change_splits_a_stated_line() -> None:
    """Each side is billed at its own price, and together they are the hour."""
    change = START + 20
    agreed = terms(prices=[price("12.00", end=change), price("6.00", change)])

    first, second = _stated(_rated([attestation(minutes_record(START, START + 60))], agreed))

    assert (first.amount_fen, second.amount_fen) == (400, 400)
    assert first.billed_ms + second.billed_ms == HOUR_MS


@pytest.mark.parametrize(
    ("agreed", "reason"),
    [
        (terms(prices=[price(model="another")]), Reason.NO_PRICE),
        (terms(rules=()), Reason.NO_ACTIVE_RULES),
    ],
)
def test_what_earns_nothing_says_why(agreed: Terms, reason: Reason) -> None:
    """No price: 0. No rules in force: billed, not eligible."""
    (line,) = _stated(_rated([attestation(minutes_record(START, START + 60))], agreed))

    assert reason in line.reasons
    assert not line.eligible
    assert (line.amount_fen == 0) == (reason is Reason.NO_PRICE)


def test_time_beyond_the_term_earns_nothing() -> None:
    """The contract ends after ten minutes of the hour: the rest is a line of 0."""
    agreed = terms()
    (contract_id, contract), *_rest = agreed.contracts.items()
    ended = replace(contract, term=Interval(contract.term.start, START + 10))
    agreed = replace(agreed, contracts={contract_id: ended})

    first, second = _stated(_rated([attestation(minutes_record(START, START + 60))], agreed))

    assert (first.end, first.reasons) == (START + 10, ())
    assert (second.amount_fen, second.reasons) == (0, (Reason.OUTSIDE_TERM,))


def test_what_an_agent_measured_under_the_contract_is_held() -> None:
    """A bill names no device: minutes of the contract that an agent observed are held at 0."""
    measured = observe(START + 30, START + 45)
    agreed = terms([assignment()])

    lines = _stated(_rated([attestation(minutes_record(START, START + 60))], agreed, measured))

    held = [line for line in lines if Reason.STATED_AND_MEASURED in line.reasons]
    assert [(line.start, line.end) for line in held] == [(START + 30, START + 45)]
    assert sum(line.billed_ms for line in lines) == 45 * MINUTE_MS
    assert all(line.amount_fen == 0 for line in held)


def test_a_device_with_an_id_is_held_only_by_itself() -> None:
    """Samples of another card of the contract stand; those of the measured card are held."""
    measured = observe(START, START + 60)
    same = minutes_record(START, START + 60, unit_id="GPU-1", identified=True)
    other = minutes_record(START, START + 60, unit_id="GPU-9", identified=True, line=3)
    agreed = terms([assignment()])

    lines = _stated(_rated([attestation(same, other, kind=SourceKind.SERIES)], agreed, measured))

    assert {line.hardware_id: line.amount_fen for line in lines} == {"GPU-1": 0, "GPU-9": 1250}


def test_an_unleased_device_that_was_measured_is_held_too() -> None:
    """A minute is billed at most once, whoever's statement the measured line stands in."""
    same = minutes_record(START, START + 60, unit_id="GPU-1", identified=True)

    (line,) = _stated(
        _rated([attestation(same, kind=SourceKind.SERIES)], None, observe(START, START + 60))
    )

    assert line.reasons == (Reason.STATED_AND_MEASURED,)


def test_a_record_across_the_month_counts_each_part_in_its_month() -> None:
    """From ten minutes before October to twenty after its start: twenty minutes are October's."""
    (line,) = _stated(_rated([attestation(minutes_record(START - 10, START + 20))]))

    assert (line.start, line.end, line.billed_ms) == (START, START + 20, 20 * MINUTE_MS)


def test_utilisation_is_unknown_where_only_presence_was_stated() -> None:
    """A price by utilised time bills nothing of it and says that it is unknown."""
    agreed = terms(prices=[price(basis=Basis.UTILISED)])

    (line,) = _stated(_rated([attestation(minutes_record(START, START + 60))], agreed))

    assert line.billed_ms == 0
    assert Reason.UTILISATION_PARTLY_UNKNOWN in line.reasons


def test_days_of_a_line_sum_to_it() -> None:
    """An hour across midnight in Shanghai: the two days' amounts are the line's."""
    midnight = at("10-02 00:00")
    row = minutes_record(midnight - 25, midnight + 35, cards=7)

    (line,) = _stated(_rated([attestation(row)]))

    assert len(line.days) == 2
    assert sum(day.amount_fen for day in line.days) == line.amount_fen


def test_levels_of_measured_lines_follow_the_custody_of_the_key() -> None:
    """A key in a file is E2; only a host enrolled with a key in hardware would be E3."""
    minutes = observe(START, END)
    agreed = terms([assignment()])

    (in_file,) = _rated([], agreed, minutes).lines
    (in_hardware,) = _rated([], agreed, minutes, KeyCustody.HARDWARE).lines

    assert in_file.evidence_level is EvidenceLevel.AGENT
    assert in_hardware.evidence_level is EvidenceLevel.HARDWARE


def test_a_record_may_not_state_more_than_its_span() -> None:
    """Nor nothing, nor several cards under one hardware id."""
    for values in (
        {"stated_ms": 60_001},
        {"stated_ms": 0},
        {"identified": True, "cards": 2},
        {"cards": 0},
        {"model": ""},
    ):
        with pytest.raises(InvalidValue):
            stated_record(0, 60_000, **values)


def test_an_attestations_hash_covers_every_record() -> None:
    """Another millisecond in one row is another attestation; the order of rows is not."""
    one = minutes_record(START, START + 60)
    two = minutes_record(START + 60, START + 120, line=3)
    less = replace(two, stated_ms=two.stated_ms - 1)

    assert attestation(one, two).sha256 == attestation(two, one).sha256
    assert attestation(one, two).sha256 != attestation(one, less).sha256
    assert attestation(one, two).card_ms == 2 * HOUR_MS
    assert H100 in str(one)
