"""`kashi-agent import-receipts`: receipts that came back in a file, for this host."""

import argparse
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

from kashi.errors import ContractError

from kashi_agent.clock import SystemClock
from kashi_agent.commands.options import Commands, add_command, config_of, print_json
from kashi_agent.config import FILES, AgentConfig
from kashi_agent.durable import make_folder, sync_folder
from kashi_agent.errors import FileError, LockedError, cannot_read
from kashi_agent.shipping import Answer, Batch
from kashi_agent.shipping_files import answer_in
from kashi_agent.wiring import Member, member, real_agent


def add(commands: Commands) -> None:
    """Add the command."""
    words = "take receipts that came back in a file (导入回执)"
    parser = add_command(commands, "import-receipts", words, run)
    parser.add_argument(
        "files", nargs="+", type=Path, metavar="FILE", help="written by kashi-server import-reports"
    )


def run(options: argparse.Namespace) -> int:
    """Take the files: now, or by the running agent within one report interval."""
    config = config_of(options)
    known = member(config)
    answers = [_answer(path, known.host.host_id) for path in options.files]
    taken = _take_now(config, known, answers)
    if taken is None:
        _put_into_inbox(config, options.files)
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
        answer = answer_in(path, host_id)
    except ContractError as error:
        raise FileError(str(error)) from error
    except OSError as error:
        raise FileError(cannot_read(path, error)) from error
    if not answer.receipts and not answer.notice:
        raise FileError(
            f"{path}：answer：文件中没有给主机 {host_id} 的答复。"
            f"{path}: answer: the file holds none for host {host_id}"
        )
    return answer


def _take_now(config: AgentConfig, known: Member, answers: list[Answer]) -> int | None:
    """Take the answers if no agent runs; how many reports still wait. None: one runs.

    Raises:
        LockedError: one runs that calls the server itself and asks it for its receipts.
    """
    carried = replace(config, relay=FILES)
    try:
        agent = real_agent(carried, known, SystemClock())
    except LockedError:
        if config.relay != FILES:
            raise
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
