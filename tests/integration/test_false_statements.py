"""A dishonest office signs what it likes; what its own data contradicts, the verifier still finds.

Each test takes the true statement of a closed month, makes one thing of it false, and leaves every
sum right: only the claim itself is wrong.
"""

import csv
import json
import zipfile
from collections.abc import Callable
from copy import deepcopy
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from io import StringIO
from typing import Any

import pytest
from fixtures_certificates import CertificateFiles
from kashi.v1 import report_pb2
from kashi_verify import document, reports, wire
from kashi_verify.arithmetic import check_arithmetic
from kashi_verify.bundle import open_bundle
from kashi_verify.devices import RevealedDevices
from kashi_verify.estimate import check_estimate
from kashi_verify.evaluation import STEPS
from kashi_verify.findings import CheckFailed, Findings
from kashi_verify.pages import check_pages, stands
from kashi_verify.receipts import check_receipts, server_key
from kashi_verify.recount import Recount, check_recount
from kashi_verify.reports import check_reports
from kashi_verify.standing import check_standing
from kashi_verify.table import check_table

Change = Callable[[dict[str, Any]], None]
HOST = "11111111-0000-4000-8000-000000000001"
BOOT = b"1" * 16


@pytest.fixture
def statement(certificate_files: CertificateFiles) -> dict[str, Any]:
    """The true statement of company A."""
    with zipfile.ZipFile(certificate_files.bundle) as archive:
        found: dict[str, Any] = json.loads(archive.read("statement.json"))
    return found


def check(statement: dict[str, Any]) -> None:
    """What steps 7 and 8 check of a statement alone, but for the rules' hash."""
    check_arithmetic(statement)
    check_standing(statement)
    check_estimate(statement)


def put(*place: str | int, value: object) -> Change:
    """Set one value of a statement."""

    def change(statement: dict[str, Any]) -> None:
        inner: Any = statement
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value

    return change


def test_true_statement_holds(statement: dict[str, Any]) -> None:
    """The statement these tests falsify is sound, billed and estimated."""
    check(statement)

    assert statement["totals"]["eligible_fen"] > 0
    assert statement["subsidy"]["estimate_fen"] is not None


def _yuan(fen: int) -> str:
    return f"{fen // 100}.{fen % 100:02d}"


def _evaluated(
    statement: dict[str, Any], year_fen: int, threshold_fen: int, ratio_fen: int, cap_fen: int
) -> None:
    """An evaluation of a year of so many fen, whole and in itself consistent, after these steps."""
    subsidy = statement["subsidy"]
    stated_fen = sum(
        line["amount_fen"] for line in statement["lines"] if line["evidence_level"] == "E1"
    )
    subsidy["case"]["metered"] = [
        {"evidence_level": level, "domestic": False, "amount_yuan": _yuan(fen)}
        for level, fen in (("E1", stated_fen), ("E2", year_fen - stated_fen))
    ]
    told = {step["step"]: step for step in subsidy["steps"]}
    after = {"base": year_fen, "threshold": threshold_fen, "ratio": ratio_fen}
    before_fen, steps = 0, []
    for name in STEPS:
        fen = after.get(name, 0 if name in STEPS[:5] else cap_fen)
        step = deepcopy(told.get(name, told["base"] | {"step": name, "rules": [], "inputs": []}))
        step |= {"bound": "x" if fen < before_fen else None, "unknown": [], "missing": []}
        step |= {"before_yuan": _yuan(before_fen), "after_yuan": _yuan(fen)}
        for one in step["inputs"]:
            one["value"] = _yuan(year_fen) if one["name"] == "metered" else one["value"]
        steps.append(step)
        before_fen = fen
    subsidy |= {"steps": steps, "unknown": [], "missing": [], "status": "estimate"}
    subsidy |= {"year_fen": cap_fen, "earlier_fen": 0, "estimate_fen": cap_fen}


def test_a_sound_evaluation_of_the_year_holds(statement: dict[str, Any]) -> None:
    """What the false ones below change holds as it stands: half of 600 000 yuan."""
    _evaluated(statement, 60_000_000, 60_000_000, 30_000_000, 30_000_000)

    check(statement)


def _first_estimate(statement: dict[str, Any]) -> None:
    """An estimate of a million yuan, and a last step that says so."""
    subsidy = statement["subsidy"]
    subsidy["estimate_fen"] = subsidy["year_fen"] = 10**8
    subsidy["steps"][-1]["after_yuan"] = _yuan(10**8)


