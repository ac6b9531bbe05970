"""Stated lines: the same prices, exact milliseconds, and no minute billed twice."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from expense_cases import (
    END,
    H100,
    HOST_A,
    HOST_B,
    OCTOBER,
    OTHER_TENANT,
    RULES,
    START,
    TENANT,
    assignment,
    at,
    contract,
    device,
    hours_of,
    observe,
    price,
    tenure,
    terms,
)
from kashi_server.domain.attestation import Attestation, SourceKind
from kashi_server.domain.device import DeviceRecord, GapReason, ReportedGap
from kashi_server.domain.evidence_inputs import EvidenceInputs
from kashi_server.domain.evidence_level import EvidenceLevel, KeyCustody
from kashi_server.domain.gap_explanation import GapExplanation
from kashi_server.domain.interval import HOUR_MS, MINUTE_MS, Interval
from kashi_server.domain.rating import Facts, RatedLine, Rating, device_times, rate_times
from kashi_server.domain.reason import Reason
from kashi_server.domain.rules import Decision, Parameter, ParameterState, RulesVersion
from kashi_server.domain.standing import Terms
from kashi_server.domain.tariff import Basis, Price, PriceUnit
from kashi_server.domain.tenure import Tenure, TenureKind
from kashi_server.domain.usage import Quantities
from kashi_server.errors import InvalidValue
from usage_samples import attestation, minutes_record, stated_record

PERIOD = OCTOBER.interval()
CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abcd"
OTHER_CARD = "GPU-6f3c9a10-0000-4000-8000-00000000abce"
OTHER_DIE = "64036E64-00A07559-5C350CF2-B9D00485-104301E2"


def _rated(
    stated: Iterable[Attestation],
    agreed: Terms | None = None,
    minutes: dict[tuple[str, str, int], Quantities] | None = None,
    custody: KeyCustody = KeyCustody.FILE,
    gaps: Sequence[ReportedGap] = (),
    devices: Sequence[DeviceRecord] | None = None,
    explained: Sequence[GapExplanation] = (),
) -> Rating:
    agreed = agreed or terms()
    if devices is None:
        devices = (device(),) if minutes else ()
    facts = Facts(devices=devices, hours=hours_of(minutes or {}))
    times = device_times(facts, PERIOD)
    rating = rate_times(devices, times, agreed, PERIOD)
    hosts = {window.host_id: custody for one in devices for window in one.windows}
    evidence = EvidenceInputs(attestations=tuple(stated), custody=hosts, explained=tuple(explained))
    return evidence.rated(rating, agreed, times, gaps, PERIOD, devices)


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
    measured = observe(START, START + 60, hardware_id=CARD)
    same = minutes_record(START, START + 60, unit_id=CARD, identified=True)
    other = minutes_record(START, START + 60, unit_id=OTHER_CARD, identified=True, line=3)
    agreed = terms([assignment(hardware_id=CARD)])
    stated = [attestation(same, other, kind=SourceKind.SERIES)]

    lines = _stated(_rated(stated, agreed, measured, devices=(device(CARD),)))

    assert {line.hardware_id: line.amount_fen for line in lines} == {CARD: 0, OTHER_CARD: 1250}


@pytest.mark.parametrize("unit_id", ["i-1", "GPU-9", f"{OTHER_CARD}x", OTHER_DIE])
def test_what_is_no_hardware_id_of_the_vendor_names_no_device(unit_id: str) -> None:
    """The source calls it a hardware id; it is none as the vendor writes them, so every device of
    the contract holds it."""
    record = minutes_record(START, START + 60, unit_id=unit_id, identified=True)
    agreed = terms([assignment()])

    (line,) = _stated(_rated([attestation(record)], agreed, observe(START, START + 60)))

    assert (line.amount_fen, line.reasons) == (0, (Reason.STATED_AND_MEASURED,))


@pytest.mark.parametrize("unit_id", [CARD.upper(), f"{CARD}\u200b", CARD.replace("-", "")])
@pytest.mark.parametrize("identified", [True, False])
def test_a_measured_device_holds_every_spelling_of_its_id(unit_id: str, identified: bool) -> None:
    """Leased to another contract or to none: the card was measured, so its hour is billed once."""
    record = minutes_record(
        START, START + 60, unit_id=unit_id if identified else f"a/{unit_id}", identified=identified
    )
    measured = observe(START, START + 60, hardware_id=CARD)

    (line,) = _stated(_rated([attestation(record)], None, measured, devices=(device(CARD),)))

    assert (line.amount_fen, line.reasons) == (0, (Reason.STATED_AND_MEASURED,))


@pytest.mark.parametrize("unit_id", [CARD.upper(), f"{CARD}\u200b"])
def test_a_device_stated_under_two_spellings_is_billed_once(unit_id: str) -> None:
    """Two attestations that stand beside each other: the second's hour is held."""
    found = [
        attestation(minutes_record(START, START + 60, unit_id=one, identified=True), source=source)
        for one, source in ((CARD, "a"), (unit_id, "b"))
    ]

    lines = _stated(_rated(found))

    assert sum(line.billed_ms for line in lines) == HOUR_MS
    assert [line.amount_fen for line in lines].count(0) == 1


