"""Settings and forms on the pages are taken by what reads them, and leave no setting out."""

import re
import tomllib
from dataclasses import fields, replace
from pathlib import Path

import pytest
from kashi_agent.config import FIELDS, AgentConfig, load_config
from kashi_agent.relay.config import RelayConfig, load_relay_config
from kashi_agent.token_settings import TOKEN_FIELDS
from kashi_server.closing_settings import read_calendar
from kashi_server.domain.deciding import load_decisions
from kashi_server.services.claim_form import load_claim_form
from kashi_server.services.paper_mapping import read_mapping

ROOT = Path(__file__).parents[2]


def block(page: str, *holding: str) -> str:
    """The one code block of a page that holds some texts."""
    text = (ROOT / page).read_text(encoding="utf-8")
    found = [
        one[1]
        for one in re.finditer(r"^```[a-z]*\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
        if all(part in one[1] for part in holding)
    ]
    assert len(found) == 1, (page, holding)
    return found[0]


def test_the_agents_settings_are_those_of_the_page(tmp_path: Path) -> None:
    """Every setting stands in the README, and the block is read as it stands: with the defaults,
    but for the metrics, of which it shows an example."""
    text = block("agent/README.md", "[agent]")
    named = set(re.findall(r"^(?:# )?(\w+) = ", text, re.MULTILINE))
    (tmp_path / "agent.toml").write_text(text, encoding="utf-8")

    config = load_config(tmp_path / "agent.toml", required=True)

    assert named == {*FIELDS, *TOKEN_FIELDS}
    assert replace(config, metrics_listen=None) == AgentConfig()


def test_the_relays_settings_are_those_of_the_page(tmp_path: Path) -> None:
    """Every setting stands in docs/operations.md, the state folder too, and the block is read."""
    text = block("docs/operations.md", "[relay]")
    (tmp_path / "relay.toml").write_text(text, encoding="utf-8")

    config = load_relay_config(tmp_path / "relay.toml", required=True)

    assert set(tomllib.loads(text)["relay"]) == {one.name for one in fields(RelayConfig)}
    assert config.state_folder == RelayConfig().state_folder


def test_the_calendar_of_the_page_is_read(tmp_path: Path) -> None:
    """closing.toml as docs/closing.md has it is taken."""
    (tmp_path / "closing.toml").write_text(block("docs/closing.md", "holidays"), encoding="utf-8")

    read_calendar(tmp_path)


def test_forms_and_records_of_the_pages_are_read() -> None:
    """A claim's form, a mapping file and a decision record are taken as they stand."""
    form = load_claim_form(block("docs/claims.md", "[declared]"), "form.toml")
    mapping = read_mapping(block("docs/papers.md", "[constants]"), "mapping.toml")
    record = load_decisions(block("docs/rules.md", "[[decision]]"), "decision.toml")

    assert form.contract_ids == ("HT-2026-001",)
    assert mapping.lines
    assert len(record.officers) == 2


def test_a_block_that_is_not_there_is_told() -> None:
    """What looks for a block does not pass over a page that lost it."""
    with pytest.raises(AssertionError):
        block("docs/closing.md", "[relay]")


def test_every_block_of_toml_is_toml() -> None:
    """Blocks that say they are TOML parse, whoever reads them."""
    pages = [*ROOT.glob("*.md"), *ROOT.glob("*/README.md"), *ROOT.glob("docs/**/*.md")]
    marked = re.compile(r"^```toml\n(.*?)^```", re.DOTALL | re.MULTILINE)
    broken, count = [], 0
    for page in pages:
        for place in marked.finditer(page.read_text(encoding="utf-8")):
            count += 1
            try:
                tomllib.loads(place[1])
            except tomllib.TOMLDecodeError as error:
                broken.append(f"{page.name}: {error}")

    assert count > 5
    assert broken == []
