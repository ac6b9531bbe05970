"""`kashi-agent enrol`: say what will be sent and who reads it, ask, and get an identity."""

import argparse
import sys
from pathlib import Path

from kashi_agent.commands.options import add_config, add_json, config_of, print_json
from kashi_agent.config import AgentConfig
from kashi_agent.durable import make_folder
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol, host_facts
from kashi_agent.errors import AgentError
from kashi_agent.identity import IdentityStore

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
    parser.add_argument(
        "--server", required=True, type=_address, help="the enrolment port, HOST:PORT"
    )
    given = parser.add_mutually_exclusive_group(required=True)
    given.add_argument("--token", help="the enrolment token; visible to other users of this host")
    given.add_argument(
        "--token-file", type=Path, help="a file with the token; - for standard input"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Enrol. A host that has an identity keeps it."""
    config = config_of(options)
    store = IdentityStore(config.identity_folder)
    if store.enrolled:
        raise AgentError(
            f"this host is enrolled already as {store.host().host_id}; to enrol it anew, let your "
            f"officer revoke that identity and move {config.identity_folder} and "
            f"{config.spool_folder} away"
        )
    token = EnrolmentToken.parse(_token_text(options))
    facts = host_facts()
    if not options.json:
        sys.stdout.write(_notice(options.server, config, facts))
    if not options.yes and not _agreed():
        sys.stdout.write("Nothing was sent. 未发送任何信息。\n")
        return 1
    make_folder(config.state_folder)
    host, tls = enrol(store, options.server, token, facts)
    if options.json:
        print_json(
            {
                "host_id": host.host_id,
                "operator_party_id": host.operator_party_id,
                "metering_address": host.metering_address,
                "certificate_not_after": tls.not_after.isoformat(),
                "demo": host.demo,
            }
        )
    else:
        demo = "\nThis server is a demonstration; nothing on it is an official record." * host.demo
        sys.stdout.write(
            f"Enrolled as {host.host_id}, operated by {host.operator_party_id}; reports go to "
            f"{host.metering_address}. 登记完成。{demo}\n"
            "Next: systemctl enable --now kashi-meter kashi-agent\n"
        )
    return 0


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise argparse.ArgumentTypeError(
            f"{text!r} names no port; give HOST:PORT as the token came with it"
        )
    return text


def _token_text(options: argparse.Namespace) -> str:
    if options.token is not None:
        return str(options.token)
    path: Path = options.token_file
    if str(path) == "-":
        return sys.stdin.readline()
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AgentError(f"{path}: {error.strerror}") from error


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


def _agreed() -> bool:
    if not sys.stdin.isatty():
        raise AgentError("there is nobody to ask; say --yes to enrol without a question")
    sys.stdout.write("Enrol this host? 是否登记？ [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")
