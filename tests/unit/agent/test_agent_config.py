"""Settings are read strictly: file, line and field of every mistake."""

from pathlib import Path

import pytest
from kashi_agent.config import AgentConfig, EvidenceLevel, load_config
from kashi_agent.errors import ConfigError
from kashi_agent.meters.vendor_choice import VendorChoice
from kashi_agent.naming import NamePolicy


def load(folder: Path, text: str) -> AgentConfig:
    """Settings from a text."""
    path = folder / "agent.toml"
    path.write_text(text, encoding="utf-8")
    return load_config(path, required=True)


def test_everything_has_a_default(tmp_path: Path) -> None:
    """No file, an empty file and an empty table are the same."""
    default = AgentConfig()

    assert load_config(tmp_path / "none.toml", required=False) == default
    assert load(tmp_path, "") == default
    assert load(tmp_path, "[agent]\n") == default


def test_nothing_is_told_or_opened_unless_it_is_set() -> None:
    """No names of holders, no look at open files, no port, no way but the server's own; and all
    devices are reported, of whichever driver is loaded."""
    default = AgentConfig()

    assert default.holder_names is NamePolicy.NONE
    assert default.evidence is EvidenceLevel.BASIC
    assert default.metrics_listen is None
    assert default.reported_devices is None
    assert (default.relay, default.proxy, default.key_token) == ("", "", None)
    assert (default.meter, default.driver_root) == (VendorChoice.AUTO, Path("/"))


def test_all_settings_are_taken(tmp_path: Path) -> None:
    """Each field of the README arrives."""
    config = load(
        tmp_path,
        '[agent]\nstate_folder = "/s"\nmeter_socket = "/m.sock"\nmeter = "ascend"\n'
        "report_interval_seconds = 120\n"
        'flush_seconds = 5\nholder_names = "hash"\nmetrics_listen = "127.0.0.1:9417"\n'
        'driver_root = "/run/nvidia/driver"\n',
    )

    assert config == AgentConfig(
        state_folder=Path("/s"),
        meter_socket=Path("/m.sock"),
        meter=VendorChoice.ASCEND,
        report_interval_seconds=120,
        flush_seconds=5,
        holder_names=NamePolicy.HASH,
        metrics_listen=("127.0.0.1", 9417),
        driver_root=Path("/run/nvidia/driver"),
    )


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[agent]\n\nflush_second = 5\n", 3, "flush_second is unknown"),
        ("# settings\n[agnet]\n", 2, "agnet is unknown"),
        ("flush_seconds = 5\n", 1, "flush_seconds is unknown; every setting stands in"),
        ('[agent]\nflush_seconds = "5"\n', 2, "must be a whole number"),
        ("[agent]\nflush_seconds = true\n", 2, "must be a whole number"),
        ("[agent]\nflush_seconds = 11\n", 2, "must be 2 to 10"),
        ("[agent]\nreport_interval_seconds = 90\n", 2, "whole minutes"),
        ('[agent]\nmeter = "replay"\n', 2, "one of auto, nvml, ascend"),
        ('[agent]\nholder_names = "all"\n', 2, "one of none, hash, plain"),
        ('[agent]\nstate_folder = "here"\n', 2, "absolute path"),
        ('[agent]\ndriver_root = "run/nvidia"\n', 2, "driver_root is 'run/nvidia'; it must be an"),
        ('[agent]\nmetrics_listen = "0.0.0.0:9417"\n', 2, "loopback only"),
        ('[agent]\nmetrics_listen = "127.0.0.1:99999"\n', 2, "127.0.0.1:PORT"),
        ('[agent]\nreported_devices = "GPU-1"\n', 2, "must be a list"),
        ("[agent]\nreported_devices = [0]\n", 2, "named by its hardware id"),
        ('[agent]\nreported_devices = [" "]\n', 2, "named by its hardware id"),
        ("agent = 1\n", 1, "must be a table"),
    ],
)
def test_a_mistake_is_named(tmp_path: Path, text: str, line: int, words: str) -> None:
    """The message names file and line and says what is wrong."""
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, text)

    assert f"agent.toml, line {line}: " in str(caught.value)
    assert words in str(caught.value)


def test_a_file_that_was_asked_for_must_exist(tmp_path: Path) -> None:
    """`--config` with a wrong path is no silent default."""
    with pytest.raises(ConfigError, match="does not exist"):
        load_config(tmp_path / "none.toml", required=True)


def test_broken_toml_is_refused(tmp_path: Path) -> None:
    """With the parser's own line."""
    with pytest.raises(ConfigError, match="line 2"):
        load(tmp_path, "[agent]\nflush_seconds = \n")


def test_reported_devices_are_all_none_or_some(tmp_path: Path) -> None:
    """Absent is all; an empty list is none."""
    some = load(tmp_path, '[agent]\nreported_devices = ["GPU-1", "MIG-2"]\n')

    assert load(tmp_path, "").reported_devices is None
    assert load(tmp_path, "[agent]\nreported_devices = []\n").reported_devices == frozenset()
    assert some.reported_devices == frozenset({"GPU-1", "MIG-2"})