def _ratio(statement: dict[str, Any]) -> None:
    """The whole amount where the rules give half, carried through to the end."""
    _evaluated(statement, 60_000_000, 60_000_000, 60_000_000, 60_000_000)


def _below_threshold(statement: dict[str, Any]) -> None:
    """Half of an amount that is below the year's threshold."""
    _evaluated(statement, 40_000_000, 40_000_000, 20_000_000, 20_000_000)


def _beyond_cap(statement: dict[str, Any]) -> None:
    """Twice the cap of a company and year."""
    _evaluated(statement, 4_000_000_000, 4_000_000_000, 2_000_000_000, 2_000_000_000)


def _base(statement: dict[str, Any]) -> None:
    """A base that is more than what the statements rated."""
    _evaluated(statement, 60_000_000, 60_000_000, 30_000_000, 30_000_000)
    for name in ("base", "threshold"):
        (step,) = (one for one in statement["subsidy"]["steps"] if one["step"] == name)
        step["after_yuan"] = _yuan(60_000_002)
    statement["subsidy"]["steps"][6]["before_yuan"] = _yuan(60_000_002)
    statement["subsidy"]["steps"][7]["before_yuan"] = _yuan(60_000_002)


def _ended_early(statement: dict[str, Any]) -> None:
    """Caps and stacking left out although something is due."""
    _evaluated(statement, 60_000_000, 60_000_000, 30_000_000, 30_000_000)
    statement["subsidy"]["steps"] = statement["subsidy"]["steps"][:8]


def _other_parameter(statement: dict[str, Any]) -> None:
    """A step that has a threshold of its own."""
    _evaluated(statement, 60_000_000, 60_000_000, 30_000_000, 30_000_000)
    (step,) = (one for one in statement["subsidy"]["steps"] if one["step"] == "threshold")
    step["rules"][0]["value"] = "1.00"


def _final(statement: dict[str, Any]) -> None:
    """Facts are missing, and the amount calls itself final."""
    statement["subsidy"]["status"] = "final"


def _less_earlier(statement: dict[str, Any]) -> None:
    """What earlier statements were estimated at is not taken off."""
    _evaluated(statement, 60_000_000, 60_000_000, 30_000_000, 30_000_000)
    statement["subsidy"]["earlier_fen"] = 10_000_000


def _moved_to_another_month(statement: dict[str, Any]) -> None:
    """September's lines under October's name."""
    statement["period"] = {
        "month": "2026-10",
        "start": "2026-10-01T00:00:00+08:00",
        "end": "2026-11-01T00:00:00+08:00",
    }


def _on_two_hosts(statement: dict[str, Any]) -> None:
    """A line once more, as of another host, with every sum made right."""
    lines = statement["lines"]
    again = deepcopy(next(line for line in lines if line["amount_fen"]))
    again["host_id"], again["line"] = HOST, len(lines) + 1
    lines.append(again)
    _add_to_sums(statement, again)


def _stated_beside_measured(statement: dict[str, Any]) -> None:
    """What an agent measured is billed once more as what a provider states of the same device."""
    lines = statement["lines"]
    again = deepcopy(max(lines, key=lambda line: line["amount_fen"]))
    _state(again, len(lines) + 1)
    lines.append(again)
    _add_to_sums(statement, again)


def _state(line: dict[str, Any], number: int) -> None:
    """Make a line one that a provider states of a site."""
    stated: dict[str, Any] = {"site": "dc1", "source_sha256": "0" * 64, "attestation_id": "AT-1"}
    stated |= {"records": 1, "source_lines": [1, 1]}
    line |= {"line": number, "evidence_level": "E1", "host_id": "site:dc1", "stated": stated}


def _whole_and_part(statement: dict[str, Any]) -> None:
    """A part of a billed device billed beside it."""
    lines = statement["lines"]
    line = next(line for line in lines if line["amount_fen"])
    part = deepcopy(line)
    part["hardware_id"], part["line"] = "MIG-a", len(lines) + 1
    lines.append(part)
    device = deepcopy(statement["devices"][0])
    device |= {"hardware_id": "MIG-a", "parent_hardware_id": line["hardware_id"]}
    statement["devices"].append(device)
    _add_to_sums(statement, part)


