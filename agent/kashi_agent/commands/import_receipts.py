"""`kashi-agent import-receipts`: receipts that came back in a file, for this host."""

import argparse
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Final

from kashi.errors import ContractError

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import (
    RECEIPTS,
    Commands,
    add_command,
    config_of,
    print_json,
)
from kashi_agent.config import FILES, AgentConfig
from kashi_agent.durable import make_folder, sync_folder
from kashi_agent.errors import FileError, LockedError, cannot_read
from kashi_agent.shipping import Answer, Batch
from kashi_agent.shipping_files import answer_in
from kashi_agent.wiring import Member, member, real_agent

_ASKS_ITSELF: Final = (
    "运行中的 kashi-agent 自行向服务器取回执，文件未取用。服务器可达时不必导入；不可达时先停止它"
    "（systemctl stop kashi-agent），再导入，再启动；长期以文件传递则在 agent.toml 中设 relay = "
    "files 并重启它。The kashi-agent that runs here asks the server for its receipts itself; the "
    "file was not taken. Where it reaches the server, nothing is to be imported; where it does "
    "not, stop it first (systemctl stop kashi-agent), import, start it again; or, to carry reports "
    'for good, set relay = "files" in agent.toml and restart it'
)


def add(commands: Commands) -> None:
    """Add the command."""
    words = "导入文件带回的回执。Take receipts that came back in a file"
    parser = add_command(commands, "import-receipts", words, run)
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help=RECEIPTS)


def run(options: argparse.Namespace) -> int:
    """Take the files: now, or by the running agent within one report interval."""
    config = config_of(options)
    known = member(config)
    read = {path: _answer(path, known.host.host_id) for path in options.files}
    empty = [path for path, answer in read.items() if not answer.receipts and not answer.notice]
    brought = {path: answer for path, answer in read.items() if path not in empty}
    if not options.json:
        sys.stdout.writelines(_told_empty(path, known.host.host_id) for path in empty)
    if not brought:
        if options.json:
            print_json({"receipts": 0, "unacknowledged": None})
        return 0
    answers = list(brought.values())
    taken = _take_now(config, known, answers)
    if taken is None:
        _put_into_inbox(config, list(brought))
    count = sum(len(answer.receipts) for answer in answers)
    if options.json:
        print_json({"receipts": count, "unacknowledged": taken})
    elif taken is None:
        sys.stdout.write(
            f"已收 {count} 份回执；kashi-agent 送下一份报告时取用。"
            f"{count} receipts; kashi-agent takes them with its next report\n"
        )
    else:
        sys.stdout.write(
            f"已导入 {count} 份回执；{taken} 份报告待回执。"
            f"{count} receipts taken; {taken} reports wait for theirs\n"
        )
    return 0


def _answer(path: Path, host_id: str) -> Answer:
    try:
        return answer_in(path, host_id)
    except ContractError as error:
        raise FileError(str(error)) from error
    except OSError as error:
        raise FileError(cannot_read(path, error)) from error


def _told_empty(path: Path, host_id: str) -> str:
    """Of a sound file that brings this host nothing: it answers an export of nothing, or is for
    other hosts."""
    return (
        f"{path}：文件完好，但没有给主机 {host_id} 的回执，无可导入（它答复的导出中没有报告，"
        f"或它属于其他主机）。{path}: the file is sound and holds no receipts for host {host_id}; "
        "there is nothing to take (it answers an export without reports, or is for other hosts)\n"
    )


def _take_now(config: AgentConfig, known: Member, answers: list[Answer]) -> int | None:
    """Take the answers if no agent runs; how many reports still wait. None: one runs.

    Raises:
        LockedError: one runs that calls the server itself and asks it for its receipts.
    """
    carried = replace(config, relay=FILES)
    try:
        agent = real_agent(carried, known, SystemClock())
    except LockedError as error:
        if config.relay != FILES:
            raise LockedError(_ASKS_ITSELF) from error
        return None
    try:
        for answer in answers:
            agent.shipper.absorb(Batch(), answer, agent.clock.utc_ms())
        return agent.spool.sealed.unacknowledged
    finally:
        agent.close()


def _put_into_inbox(config: AgentConfig, files: list[Path]) -> None:
    """Leave copies where the running agent looks; a name appears when its content is whole."""
    folder = config.inbox_folder
    make_folder(folder)
    for number, path in enumerate(files):
        name = f"{path.stem}-{number}.receipts"
        passing = folder / f".{name}.part"
        # The folder is the agent's user's: a link that lies there is not to lead root elsewhere.
        passing.unlink(missing_ok=True)
        with path.open("rb") as source, passing.open("xb") as copy:
            shutil.copyfileobj(source, copy)
            os.fchmod(copy.fileno(), 0o644)  # for the agent to read, whatever root's file mask is
            copy.flush()
            os.fsync(copy.fileno())
        passing.replace(folder / name)
    sync_folder(folder)
