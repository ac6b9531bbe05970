"""`hosts doubts`: what speaks against a host's figures, and the facts it follows from."""

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from kashi_server.bootstrap import opened
from kashi_server.commands.hosts import AsJson, local_time
from kashi_server.commands.options import DEFAULT_DIRECTORY, Directory
from kashi_server.errors import NotFound
from kashi_server.services.stated import NOTHING_STATED, Stated


def show_doubts(
    host_id: Annotated[
        str | None, typer.Argument(help="Of one host, with every fact it states; else of all.")
    ] = None,
    days: Annotated[int, typer.Option("--days", min=1, max=400, help="How far back.")] = 30,
    as_json: AsJson = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """Show what speaks against the figures of hosts. A doubt changes none of them. 疑点"""
    with opened(directory) as server:
        stated = server.hosts.stated(days)
        known = {host.host_id for host in server.hosts.all()}
    if host_id is not None and host_id not in known:
        raise NotFound(f"there is no host {host_id}")
    shown = stated if host_id is None else {host_id: stated.get(host_id, NOTHING_STATED)}
    if as_json:
        told = {one: _plain(of) for one, of in shown.items()}
        print(json.dumps(told, ensure_ascii=False))
        return
    Console().print(_doubts(shown))
    if host_id is not None:
        Console().print(_facts(shown[host_id]))


def _doubts(shown: Mapping[str, Stated]) -> Table:
    table = Table(
        "主机 host", "设备 device", "疑点 doubt", "所见 found", "首次 first", "最近 latest"
    )
    for host_id, stated in sorted(shown.items()):
        for doubt in stated.doubts:
            table.add_row(
                host_id,
                doubt.hardware_id,
                f"{doubt.code.zh}\n{doubt.code.en}",
                doubt.detail,
                local_time(doubt.first_utc_ms),
                local_time(doubt.last_utc_ms),
            )
    return table


def _facts(stated: Stated) -> Table:
    table = Table("设备 device", "事实 fact", "内容 value", "报告 stated")
    for fact in stated.facts:
        value = f"? {fact.reason}" if fact.value is None else fact.value
        table.add_row(fact.hardware_id, fact.name, value, local_time(fact.utc_ms))
    return table


def _plain(stated: Stated) -> dict[str, object]:
    return {
        "doubts": [{**asdict(doubt), "code": str(doubt.code)} for doubt in stated.doubts],
        "facts": [asdict(fact) for fact in stated.facts],
    }
