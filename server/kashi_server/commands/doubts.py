"""`hosts doubts`: what speaks against a host's figures, and the facts it follows from."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Annotated

import typer

from kashi_server.bootstrap import opened
from kashi_server.commands.instants import local_time
from kashi_server.commands.options import DEFAULT_DIRECTORY, AsJson, Directory
from kashi_server.errors import NotFound
from kashi_server.services.stated import NOTHING_STATED, Stated


def show_doubts(
    host_id: Annotated[
        str | None,
        typer.Argument(
            help="某一主机及其所述各项；不给即全部。"
            "Of one host, with every fact it states; else of all."
        ),
    ] = None,
    days: Annotated[
        int, typer.Option("--days", min=1, max=400, help="回溯天数。How far back.")
    ] = 30,
    as_json: AsJson = False,
    directory: Directory = DEFAULT_DIRECTORY,
) -> None:
    """列出对主机数据的疑点；疑点不改变任何数据。
    Show what speaks against the figures of hosts. A doubt changes none of them.
    """
    with opened(directory) as server:
        stated = server.hosts.stated(days)
        known = {host.host_id for host in server.hosts.all()}
    if host_id is not None and host_id not in known:
        raise NotFound(f"没有主机 {host_id}，请核对编号。there is no host {host_id}")
    shown = stated if host_id is None else {host_id: stated.get(host_id, NOTHING_STATED)}
    if as_json:
        told = {one: _plain(of) for one, of in shown.items()}
        print(json.dumps(told, ensure_ascii=False))
        return
    for one, of in sorted(shown.items()):
        print(f"{one}: 疑点 doubts {len(of.doubts)}")
        print("\n".join(_lines(of, with_facts=host_id is not None)))
    if not shown:
        print("没有疑点 No doubts.")


def _lines(stated: Stated, *, with_facts: bool) -> Iterator[str]:
    """A doubt with what was found, and the facts as they stand."""
    for doubt in stated.doubts:
        yield f"  {doubt.hardware_id or '主机 host'}: {doubt.code.zh} / {doubt.code.en}"
        yield f"      {doubt.detail}"
        yield f"      {local_time(doubt.first_utc_ms)} – {local_time(doubt.last_utc_ms)}"
    for fact in stated.facts if with_facts else ():
        value = f"? {fact.reason}" if fact.value is None else fact.value or "–"
        yield f"  {fact.hardware_id or '主机 host'}  {fact.name}  {value}"


def _plain(stated: Stated) -> dict[str, object]:
    return {
        "doubts": [{**asdict(doubt), "code": str(doubt.code)} for doubt in stated.doubts],
        "facts": [asdict(fact) for fact in stated.facts],
    }
