"""Explaining: from a certificate's amount down to one minute's report, and back up to it."""

import json
import shutil
from contextlib import nullcontext
from hashlib import sha256
from pathlib import Path
from types import SimpleNamespace

import pytest
from fixtures_certificates import CARDS, COMPANY_A, CertifiedMonth
from fixtures_ingest import sums_of
from kashi.v1 import report_pb2
from kashi_server.commands import explaining
from kashi_server.domain.money import parse_yuan, yuan_text
from kashi_server.domain.statement_line import shanghai_text
from kashi_server.domain.trail import Trail
from kashi_server.errors import NotFound
from kashi_server.services.trail_words import word_of
from kashi_server.services.trails import Explaining, Wanted, span_of
from server_commands import run


def observed_minutes(month: CertifiedMonth, hardware_id: str) -> list[int]:
    """The minutes in which hosts reported a device, by the plainest reading of their reports."""
    sums = sums_of(month.wires)
    return sorted(minute for _host, device, minute in sums if device == hardware_id)


def facts(trail: Trail, kind: str) -> list[dict[str, object]]:
    """The facts of every step of a kind."""
    return [dict(step.facts) for step in trail.of(kind)]


def test_from_an_amount_down_to_one_minute(closed_month: CertifiedMonth) -> None:
    """Every level is there, in order, and the last names the very report that told the minute."""
    issued = closed_month.issue()[COMPANY_A]
    minute = observed_minutes(closed_month, CARDS[0])[100]
    wanted = Wanted(hardware_id=CARDS[0], minute=minute)
    trail = Explaining(closed_month.work).certificate(issued.number, wanted)

    kinds = [step.kind for step in trail.steps]
    assert kinds == [
        *("certificate", "statement", "rules", "line", "price", "assignment"),
        *("device_hour", "minute", "report"),
    ]
    assert all(step.follows and step.source for step in trail.steps)
    statement = next(trail.of("statement"))
    assert "docs/closing.md (Two cut-offs)" in statement.source
    assert statement.facts["cut_off_event_time"]
    assert word_of("cut_off_event_time") == "截止的事件时间"
    (report,) = facts(trail, "report")
    wire = next(one for one in closed_month.wires if _name(one) == _named(report))
    assert report["sha256"] == _report_sha256(wire)
    assert report["receipt_names_it"] is True
    assert isinstance(report["log_index"], int)
    (told,) = facts(trail, "minute")
    host_id = str(report["host_id"])
    assert told["reports_agree"] is True
    counted = sums_of([wire])[host_id, CARDS[0], minute]
    assert told["observed_ms"] == counted.observed_ms == report["reading_observed_ms"]
    assert told["utilised_ns"] == counted.utilised_ns


def _name(wire: bytes) -> tuple[str, int, int]:
    header = report_pb2.ReportHeader.FromString(report_pb2.Report.FromString(wire).header)
    return header.host_id, header.epoch, header.sequence


def _named(report: dict[str, object]) -> tuple[object, object, object]:
    return report["host_id"], report["epoch"], report["sequence"]


def _report_sha256(wire: bytes) -> str:
    header = report_pb2.Report.FromString(wire).header
    return sha256(b"kashi/v1/report\n" + header).hexdigest()


def test_minutes_of_a_line_add_up_to_it(closed_month: CertifiedMonth) -> None:
    """What the steps show minute by minute is exactly what the line bills."""
    issued = closed_month.issue()[COMPANY_A]
    statement = json.loads(closed_month.keeping.file(issued.number, "statement"))
    line = next(one for one in statement["lines"] if one["billed_ms"])
    walking = Explaining(closed_month.work)
    span = span_of(line)
    start, end = span.bounded()
    observed_ms = 0
    for minute in observed_minutes(closed_month, line["hardware_id"]):
        if start <= minute < end:
            wanted = Wanted(line=line["line"], hardware_id=line["hardware_id"], minute=minute)
            (told,) = facts(walking.certificate(issued.number, wanted), "minute")
            assert isinstance(told["observed_ms"], int)
            observed_ms += told["observed_ms"]

    assert observed_ms == line["quantities"]["observed_ms"] == line["billed_ms"]
    (step,) = walking.certificate(issued.number, Wanted(line=line["line"])).of("line")
    assert f"{line['amount_fen'] // 100}.{line['amount_fen'] % 100:02d}" in step.follows


def test_from_a_minute_up_to_its_certificate(closed_month: CertifiedMonth) -> None:
    """The same steps from the other end: the report first, the certificate last."""
    issued = closed_month.issue()[COMPANY_A]
    minute = observed_minutes(closed_month, CARDS[0])[100]
    walking = Explaining(closed_month.work)
    up = walking.minute(CARDS[0], minute)
    down = walking.certificate(issued.number, Wanted(hardware_id=CARDS[0], minute=minute))

    kinds = [step.kind for step in up.steps]
    assert kinds[0] == "report"
    assert kinds[-1] == "certificate"
    assert facts(up, "certificate")[0]["number"] == issued.number
    for kind in ("report", "minute", "device_hour", "line", "price", "assignment", "statement"):
        assert facts(up, kind) == facts(down, kind), kind


