"""`kashi-agent enrol`: say what will be sent and who reads it, ask, and get an identity."""

import argparse
from pathlib import Path

from kashi_agent.commands.notice import notice
from kashi_agent.commands.options import Commands, add_command, config_of
from kashi_agent.commands.ways_in import Newcomer, add_ways, join
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.token_key import describe_token


def add(commands: Commands) -> None:
    """Add the command."""
    words = "登记本机。Give this host its identity"
    add_ways(add_command(commands, "enrol", words, run))


def run(options: argparse.Namespace, mountinfo: Path = MOUNTINFO) -> int:
    """Enrol. A host that has an identity keeps it; by file it gets its next certificate. A key
    token that is to hold the report key says what it is before anybody is asked to agree."""
    config = config_of(options)
    server = options.server or str(options.request)
    identity, spool = config.identity_folder, config.spool_folder
    away = f"{identity} and {spool} away"
    newcomer = Newcomer(
        store=IdentityStore(config.identity_folder, config.key_token),
        state_folder=config.state_folder,
        notice=lambda facts: notice(
            server, config, facts, describe_token(config.key_token) if config.key_token else None
        ),
        anew=(
            f"；要重新登记，请主管人员吊销该身份，并移走 {identity} 和 {spool}",
            f"; to enrol it anew, let your officer revoke that identity and move {away}",
        ),
        proxy=config.proxy,
        relay=config.relay,
    )
    return join(options, newcomer, mountinfo)
