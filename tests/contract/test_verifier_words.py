"""What the command prints: Chinese first, English second, and codes for a machine."""

import json
import re
from pathlib import Path

import kashi_verify
import pytest
from kashi_server.domain.reason import Reason
from kashi_verify.detail import counted
from kashi_verify.findings import Findings, Outcome, Step
from kashi_verify.flag_wording import FLAGS
from kashi_verify.output import as_json, as_text
from kashi_verify.wording import FAILURES, STEPS

SOURCES = Path(kashi_verify.__file__).parent
RAISED = re.compile(r'(?:findings\.flag|self\._flag)\(\s*"([a-z_]+)"')


def test_every_flag_has_words_in_both_languages() -> None:
    """Whatever this program raises, and whatever a statement's flags may be."""
    raised = {code for path in SOURCES.glob("*.py") for code in RAISED.findall(path.read_text())}
    assert {"demo", "replayed", "reports_missing", "quarantined"} <= raised
    flagging = SOURCES.parents[1] / "server" / "kashi_server" / "domain" / "flagging.py"
    carried = {Reason[name] for name in re.findall(r"Reason\.([A-Z_]+)", flagging.read_text())}
    assert Reason.NEVER_OBSERVED in carried
    assert raised | carried == set(FLAGS)


def test_a_flag_is_told_in_chinese_first_with_its_code_and_place() -> None:
    """The sentence in both languages, then which device and when."""
    findings = Findings()
    findings.flag("never_observed", "GPU-1: October")
    findings.flag("of_a_later_server", "something")

    said = list(as_text(findings))

    assert said[:4] == [
        "! 已指派的设备本月没有任何观测 / an assigned device was never observed (never_observed)",
        "      GPU-1: October",
        "! of_a_later_server",
        "      something",
    ]


@pytest.mark.parametrize("step", Step)
def test_a_failed_step_says_in_both_languages_what_it_means(step: Step) -> None:
    """Chinese and English, then the precise finding; the machine gets the finding alone."""
    findings = Findings(outcomes=[Outcome(step, passed=False, detail="line 3: one fen more")])

    said = list(as_text(findings))

    assert said[0].startswith(f"✗ {step:>2} {STEPS[step][0]}")
    zh, en = FAILURES[step]
    assert said[1:3] == [f"      {zh} / {en}", "      line 3: one fen more"]
    assert re.search("[\u4e00-\u9fff]", zh)
    assert re.fullmatch("[ -~]+", en)
    assert json.loads(as_json(findings))["steps"][0]["detail"] == "line 3: one fen more"


def test_one_is_singular() -> None:
    """One host, two hosts, no host; entries have a plural of their own."""
    assert [counted(n, "host") for n in (0, 1, 2)] == ["0 hosts", "1 host", "2 hosts"]
    assert [counted(n, "entry", "entries") for n in (1, 5)] == ["1 entry", "5 entries"]
