"""A played workload is no measurement, and whoever asks how the host is hears so at once."""

import json
from pathlib import Path

import pytest
from kashi_agent.cli import main
from kashi_agent.commands import doctor
from kashi_agent.config import AgentConfig
from kashi_agent.live import LiveView
from kashi_agent.meter_probe import FirstLook
from kashi_agent.sample import Meter, MeterKind, SampleBatch
from sample_status import a_status


def told(state: Path, capsys: pytest.CaptureFixture[str], *options: str) -> dict[str, str]:
    """The doctor's findings on the meter: code and level."""
    main(["doctor", "--json", "--state", str(state), *options])
    found = json.loads(capsys.readouterr().out)
    return {one["code"]: one["level"] for one in found if one["code"].startswith("meter_")}


@pytest.mark.parametrize(
    ("meter", "demo", "found"),
    [
        ("replay", False, {"meter_replayed": "failure"}),
        ("replay", True, {"meter_replayed_demo": "ok"}),
        ("nvml", False, {"meter_ok": "ok"}),
        ("", False, {"meter_ok": "ok"}),
    ],
)
def test_the_doctor_says_that_the_meter_is_a_replay(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    meter: str,
    demo: bool,
    found: dict[str, str],
) -> None:
    """Before any report of it was quarantined; it is a failure wherever replays do not count."""
    a_status(meter_kind=meter, demo=demo).write(tmp_path / "status.json")

    assert told(tmp_path, capsys) == found


def test_a_meter_that_the_doctor_starts_is_told_apart_too(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where no agent runs, by the one look that it takes."""
    batch = SampleBatch(
        boottime_ms=1, meter=Meter(kind=MeterKind.REPLAY, cadence_ms=1_000), samples=()
    )
    monkeypatch.setattr(doctor, "first_look", lambda *_asked, **_how: FirstLook(batch=batch))

    assert told(tmp_path, capsys) == {"meter_replayed": "failure"}


def test_the_status_says_that_the_meter_is_a_replay(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In Chinese and English beside the meter's state; 1 where nothing of it counts. The fact for
    programs is the meter's kind."""
    monkeypatch.setenv("COLUMNS", "120")
    said = {}
    for demo in (True, False):
        a_status(meter_kind="replay", demo=demo).write(tmp_path / "status.json")
        code = main(["status", "--state", str(tmp_path)])
        said[demo] = (code, capsys.readouterr().out)
    main(["status", "--json", "--state", str(tmp_path)])
    facts = json.loads(capsys.readouterr().out)

    for _, rows in said.values():
        assert "回放，非实测 replayed, not measured" in rows
    assert [said[demo][0] for demo in (True, False)] == [0, 1]
    assert (facts["meter_kind"], facts["meter_trouble"]) == ("replay", "meter_replayed")


@pytest.mark.parametrize(("meter", "said"), [("replay", True), ("nvml", False)])
def test_the_live_view_says_that_the_meter_is_a_replay(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    meter: str,
    said: bool,  # what is expected
) -> None:
    """In the words of the status, on its first line, beside the meter's name."""
    monkeypatch.setenv("COLUMNS", "120")
    config = AgentConfig(state_folder=tmp_path, meter_socket=tmp_path / "meter.sock")
    LiveView(written_utc_ms=1, cadence_ms=1_000, meter=meter, devices=[]).write(config.live_path)
    settings = tmp_path / "agent.toml"
    settings.write_text(
        f'[agent]\nstate_folder = "{tmp_path}"\nmeter_socket = "{config.meter_socket}"\n',
        encoding="utf-8",
    )

    main(["top", "--config", str(settings)])

    first, *rest = capsys.readouterr().out.splitlines()
    assert (f"{meter}；回放，非实测 replayed, not measured" in first) is said
    assert "回放" not in "".join(rest)