def test_a_lease_to_another_contract_holds_every_spelling() -> None:
    """The assignment was typed in small letters, the bill in capitals."""
    contracts = [contract(), contract("HT-2", OTHER_TENANT)]
    lease = assignment(contract_id="HT-2", hardware_id=CARD)

    (line,) = _stated(
        _rated([_named(START, START + 60, CARD.upper())], terms([lease], contracts=contracts))
    )

    assert (line.amount_fen, line.reasons) == (0, (Reason.STATED_AND_MEASURED,))


def test_an_unleased_device_that_was_measured_is_held_too() -> None:
    """A minute is billed at most once, whoever's statement the measured line stands in."""
    same = minutes_record(START, START + 60, unit_id="GPU-1", identified=True)

    (line,) = _stated(
        _rated([attestation(same, kind=SourceKind.SERIES)], None, observe(START, START + 60))
    )

    assert line.reasons == (Reason.STATED_AND_MEASURED,)


def _counting(policy: str) -> RulesVersion:
    """The shipped rules, by which gaps count so."""
    decision = Decision(
        officers=("officer-a", "officer-b"),
        decided_on="2026-09-01",
        reason="试行",
        document="会议纪要",
    )
    decided = Parameter(
        name="gap_policy", state=ParameterState.DECIDED, value=policy, decision=decision
    )
    kept = (one for one in RULES[0].parameters if one.name != decided.name)
    return replace(RULES[0], parameters=(*kept, decided))


RENT = Price(
    price_id="RENT",
    contract_id="HT-1",
    model=H100,
    yuan=Fraction(44_640),
    basis=Basis.FLAT_RENT,
    interval=Interval(START - 44_640, None),
    unit=PriceUnit.DEVICE_MONTH,
)


def _named(start: int, end: int, unit_id: str = "GPU-1") -> Attestation:
    """Samples of a device that name it."""
    record = minutes_record(start, end, unit_id=unit_id, identified=True)
    return attestation(record, kind=SourceKind.SERIES, site="k8s-a")


def test_a_day_that_a_rent_bills_is_not_stated_as_well() -> None:
    """A month's rent, seen for an hour of its first day: the day is billed once, and the 23 hours
    that samples state of it are held; those of the next day, which nobody saw, stand."""
    day = START + 1440
    agreed = terms([assignment(START, day)], prices=[RENT])

    rating = _rated([_named(START + 60, day + 60)], agreed, observe(START, START + 60))

    held, stood = _stated(rating)
    assert (held.start, held.end, held.reasons) == (
        START + 60,
        day,
        (Reason.STATED_AND_MEASURED,),
    )
    assert (held.amount_fen, stood.start, stood.billed_ms) == (0, day, HOUR_MS)


