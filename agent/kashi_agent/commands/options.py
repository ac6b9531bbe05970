"""Options and printing that every command shares."""

import argparse
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeAlias, TypeVar

from rich.console import Console
from rich.table import Table

from kashi_agent.config import CONFIG_PATH, AgentConfig, load_config
from kashi_agent.relay.config import RelayConfig

_Config = TypeVar("_Config", AgentConfig, RelayConfig)

# argparse has no public name for what commands are added to.
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001

YEAR_10000_MS = 253_402_300_800_000

RECEIPTS = "kashi-server import-reports 写出的文件。Written by kashi-server import-reports"
"""What a file of receipts is."""

_BEHIND = "同写在命令之后。As behind the command"


def add_command(
    commands: Commands,
    name: str,
    words: str,
    run: Callable[[argparse.Namespace], int],
    *,
    settings: Path | None = CONFIG_PATH,
    json: bool = True,
) -> argparse.ArgumentParser:
    """Add a command with what most have: `--config` and `--state` (not where `settings` is None,
    else by default those of this file) and `--json`. Left out, they keep what `add_before` took."""
    parser = commands.add_parser(name, help=words, description=words)
    if settings is not None:
        file = f"设置文件，默认 {settings}。The settings file (default {settings})"
        parser.add_argument("--config", type=Path, default=argparse.SUPPRESS, help=file)
        folder = "状态目录，代替设置所写。The state folder, instead of the settings'"
        parser.add_argument("--state", type=Path, default=argparse.SUPPRESS, help=folder)
    if json:
        words = "以 JSON 输出。Print facts as JSON"
        parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=words)
    parser.set_defaults(run=run)
    return parser


def add_before(parser: argparse.ArgumentParser) -> None:
    """Let what commands share stand before the command as well."""
    for name in ("--config", "--state"):
        parser.add_argument(name, type=Path, default=argparse.SUPPRESS, help=_BEHIND)
    parser.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help=_BEHIND)


def config_of(options: argparse.Namespace) -> AgentConfig:
    """The settings the command is to use.

    Raises:
        ConfigError: they are wrong.
    """
    return settings_of(options, load_config, CONFIG_PATH)


def settings_of(
    options: argparse.Namespace, load: Callable[..., _Config], default: Path
) -> _Config:
    """What `load` reads from the file that is named, or the default one if there is one; with the
    state folder that is named."""
    path: Path | None = options.config
    config = load(path or default, required=path is not None)
    state: Path | None = options.state
    return config if state is None else replace(config, state_folder=state.absolute())


def print_json(facts: Mapping[str, Any] | Sequence[Any]) -> None:
    """Facts on standard output, one document."""
    json.dump(facts, sys.stdout, ensure_ascii=False, indent=2)
    sys.stdout.write("\n")


def print_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """A table on standard output."""
    table = Table(title=title or None, title_justify="left", show_header=any(columns))
    for column in columns:
        table.add_column(column, overflow="fold")
    for row in rows:
        table.add_row(*row)
    Console(highlight=False).print(table)


def shown_time(utc_ms: int | None) -> str:
    """An instant for a person: to the second, in UTC."""
    if utc_ms is None:
        return "从未 never"
    if not 0 <= utc_ms < YEAR_10000_MS:
        return f"{utc_ms} ms"  # of a damaged file, or of a clock that is very wrong
    return datetime.fromtimestamp(utc_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