def test_a_gap_is_shown_as_nothing(closed_month: CertifiedMonth) -> None:
    """A minute nobody reported: no report, no observed time, sixty seconds of gap."""
    issued = closed_month.issue()[COMPANY_A]
    after = observed_minutes(closed_month, CARDS[0])[-1] + 60
    wanted = Wanted(hardware_id=CARDS[0], minute=after)
    trail = Explaining(closed_month.work).certificate(issued.number, wanted)

    (told,) = facts(trail, "minute")
    assert (told["observed_ms"], told["gap_ms"], told["reports"]) == (0, 60_000, 0)
    assert facts(trail, "report") == []


def test_what_is_not_there_is_said(closed_month: CertifiedMonth) -> None:
    """Another's device, a line too many and an open month are sentences."""
    issued = closed_month.issue()[COMPANY_A]
    walking = Explaining(closed_month.work)

    for wanted in (Wanted(line=999), Wanted(hardware_id="GPU-none")):
        with pytest.raises(NotFound, match="no line"):
            walking.certificate(issued.number, wanted)
    with pytest.raises(NotFound, match="no statement has a line"):
        walking.minute(CARDS[0], observed_minutes(closed_month, CARDS[0])[0] - 90 * 24 * 60)
    with pytest.raises(NotFound, match="there is no certificate"):
        walking.certificate("KC-202609-000009-75", Wanted())


def test_of_many_lines_the_first_are_shown_and_the_rest_summed_up(
    closed_month: CertifiedMonth,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Beyond so many lines a certificate says how many more there are, what they come to, and how
    to see them; `--all` shows them, one by its number is whole, and `--json` leaves none out."""
    issued = closed_month.issue()[COMPANY_A]
    server = SimpleNamespace(work=closed_month.work)
    monkeypatch.setattr(explaining, "opened", lambda _directory: nullcontext(server))
    monkeypatch.setattr(explaining, "LINES_SHOWN", 1)
    trail = Explaining(closed_month.work).certificate(issued.number, Wanted())
    lines = facts(trail, "line")
    assert len(lines) > 1
    left_fen = sum(parse_yuan(str(one["amount_yuan"])) for one in lines[1:])

    explaining.explain(issued.number)
    short = capsys.readouterr().out
    explaining.explain(issued.number, all_lines=True)
    whole = capsys.readouterr().out
    explaining.explain(issued.number, line=len(lines))
    last = capsys.readouterr().out
    explaining.explain(issued.number, as_json=True)
    data = json.loads(capsys.readouterr().out)

    assert (short.count("计费行 rated line"), whole.count("计费行 rated line")) == (1, len(lines))
    said = f"另有 {len(lines) - 1} 条计费行未列出，合计 {yuan_text(left_fen)} 元"
    assert said in short
    assert short.index(said) < short.index("more rated lines")
    assert "more rated lines" not in whole + last
    assert "合同单价 price" in last
    assert data == trail.to_data()


def test_the_command_walks_both_ways(closed_month: CertifiedMonth, tmp_path: Path) -> None:
    """An officer types a number, a device and a minute, and reads every step."""
    issued = closed_month.issue()[COMPANY_A]
    directory = tmp_path / "server"
    assert run("init", "--demo", "--directory", str(directory)).returncode == 0
    source = closed_month.work.engine.url.database
    assert source is not None
    shutil.copy(source, directory / "kashi.sqlite")
    whole = run("explain", issued.number, "-d", str(directory))
    down = run(
        *("explain", issued.number, "--device", CARDS[0], "--minute", "2026-09-12T09:00+08:00"),
        *("-d", str(directory), "--json"),
    )
    trail = Explaining(closed_month.work)
    minute = observed_minutes(closed_month, CARDS[0])[100]
    at = shanghai_text(minute)
    up = run("explain", "--device", CARDS[0], "--minute", at, "-d", str(directory), "--json")
    bad = run("explain", "--device", CARDS[0], "-d", str(directory))
    with_rules = run("explain", issued.number, "--rules", "-d", str(directory))

    assert whole.returncode == 0, whole.stderr
    assert issued.number in whole.stdout
    assert "truncate_to_fen" in whole.stdout
    assert "cap.company_year_yuan" in with_rules.stdout
    assert "cap.company_year_yuan" not in whole.stdout
    assert "另有 " in whole.stdout
    assert " parameters: --rules shows them." in whole.stdout
    assert "--rules" not in with_rules.stdout
    assert "计费行 rated line" in whole.stdout
    assert json.loads(up.stdout) == trail.minute(CARDS[0], minute).to_data()
    assert down.returncode == 0, down.stderr
    assert json.loads(down.stdout)["format"] == "kashi/v1/trail"
    assert bad.returncode == 3
    assert "--minute" in bad.stderr