@pytest.mark.parametrize("identified", [True, False])
def test_a_rent_times_many_short_jobs_bills_what_they_state(identified: bool) -> None:
    """Sixty jobs of a second, each in a minute of its own: a minute of the rent (1 yuan a minute
    of this month), not the sixty minutes that they touch; each line tells its own second."""
    jobs = [
        stated_record(
            (START + minute) * MINUTE_MS + 30_000,
            (START + minute) * MINUTE_MS + 31_000,
            unit_id="GPU-9" if identified else f"hpc-a/{minute}",
            identified=identified,
            line=minute + 2,
        )
        for minute in range(0, 120, 2)
    ]
    kind = SourceKind.SERIES if identified else SourceKind.SLURM

    lines = _stated(_rated([attestation(*jobs, kind=kind)], terms(prices=[RENT])))

    assert [line.billed_ms for line in lines] == [1_000] * 60
    assert sum(line.amount_fen for line in lines) == 60 * (100 // 60)


def test_an_instance_of_the_whole_month_comes_to_its_rent() -> None:
    """Stated hour by hour from the month's first minute to its last: the rent, to the fen."""
    rows = [
        minutes_record(hour, hour + 60, line=place)
        for place, hour in enumerate(range(START, END, 60), 2)
    ]

    (line,) = _stated(_rated([attestation(*rows)], terms(prices=[RENT])))

    assert line.amount_fen == 44_640_00


@pytest.mark.parametrize("identified", [True, False])
@pytest.mark.parametrize("policy", ["continuity", "officer"])
def test_a_gap_that_a_rule_counts_is_not_stated_as_well(policy: str, identified: bool) -> None:
    """The agent was down for an hour that the rules count, by continuity or on officers' word: the
    provider's word on the hour is held, whether it names the device or the contract alone."""
    gap = ReportedGap(
        host_id=HOST_A,
        hardware_id="GPU-1",
        start_utc_ms=(START + 60) * MINUTE_MS,
        end_utc_ms=(START + 120) * MINUTE_MS,
        reason=GapReason.AGENT_DOWN,
        same_driver=policy == "continuity",
        same_holders=True,
        energy_mj=1,
    )
    said = GapExplanation(
        explanation_id="1",
        hardware_id="GPU-1",
        host_id=HOST_A,
        interval=Interval(START + 60, START + 120),
        party_id=TENANT,
        reason="停电",
        evidence_sha256="",
        actor="officer-c",
        utc_ms=0,
    )
    measured = observe(START, START + 60) | observe(START + 120, START + 180)
    agreed = terms([assignment()], rules=(_counting(policy),))
    bill = attestation(minutes_record(START + 60, START + 120))

    rating = _rated(
        [_named(START + 60, START + 120) if identified else bill],
        agreed,
        measured,
        gaps=[gap],
        explained=[said] if policy == "officer" else (),
    )

    (line,) = _stated(rating)
    counted = rating.lines[0].quantities
    assert counted.continuity_ms + counted.officer_ms == HOUR_MS
    assert (line.amount_fen, line.reasons) == (0, (Reason.STATED_AND_MEASURED,))


@pytest.mark.parametrize(
    ("tenures", "reason"),
    [
        ([tenure(owner_id=TENANT, kind=TenureKind.SELF_OWNED)], Reason.SELF_OWNED),
        ([tenure(owner_id=OTHER_TENANT)], Reason.PROVIDER_NOT_OWNER),
        ([], Reason.OWNER_UNKNOWN),
    ],
)
def test_a_stated_device_that_is_known_stands_by_its_hosts_tenure(
    tenures: list[Tenure], reason: Reason
) -> None:
    """What earns nothing where it is measured earns nothing where it is stated."""
    agreed = terms(tenures=tenures)

    (line,) = _stated(_rated([_named(START + 60, START + 120)], agreed, observe(START, START + 60)))

    assert (line.amount_fen, line.reasons) == (0, (reason,))


def test_a_stated_device_stands_by_the_host_it_served_on_under_another_spelling() -> None:
    """A card moves to its user's own host, which writes its id in small letters: what is stated of
    it there earns nothing, by whatever spelling."""
    moved = START + 60
    hosts = [tenure(), tenure(HOST_B, owner_id=TENANT, kind=TenureKind.SELF_OWNED)]
    known = [device(CARD, (HOST_A, START - 1440, moved))]
    known += [device(CARD.lower(), (HOST_B, moved, None))]
    for spelled in (CARD, CARD.lower()):
        said = _named(START, moved + 60, spelled)

        lines = _stated(_rated([said], terms(tenures=hosts), devices=known))

        assert [(one.start, one.billed_ms > 0, one.reasons) for one in lines] == [
            (START, True, ()),
            (moved, False, (Reason.SELF_OWNED,)),
        ]


def test_a_device_leased_to_another_contract_is_held() -> None:
    """Its confirmed assignment gives it to HT-2: what is stated of it under HT-1 earns nothing,
    reported or not; before the assignment begins it stands."""
    contracts = [contract(), contract("HT-2", OTHER_TENANT)]
    agreed = terms([assignment(START + 30, contract_id="HT-2")], contracts=contracts)

    stood, held = _stated(_rated([_named(START, START + 60)], agreed))

    assert (stood.end, stood.reasons) == (START + 30, ())
    assert (held.amount_fen, held.reasons) == (0, (Reason.STATED_AND_MEASURED,))


def test_a_partition_is_not_stated_as_a_whole_card() -> None:
    """A seventh of a card that agents know: the source says nothing of its part, so it is held."""
    seventh = device("PART-1", parent="GPU-1", share=(1, 7))
    seen = observe(START, START + 60, hardware_id="PART-1")

    (line,) = _stated(
        _rated([_named(START + 60, START + 120, "PART-1")], None, seen, devices=(device(), seventh))
    )

    assert (line.amount_fen, line.reasons) == (0, (Reason.SHARE_UNKNOWN,))


def test_a_card_is_held_by_what_agents_saw_of_its_partitions() -> None:
    """An exporter names the card; the agent meters what it is cut into: the time counts once."""
    seventh = device("PART-1", parent="GPU-1", share=(1, 7))
    seen = observe(START, START + 60, hardware_id="PART-1")

    (line,) = _stated(_rated([_named(START, START + 60)], None, seen, devices=(device(), seventh)))

    assert (line.amount_fen, line.reasons) == (0, (Reason.STATED_AND_MEASURED,))


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
