"""Claims about words, numbers, charts and the pace of public pages."""

import re
import string
import xml.etree.ElementTree as ET
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import kashi_server.portal
import pytest
from kashi_server.domain.assignment_act import Standing
from kashi_server.domain.sequence import QuarantineReason
from kashi_server.portal.charts import BarChart, Series, meter, nice_top
from kashi_server.portal.errors import TooManyRequests
from kashi_server.portal.locale import formats
from kashi_server.portal.locale.catalogue import LANGUAGES, WORDS, known_words, words
from kashi_server.portal.pace import ADDRESSES_MAX, Pace
from kashi_server.portal.routes.signing import own_path
from kashi_server.portal.routes.verify import masked
from kashi_server.services.claim_words import BATCHES

PORTAL = Path(kashi_server.portal.__file__).parent
_USED = re.compile(
    r"""\b(?:t|words)\(\s*(?:visit\.look\.language,\s*|language,\s*)?"([a-z0-9_.]+)"\s*[,)]"""
)


def sources() -> Sequence[Path]:
    """Templates and code of the portal."""
    return [*PORTAL.rglob("*.html"), *PORTAL.rglob("*.py")]


def fields_of(sentence: str) -> set[str]:
    """The values that a sentence wants."""
    return {name for _, name, _, _ in string.Formatter().parse(sentence) if name}


@pytest.mark.parametrize("key", sorted(WORDS))
def test_every_sentence_stands_in_both_languages(key: str) -> None:
    """Neither is empty, both want the same values, and the Chinese one is Chinese."""
    zh, en = WORDS[key]
    assert zh.strip()
    assert en.strip()
    assert fields_of(zh) == fields_of(en)
    assert not re.search(r"[\u4e00-\u9fff]", en), en


def test_commands_and_pages_have_one_word_for_a_state() -> None:
    """Of assignments and of batches: what a list prints is what a page says."""
    standings = {f"assignment_standing.{one}": one.zh for one in Standing}
    batches = {f"batch_status.{one}": word for one, word in BATCHES.items()}

    assert standings == {key: WORDS[key][0] for key in standings}
    assert batches == {key: " ".join(WORDS[key]) for key in batches}


def test_every_key_that_pages_use_is_in_the_catalogue() -> None:
    """A page cannot ask for words that are not there."""
    used = {key for path in sources() for key in _USED.findall(path.read_text(encoding="utf-8"))}
    assert len(used) > 100
    assert used - set(WORDS) == set()


def test_no_template_speaks_one_language_only() -> None:
    """No Chinese and no sentence of English stands in a template outside the catalogue."""
    for path in PORTAL.rglob("*.html"):
        text = path.read_text(encoding="utf-8").replace(">中文<", "><")
        assert not re.search(r"[\u4e00-\u9fff]{2}", text), path.name
        plain = re.sub(r"\{[{%#].*?[}%#]\}|<[^>]*>", "|", text, flags=re.DOTALL)
        assert set(re.findall(r"[A-Za-z]{4,}", plain)) <= {"Kashi", "English", "JSON"}, path.name


@pytest.mark.parametrize("reason", QuarantineReason)
def test_every_reason_of_quarantine_has_words(reason: QuarantineReason) -> None:
    """A person who watches hosts reads why a report waits, never a bare number."""
    assert f"quarantine.{int(reason)}" in WORDS


def test_a_new_code_is_shown_as_it_is() -> None:
    """A gap reason of tomorrow is no error on today's page."""
    assert known_words("zh", "gap_reason", "99") == "99"
    assert words("en", "ago.min", n=5) == "5 min ago"
    assert len(LANGUAGES) == 2


def test_numbers_are_cut_never_rounded() -> None:
    """One ten-thousandth less than whole stays less than whole."""
    assert formats.card_hours(Fraction(3_599_999, 3_600_000) * 1000) == "999.9997"
    assert formats.card_hours(Fraction(10_000_000)) == "10,000,000.0000"
    assert formats.card_hours(None) == "—"
    assert formats.yuan(1_234_567_05) == "1,234,567.05"
    assert formats.yuan(-5) == "-0.05"
    assert formats.yuan(-123_456_78) == "-123,456.78"
    assert formats.percent(2, 3) == "66.66 %"
    assert formats.percent(0, 0) == "—"
    assert formats.hours_of_ms(3_600_000) == "1.0000"


