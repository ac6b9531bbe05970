"""`kashi-agent enrol`: say what will be sent and who reads it, ask, and get an identity."""

import argparse
import os
import sys
from pathlib import Path

from kashi_agent.clock import SystemClock
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
from kashi_agent.config import AgentConfig
from kashi_agent.enrolment import HostFacts, host_facts
from kashi_agent.errors import AgentError
from kashi_agent.identity import IdentityStore
from kashi_agent.mounts import MOUNTINFO
from kashi_agent.wiring import forget_proxies

_NOTICE = """\
This host will be enrolled with the Kashi server at {server}.  本机将登记到该服务器。

Sent once, now:  本次发送
  host name            {hostname}
  machine              {machine}… (hash of the machine id)
  operating system     {system} {architecture}
  two public keys      made here; the private keys never leave {folder}

Sent every {interval} s while the agent runs:  运行期间定期发送
  accelerators         model, hardware id, serial number, bus id, memory size
  each minute          observed, held, active and utilised time, energy, most memory in use
  gaps                 time nobody observed, and why
  holders              a random-looking key each; names: {names}
  clock                how the wall clock stood; the boot id

Never read: what programs compute, their command lines, environment, files or traffic.
从不读取：程序的计算内容、命令行、环境变量、文件或网络流量。

Read by: the party that operates this host, its owner, a company only for the minutes of a lease
both sides confirmed, and the programme office with its auditors.
谁可查看：本机运营方与所有方；承租企业仅限双方确认的租期；主管部门及审计。

Kept: on this host 35 days after the server acknowledged it; on the server for as long as the
programme's rules demand. `kashi-agent show` prints exactly what would be sent, at any time.
"""


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
    if not options.json:
        sys.stdout.write(_notice(options.server or str(options.request), config, facts))
    if not options.yes and not agreed():
        sys.stdout.write("Nothing was sent. 未发送任何信息。\n")
        return 1
    given = enrol_by(options, store, facts, known, clock, proxy=config.proxy)
    if given is not None:
        tell_identity(options, *given)
        if not options.json:
            sys.stdout.write("Next: systemctl enable --now kashi-meter kashi-agent\n")
    return 0


def _notice(server: str, config: AgentConfig, facts: HostFacts) -> str:
    return _NOTICE.format(
        server=server,
        hostname=facts.hostname,
        machine=facts.machine_sha256.hex()[:16] or "unknown",
        system=facts.operating_system,
        architecture=facts.architecture,
        folder=config.identity_folder,
        interval=config.report_interval_seconds,
        names=config.holder_names.value,
    )
