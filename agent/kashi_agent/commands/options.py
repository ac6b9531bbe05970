"""Options and printing that every command shares."""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from kashi_agent.config import CONFIG_PATH, AgentConfig, load_config


def add_config(parser: argparse.ArgumentParser) -> None:
    """`--config` and `--state`."""
    parser.add_argument("--config", type=Path, help=f"settings file (default {CONFIG_PATH})")
    parser.add_argument("--state", type=Path, help="state folder, instead of the settings'")


def add_json(parser: argparse.ArgumentParser) -> None:
    """`--json`."""
    parser.add_argument("--json", action="store_true", help="print facts as JSON")


def config_of(options: argparse.Namespace) -> AgentConfig:
    """The settings the command is to use.

    Raises:
        ConfigError: they are wrong.
    """
    path: Path | None = options.config
    config = load_config(path or CONFIG_PATH, required=path is not None)
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
    return datetime.fromtimestamp(utc_ms // 1000, UTC).strftime("%Y-%m-%d %H:%M:%S UTC")