def test_instants_are_shanghais() -> None:
    """UTC 16:00 is the next day there; a second never begins before its time."""
    assert formats.instant(1_760_025_599_999) == "2025-10-09 23:59:59"
    assert formats.instant(1_760_025_600_000) == "2025-10-10 00:00:00"
    assert formats.ago(None, 5) is None
    assert formats.ago(0, 119_000) == (119, "s")
    assert formats.ago(0, 120_000) == (2, "min")
    assert formats.ago(0, 48 * 3_600_000) == (2, "d")


def chart(values: Sequence[Fraction], missing: Sequence[Fraction]) -> BarChart:
    """A chart of two series."""
    return BarChart(
        title="卡时 <by> day",
        unit="卡时",
        labels=[f"9-{n:02d}" for n in range(1, len(values) + 1)],
        series=(
            Series(name="seen", values=values),
            Series(name="gap", values=missing, is_missing=True),
        ),
        show=formats.card_hours,
        tick=str,
    )


def test_a_chart_is_sound_svg_whose_bars_are_proportional() -> None:
    """Well-formed, escaped, without style attributes; heights follow values; each bar is titled."""
    drawn = str(chart([Fraction(1), Fraction(2), Fraction(0)], [Fraction(1)] * 3).svg())
    root = ET.fromstring(drawn)
    bars = [one for one in root.iter("rect") if one.get("class") == "s0"]
    assert [int(bar.attrib["height"]) for bar in bars] == [58, 116]
    assert len([one for one in root.iter("rect") if one.get("class") == "missing"]) == 3
    assert [bar.findtext("title") for bar in bars] == [
        "9-01 · seen: 1.0000",
        "9-02 · seen: 2.0000",
    ]
    assert "style=" not in drawn
    assert "&lt;by&gt;" in drawn


def test_an_empty_chart_is_a_chart() -> None:
    """No months, no bars, no error."""
    assert "<rect" not in str(chart([], []).svg())


@pytest.mark.parametrize(
    ("value", "top"),
    [
        (0, 1),
        (1, 1),
        (Fraction("1.01"), 2),
        (9, 10),
        (24, 40),
        (401, 500),
        (Fraction("0.03"), Fraction("0.04")),
    ],
)
def test_axes_end_on_round_numbers(value: Fraction, top: Fraction) -> None:
    """The least round number that holds the value."""
    assert nice_top(Fraction(value)) == top


def test_a_meter_says_its_words() -> None:
    """The small bar carries its value for those who do not see it."""
    assert 'aria-label="50 &lt;%&gt;"' in str(meter(Fraction(1), Fraction(2), "50 <%>"))


def test_the_pace_lets_a_burst_through_and_refills() -> None:
    """Three at once, then one a second; a clock that steps back gives nothing away."""
    now = [1_000_000]
    pace = Pace(lambda: now[0], burst=3, interval_ms=1000)
    for _ in range(3):
        pace.take("a")
    with pytest.raises(TooManyRequests):
        pace.take("a")
    pace.take("b")
    now[0] -= 5000
    with pytest.raises(TooManyRequests):
        pace.take("a")
    now[0] += 1000
    pace.take("a")
    with pytest.raises(TooManyRequests):
        pace.take("a")


def test_the_pace_remembers_a_bounded_number_of_addresses() -> None:
    """However many addresses ask, memory does not grow with them."""
    pace = Pace(lambda: 0, burst=1, interval_ms=1000)
    for number in range(ADDRESSES_MAX + 50):
        pace.take(str(number))
    assert len(pace._buckets) == ADDRESSES_MAX


def test_names_are_masked_to_their_ends() -> None:
    """Who knows the name recognises it, who does not learns little."""
    assert masked("深圳甲智能科技有限公司") == "深圳*******公司"
    assert masked("91440300MA5FXTJ21A") == "91**************1A"
    assert masked("甲乙丙") == "甲**"


@pytest.mark.parametrize("text", ["//x", "/\\x", "x", "", "http://x", "/a\nb", "/" + "a" * 600])
def test_only_own_paths_are_followed(text: str) -> None:
    """Anything that could lead elsewhere leads home."""
    assert own_path(text) == "/"
    assert own_path("/devices/GPU-1?month=2026-09") == "/devices/GPU-1?month=2026-09"
