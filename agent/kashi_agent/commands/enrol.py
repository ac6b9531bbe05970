"""`kashi-agent enrol`: say what will be sent and who reads it, ask, and get an identity."""

import argparse
import os
import sys
from pathlib import Path

from kashi_agent.clock import SystemClock
from kashi_agent.commands.notice import notice
from kashi_agent.commands.options import add_config, add_json, config_of
from kashi_agent.commands.ways_in import (
    add_ways,
    agreed,
    check_folder,
    enrol_by,
    known_by,
    renew_by,
    tell_identity,
)
from kashi_agent.enrolment import host_facts
from kashi_agent.errors import AgentError
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.wiring import forget_proxies


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("enrol", help="give this host its identity (登记本机)")
    add_config(parser)
    add_json(parser)
    add_ways(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace, mountinfo: Path = MOUNTINFO) -> int:
    """Enrol. A host that has an identity keeps it; by file it gets its next certificate."""
    config, clock = config_of(options), SystemClock()
    store = IdentityStore(config.identity_folder)
    forget_proxies(os.environ)
    if renew_by(options, store, clock):
        return 0
    if store.enrolled:
        raise AgentError(
            f"this host is enrolled already as {store.host().host_id}; to enrol it anew, let your "
            f"officer revoke that identity and move {config.identity_folder} and "
            f"{config.spool_folder} away"
        )
    known = known_by(options)
    check_folder(config.state_folder, known, mountinfo)
    facts = host_facts()
    told = sys.stderr if options.json else sys.stdout
    told.write(notice(options.server or str(options.request), config, facts))
    if not options.yes and not agreed():
        told.write("未发送任何信息。Nothing was sent.\n")
        return 1
    given = enrol_by(options, store, facts, known, clock, proxy=config.proxy)
    if given is not None:
        tell_identity(options, *given)
        if not options.json:
            sys.stdout.write("Next: systemctl enable --now kashi-meter kashi-agent\n")
    return 0