def _parts_beyond_the_whole(statement: dict[str, Any]) -> None:
    """Two parts of a card that is listed nowhere, each billed as the whole of it."""
    lines = statement["lines"]
    line = next(line for line in lines if line["amount_fen"])
    again = deepcopy(line)
    again |= {"hardware_id": "MIG-b", "line": len(lines) + 1}
    lines.append(again)
    device = next(one for one in statement["devices"] if one["hardware_id"] == line["hardware_id"])
    statement["devices"].append(device | {"hardware_id": "MIG-b", "parent_hardware_id": "GPU-w"})
    device["parent_hardware_id"] = "GPU-w"
    _add_to_sums(statement, again)


def _two_days(statement: dict[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The day that was observed most, and the day before it."""
    days = statement["days"]
    place = max(range(1, len(days)), key=lambda number: days[number]["observed_ms"])
    return days[place], days[place - 1]


def _day_beyond_its_lines(statement: dict[str, Any]) -> None:
    """A day before the lease gets what was observed; the sums stay."""
    day, before = _two_days(statement)
    for one, sign in ((day, -1), (before, 1)):
        one["observed_ms"] += sign
        one["gap_ms"] -= sign


def _day_that_earns_more(statement: dict[str, Any]) -> None:
    day, before = _two_days(statement)
    day["amount_fen"], before["amount_fen"] = 0, day["amount_fen"]


def _day_leased_otherwise(statement: dict[str, Any]) -> None:
    day, before = _two_days(statement)
    day["leased_ms"], before["leased_ms"] = day["leased_ms"] - 1, 1


def _day_left_out(statement: dict[str, Any]) -> None:
    """The last day is told as a part of the day before it."""
    last, before = statement["days"].pop(), statement["days"][-1]
    for name in ("leased_ms", "observed_ms", "gap_ms", "amount_fen"):
        before[name] += last[name]


def _add_to_sums(statement: dict[str, Any], line: dict[str, Any], place: int = 0) -> None:
    totals, day = statement["totals"], statement["days"][place]
    for name, value in line["quantities"].items():
        totals[name] += value
        if name in day:
            day[name] += value
    for name in ("billed_ms", "amount_fen"):
        totals[name] += line[name]
    totals["eligible_fen"] += line["amount_fen"]
    day["amount_fen"] += line["amount_fen"]
    for name, source in (("card_hours", "observed_ms"), ("leased_card_hours", "leased_ms")):
        more = Fraction(line["quantities"][source], 3_600_000)
        totals[name] = str(Fraction(totals[name]) + more)
    billed = Fraction(line["billed_ms"], 3_600_000)
    totals["billed_card_hours"] = str(Fraction(totals["billed_card_hours"]) + billed)
    quality = statement["quality"]
    quality["observed_ms"], elapsed_ms = (
        totals["observed_ms"],
        totals["observed_ms"] + totals["gap_ms"],
    )
    quality["elapsed_ms"] = elapsed_ms
    millionths = totals["observed_ms"] * 10**6 // elapsed_ms
    quality["coverage"] = f"{millionths // 10**6}.{millionths % 10**6:06d}"
    eligible_fen = max(totals["eligible_fen"], 0)
    _evaluated(statement, eligible_fen, 0, 0, 0)
    statement["subsidy"]["steps"] = statement["subsidy"]["steps"][:7]


def _idle(statement: dict[str, Any]) -> None:
    """A line that was never active, and nobody says so."""
    line = next(line for line in statement["lines"] if line["amount_fen"])
    counted, totals = line["quantities"], statement["totals"]
    for name in ("active_ms", "utilised_ns", "unattributed_ms"):
        totals[name] -= counted[name]
        counted[name] = 0


def _no_declaration(statement: dict[str, Any]) -> None:
    statement["contract"]["unrelated_declared"] = None


def _hidden_gaps(statement: dict[str, Any]) -> None:
    statement["quality"]["gaps"] = statement["quality"]["gaps"][1:]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (put("lines", 0, "reasons", value=["conflict"]), "billed although conflict"),
        (put("lines", 0, "reasons", value=["self_owned"]), "billed although self_owned"),
        (put("lines", 0, "reasons", value=["related_parties"]), "eligible although related"),
        (put("contract", value=None), "names no contract"),
        (put("lines", 0, "share", value="8"), "no part of a card"),
        (put("quality", "coverage", value="0.999999"), "coverage"),
        (put("quality", "elapsed_ms", value=1), "elapsed_ms"),
        (_hidden_gaps, "Gaps of"),
        (_idle, "idle_while_leased"),
        (_no_declaration, "relation_undeclared"),
        (_moved_to_another_month, "leaves the month"),
        (put("period", "end", value="2026-11-01T00:00:00+08:00"), "not the month"),
        (_on_two_hosts, "twice"),
        (_stated_beside_measured, "twice: one is stated"),
        (_whole_and_part, "a part of it"),
        (_parts_beyond_the_whole, "are billed for"),
        (_day_beyond_its_lines, "observed_ms is"),
        (_day_that_earns_more, "amount_fen is"),
        (_day_leased_otherwise, "leased_ms is"),
        (_day_left_out, "that day is missing"),
        (_first_estimate, "Step threshold"),
        (put("subsidy", "estimate_fen", value=10**8), "not what its steps"),
        (put("subsidy", "earlier_fen", value=-1), "not what its steps"),
        (_less_earlier, "not what its steps"),
        (_ratio, "Step ratio"),
        (_below_threshold, "Step threshold"),
        (_beyond_cap, "Step company_cap"),
        (_base, "Step base"),
        (_ended_early, "although something is due"),
        (_other_parameter, "otherwise than the rules"),
        (_final, "final"),
        (put("subsidy", "missing", value=[]), "missing"),
        (put("subsidy", "case", "case_id", value="KS-1"), "another statement"),
        (put("subsidy", "case", "metered", value=[]), "less than the eligible"),
        (put("subsidy", "case", "service", "related", value=True), "another contract"),
        (put("subsidy", "steps", value=[]), "steps"),
    ],
)
def test_false_claim_is_found(statement: dict[str, Any], change: Change, words: str) -> None:
    """A claim that reasons, rules or other figures of the statement contradict fails its step."""
    change(statement)

    with pytest.raises(CheckFailed, match=words):
        check(statement)


def test_a_stated_minute_in_a_measured_gap_holds(statement: dict[str, Any]) -> None:
    """What a provider states of a device may be billed where no host observed it."""
    lines = statement["lines"]
    line = max(lines, key=lambda one: one["amount_fen"])
    assert line["quantities"]["gap_ms"] >= 60_000
    again = deepcopy(line)
    _state(again, len(lines) + 1)
    end = datetime.fromisoformat(line["end"])
    again["start"] = (end - timedelta(minutes=1)).isoformat()
    again["quantities"] = dict.fromkeys(line["quantities"], 0)
    again["quantities"] |= {"leased_ms": 60_000, "observed_ms": 60_000}
    price = Fraction(line["price_yuan_per_card_hour"]) * Fraction(line["share"])
    again |= {"billed_ms": 60_000, "amount_fen": int(price * 100 / 60)}
    lines.append(again)
    statement["quality"]["evidence_level"] = "E1"
    _add_to_sums(statement, again, -1)

    check(statement)


@pytest.mark.parametrize("billed", [True, False])
def test_stated_minutes_that_a_host_reported_are_found(
    certificate_files: CertificateFiles, statement: dict[str, Any], billed: bool
) -> None:
    """A measured line under a provider's name bills what the signed reports tell of; held at 0 it
    stands beside them."""
    line = max(statement["lines"], key=lambda one: one["amount_fen"])
    host_id, line["billed_ms"] = line["host_id"], line["billed_ms"] if billed else 0
    _state(line, line["line"])
    recount = Recount(statement["lines"])
    with open_bundle(certificate_files.bundle) as bundle:
        for message in bundle.messages(f"reports/{host_id}.bin"):
            parsed = reports.parse(message)
            anchor_ms = wire.signed(wire.inner(parsed.header, 3), 2)
            for shown in parsed.blocks:
                if wire.integer32(shown, 1) == 1:
                    device = wire.read_message(wire.octets(shown, 3))
                    recount.add(host_id, anchor_ms, device)

    assert [place for place, found in enumerate(recount.measured, 1) if found] == (
        [line["line"]] if billed else []
    )


def _recount(files: CertificateFiles, statement: dict[str, Any]) -> None:
    """Step 13 over the true bundle."""
    with open_bundle(files.bundle) as bundle:
        evidence = json.loads(bundle.read("evidence.json", 1 << 24))
        key = server_key(bundle, evidence, datetime(2026, 10, 20, tzinfo=UTC))
        said = check_receipts(bundle, evidence, check_reports(bundle, evidence), key, Findings())
        check_recount(bundle, evidence, statement, said, Findings())


@pytest.mark.parametrize("figure", ["observed_ms", "amount_fen"])
def test_a_day_of_which_the_reports_tell_otherwise_is_found(
    certificate_files: CertificateFiles, statement: dict[str, Any], figure: str
) -> None:
    """Moved to a day that the same lines cover, the figure may be true for all the statement tells;
    the readings know of which day it is."""
    _recount(certificate_files, statement)
    days = statement["days"]
    seen = max(range(len(days)), key=lambda number: days[number]["observed_ms"])
    for number, sign in ((seen, -1), (seen + 1, 1)):
        days[number][figure] += sign
        if figure == "observed_ms":
            days[number]["gap_ms"] -= sign
    check(statement)

    with pytest.raises(CheckFailed, match=f"{figure} is"):
        _recount(certificate_files, statement)


def _table(files: CertificateFiles) -> tuple[list[str], list[list[str]]]:
    with zipfile.ZipFile(files.bundle) as archive:
        text = archive.read("lines.csv").decode("utf-8-sig")
    head, *rows = csv.reader(StringIO(text, newline=""))
    return head, rows


def _written(head: list[str], rows: list[list[str]]) -> bytes:
    written = StringIO(newline="")
    csv.writer(written).writerows([head, *rows])
    return written.getvalue().encode("utf-8-sig")


def test_every_column_of_the_table_is_compared(
    certificate_files: CertificateFiles, statement: dict[str, Any]
) -> None:
    """Whatever column of the attached table says something else than its line is found."""
    head, rows = _table(certificate_files)
    assert check_table(_written(head, rows), [statement]) == len(rows)
    for place, name in enumerate(head):
        lying = [[*row[:place], f"{row[place]}7", *row[place + 1 :]] for row in rows]
        with pytest.raises(CheckFailed, match=f"{name} of line 1"):
            check_table(_written(head, lying), [statement])


@pytest.mark.parametrize("more", ["amount_yuan", "approved_yuan", ""])
def test_a_column_of_which_no_line_tells_is_found(
    certificate_files: CertificateFiles, statement: dict[str, Any], more: str
) -> None:
    """A column once more, one that nobody knows, and cells without a column."""
    head, rows = _table(certificate_files)
    wider = [*head, more] if more else head

    with pytest.raises(CheckFailed, match="column"):
        check_table(_written(wider, [[*row, "1.00"] for row in rows]), [statement])


@pytest.mark.parametrize(
    ("figure", "text", "there"),
    [
        ("12.50", "price912.50", False),
        ("12.50", "price12.507", False),
        ("12.50", "price12.50yuan", True),
        ("1.3701%", "coverage1.3701%2026-10", True),
        ("1.3701%", "coverage71.3701%2026-10", False),
    ],
)
def test_a_figure_stands_by_itself(figure: str, text: str, there: bool) -> None:
    """A number is no part of a longer one; behind a percentage the next row's month may stand."""
    assert stands(figure, text) is there


def test_longer_figure_on_the_page_is_not_the_figure(
    certificate_files: CertificateFiles, statement: dict[str, Any]
) -> None:
    """A page that shows 912.50 does not show 12.50, although its text holds these characters."""
    opened = document.open_pdf(certificate_files.pdf.read_bytes())
    certificate = json.loads(document.attachments(opened)["certificate.json"])
    pages = document.page_texts(opened)
    check_pages(pages, certificate, statement)
    fen = statement["totals"]["amount_fen"]
    shown = f"{fen // 100:,}.{fen % 100:02d}元"

    with pytest.raises(CheckFailed, match="amount_fen"):
        check_pages([page.replace(shown, f"9{shown}") for page in pages], certificate, statement)


# What hosts signed against what the statement says of their devices ------------------------------


def block(**described: object) -> wire.Message:
    """A minute of a seventh of a card, as its host signed it."""
    said: dict[str, Any] = {
        "hardware_id": "MIG-a",
        "parent_hardware_id": "GPU-a",
        "model": "H100",
        "share_numerator": 1,
        "share_denominator": 7,
        "meter": report_pb2.METER_KIND_NVML,
    }
    device = report_pb2.Device(**{**said, **described})
    whole = report_pb2.DeviceBlock(device=device, start_boottime_ms=0, end_boottime_ms=60_000)
    return wire.read_message(whole.SerializeToString())


def revealed(findings: Findings, *, demo: bool = False) -> RevealedDevices:
    """A statement that bills a seventh of a card."""
    devices = [{"hardware_id": "MIG-a", "parent_hardware_id": "GPU-a", "model": "H100"}]
    lines = [{"hardware_id": "MIG-a", "share": "1/7"}]
    return RevealedDevices(devices, lines, findings, demo=demo)


def looked(hardware_id: str, *looks: tuple[int, int, int]) -> wire.Message:
    """A block of a minute with readings: where, how wide, and how much was observed."""
    device = report_pb2.Device(
        hardware_id=hardware_id,
        parent_hardware_id="GPU-a",
        model="H100",
        share_numerator=1,
        share_denominator=7,
        meter=report_pb2.METER_KIND_NVML,
    )
    readings = [
        report_pb2.Reading(start_offset_ms=start, span_ms=span, observed_ms=observed)
        for start, span, observed in looks
    ]
    whole = report_pb2.DeviceBlock(
        device=device, start_boottime_ms=0, end_boottime_ms=60_000, readings=readings
    )
    return wire.read_message(whole.SerializeToString())


@pytest.mark.parametrize(
    ("one", "other", "twice"),
    [
        ((0, 20_000, 20_000), (20_000, 40_000, 40_000), False),
        ((0, 60_000, 20_000), (20_000, 40_000, 40_000), False),
        ((0, 60_000, 20_001), (20_000, 40_000, 40_000), True),
        ((0, 30_000, 20_000), (0, 30_000, 20_000), True),
    ],
)
def test_a_partition_told_of_by_two_ids_at_once_is_found(
    one: tuple[int, int, int], other: tuple[int, int, int], *, twice: bool
) -> None:
    """In turns it may be, as a card is cut anew or its agent upgraded; on two hosts it is told of
    by lines that cannot touch."""
    names = ("MIG-a", "mig-a.1of7-1g.10gb")
    devices = RevealedDevices(
        [{"hardware_id": one, "parent_hardware_id": "GPU-a", "model": "H100"} for one in names],
        [{"hardware_id": one, "share": "1/7"} for one in names],
        Findings(),
        demo=False,
    )
    devices.add(HOST, BOOT, 0, looked(names[0], one))
    devices.add(HOST, BOOT, 0, looked(names[1], other))
    devices.add("another host", BOOT, 0, looked(names[0], other))

    if not twice:
        devices.check_spans()
        return
    with pytest.raises(CheckFailed, match="by two ids at the same time: MIG-a and mig-a"):
        devices.check_spans()


@pytest.mark.parametrize(
    ("described", "words"),
    [({"share_denominator": 14}, "counts as 1/7"), ({"parent_hardware_id": "GPU-b"}, "a part of")],
)
def test_larger_share_than_signed_is_found(described: dict[str, object], words: str) -> None:
    """The part of a card that is billed must be the one the host signed."""
    with pytest.raises(CheckFailed, match=words):
        revealed(Findings()).add(HOST, BOOT, 0, block(**described))


def test_time_counted_twice_is_found() -> None:
    """Two counted blocks of one device may touch, never overlap."""
    devices = revealed(Findings())
    devices.add(HOST, BOOT, 0, block())
    devices.add(HOST, b"2" * 16, 60_000, block())
    devices.check_spans()

    devices.add(HOST, b"3" * 16, 119_999, block())

    with pytest.raises(CheckFailed, match="same time"):
        devices.check_spans()


@pytest.mark.parametrize(("demo", "codes"), [(False, ["replayed"]), (True, [])])
def test_replayed_workload_is_flagged(demo: bool, codes: list[str]) -> None:
    """What no meter measured is told, also where the office forgot to; once a device."""
    findings = Findings()
    devices = revealed(findings, demo=demo)
    for anchor_ms in (0, 60_000):
        devices.add(HOST, BOOT, anchor_ms, block(meter=report_pb2.METER_KIND_REPLAY))

    assert [flag.code for flag in findings.flags] == codes


def test_one_stretch_of_a_boot_under_two_times_of_day_is_flagged() -> None:
    """An anchor that was moved under an old boot id makes one hour two: a reader is told."""
    findings = Findings()
    devices = revealed(findings)
    for anchor_ms in (0, 3_600_000):
        devices.add(HOST, BOOT, anchor_ms, block())

    devices.check_spans()

    assert [flag.code for flag in findings.flags] == ["boot_time_repeated"]


def test_other_model_is_flagged() -> None:
    """A model that no host named so is told."""
    findings = Findings()
    revealed(findings).add(HOST, BOOT, 0, block(model="A10"))

    assert [flag.code for flag in findings.flags] == ["described_otherwise"]
