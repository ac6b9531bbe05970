"""How a host or relay comes by its identity: over the enrolment port, or by files.

What `enrol` and `relay enrol` share: their options, and what follows from them.
"""

import argparse
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.x509.oid import NameOID

from kashi_agent.carried_enrolment import (
    server_root_of,
    take_response,
    write_enrolment_request,
    write_renewal_request,
)
from kashi_agent.clock import Clock, SystemClock
from kashi_agent.commands.identity_told import tell_identity
from kashi_agent.durable import foreign_owner, make_folder
from kashi_agent.enrolment import EnrolmentToken, HostFacts, enrol, host_facts
from kashi_agent.errors import AgentError, cannot_read, no_text
from kashi_agent.identity import Host, IdentityStore, TlsIdentity
from kashi_agent.mounts import check_survives
from kashi_agent.wiring import forget_proxies

DEMONSTRATION = "Kashi DEMO"


def add_ways(parser: argparse.ArgumentParser) -> None:
    """The options that say over which way, and by what the server is known."""
    port = "登记端口，HOST:PORT。The enrolment port, HOST:PORT"
    parser.add_argument("--server", type=_address, help=port)
    given = parser.add_mutually_exclusive_group()
    token = "登记令牌；本机其他用户可见。The enrolment token; visible to other users of this host"
    given.add_argument("--token", help=token)
    token_file = "存有令牌的文件；- 为标准输入。A file with the token; - for standard input"
    given.add_argument("--token-file", type=Path, help=token_file)
    given.add_argument(
        "--server-root",
        type=Path,
        help="与 --request 同用：服务器根证书，由经办人批准。"
        "With --request: the server's root, an officer approves",
    )
    by_file = parser.add_mutually_exclusive_group()
    request = "不连服务器，改写请求文件。Write a request instead of calling the server"
    by_file.add_argument("--request", type=Path, metavar="FILE", help=request)
    response = "导入服务器对请求的答复。Take the server's answer to a request"
    by_file.add_argument("--response", type=Path, metavar="FILE", help=response)
    parser.add_argument("--yes", action="store_true", help="不询问。Do not ask")


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """A host or relay that is to get an identity. `notice`: what it is told before it is asked;
    `anew`: how to get another identity, for one that has one, in both languages; `relay`: as the
    setting."""

    kind: str = "host"
    store: IdentityStore
    state_folder: Path
    notice: Callable[[HostFacts], str]
    anew: tuple[str, str] = ("", "")
    proxy: str
    relay: str = ""
    relay_names: tuple[str, ...] = ()


def join(options: argparse.Namespace, newcomer: Newcomer, mountinfo: Path) -> int:
    """Say what will be sent, ask, and get an identity; one that has an identity keeps it and gets
    its next certificate by file. The exit code: 1 when nothing was sent."""
    store, clock = newcomer.store, SystemClock()
    forget_proxies(os.environ)
    if renew_by(options, newcomer, clock):
        return 0
    if store.enrolled:
        known = store.host().host_id
        own, (zh, en) = {"host": "本机", "relay": "本中继"}[newcomer.kind], newcomer.anew
        raise AgentError(
            f"{own}已登记为 {known}{zh}。This {newcomer.kind} is enrolled already as {known}{en}"
        )
    believed = known_by(options)
    check_folder(newcomer.state_folder, believed, mountinfo)
    facts = host_facts()
    told = sys.stderr if options.json else sys.stdout
    told.write(newcomer.notice(facts))
    if not options.yes and not agreed():
        told.write("未发送任何信息。Nothing was sent.\n")
        return 1
    given = enrol_by(options, newcomer, facts, believed, clock)
    if given is not None:
        tell_identity(options, *given, newcomer.relay)
        _tell_next(options, newcomer)
    return 0


def known_by(options: argparse.Namespace) -> EnrolmentToken | bytes:
    """The token, or the server's root alone (DER).

    Raises:
        AgentError: neither is given, or what is given does not fit the way.
    """
    if options.request is None and options.server is None:
        raise AgentError(
            "请指明登记方式：--server HOST:PORT、--request FILE 或 --response FILE。"
            "Say which way: --server HOST:PORT, --request FILE or --response FILE"
        )
    if options.server_root is not None:
        if options.request is None:
            raise AgentError(
                "--server-root 与 --request 同用；经网络登记请给令牌。"
                "--server-root goes with --request; over the network give a token"
            )
        return server_root_of(options.server_root)
    if options.token is None and options.token_file is None:
        raise AgentError(
            "请给出令牌（--token-file FILE）；用 --request 时也可给 --server-root。"
            "Give the token (--token-file FILE); with --request also --server-root"
        )
    return EnrolmentToken.parse(_token_text(options))


def check_folder(folder: Path, known: EnrolmentToken | bytes, mountinfo: Path) -> None:
    """Refuse a state folder that does not survive a reboot.

    What a demonstration server counts is evidence of nothing; by its own root it says that it is
    one, and a host that only shows how things work may forget.

    Raises:
        VolatileError: it does not.
    """
    root = known if isinstance(known, bytes) else known.server_root
    subject = x509.load_der_x509_certificate(root).subject
    names = subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    if not any(str(name.value).startswith(DEMONSTRATION) for name in names):
        check_survives(folder, mountinfo)


def enrol_by(
    options: argparse.Namespace,
    newcomer: Newcomer,
    facts: HostFacts,
    known: EnrolmentToken | bytes,
    clock: Clock,
) -> tuple[Host, TlsIdentity] | None:
    """Enrol over the network, or write the request: then there is nothing yet.

    Raises:
        RefusedError, UnreachableError: as `enrol`.
    """
    store, names = newcomer.store, newcomer.relay_names
    _check_owner(store)
    make_folder(store.folder.parent)
    if options.request is None:
        assert isinstance(known, EnrolmentToken)
        address = str(options.server)
        return enrol(store, address, known, facts, proxy=newcomer.proxy, relay_names=names)
    make_folder(store.folder)
    now = clock.utc_ms()
    write_enrolment_request(
        options.request, store, facts, known_by=known, utc_ms=now, relay_names=names
    )
    _tell_written(options.request)
    return None


def renew_by(options: argparse.Namespace, newcomer: Newcomer, clock: Clock) -> bool:
    """For one that has an identity: write a request for the next certificate, or take the answer.

    Returns whether that was it: over the network an identity is given only once.
    """
    store = newcomer.store
    if options.response is not None:
        _check_owner(store)
        new = not store.enrolled
        host, tls = take_response(options.response, store)
        tell_identity(options, host, tls, newcomer.relay)
        if new:
            _tell_next(options, newcomer)
        return True
    if store.enrolled and options.request is not None:
        _check_owner(store)
        write_renewal_request(options.request, store, clock.utc_ms())
        _tell_written(options.request)
        return True
    return False


def _tell_next(options: argparse.Namespace, newcomer: Newcomer) -> None:
    units = {"host": "kashi-meter kashi-agent", "relay": "kashi-relay"}[newcomer.kind]
    if not options.json:
        sys.stdout.write(f"下一步 Next: systemctl enable --now {units}\n")


def _check_owner(store: IdentityStore) -> None:
    if foreign := foreign_owner(store.folder, store.folder.parent):
        raise AgentError(foreign)


def agreed() -> bool:
    """Ask; whether the answer was yes.

    Raises:
        AgentError: there is nobody to ask.
    """
    if not sys.stdin.isatty():
        raise AgentError(
            "无人可问；要不经询问登记，请加 --yes。"
            "There is nobody to ask; say --yes to enrol without a question"
        )
    sys.stdout.write("是否登记？Enrol? [y/N] ")
    sys.stdout.flush()
    return sys.stdin.readline().strip().lower() in ("y", "yes", "是")


def _tell_written(path: Path) -> None:
    sys.stdout.write(
        f"{path} 已写好，请带到服务器：kashi-server enrol-requests；其中没有私钥和令牌。\n"
        "取得答复后，以 --response FILE 再执行同一命令。\n"
        f"{path} is written; carry it to the server: kashi-server enrol-requests. It holds no "
        "private key and no token.\n"
        "Then, with the answer, the same command with --response FILE\n"
    )


def _address(text: str) -> str:
    host, _, port = text.rpartition(":")
    if not host or not port.isdecimal() or not 0 < int(port) < 65_536:
        raise argparse.ArgumentTypeError(
            f"{text!r} 没有端口；请按令牌附带的 HOST:PORT 填写。"
            f"{text!r} names no port; give HOST:PORT as the token came with it"
        )
    return text


def _token_text(options: argparse.Namespace) -> str:
    if options.token is not None:
        return str(options.token)
    path: Path = options.token_file
    if str(path) == "-":
        if sys.stdin.isatty():
            sys.stderr.write("请粘贴登记令牌并回车 Paste the enrolment token, then Enter: ")
            sys.stderr.flush()
        return sys.stdin.readline()
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise AgentError(cannot_read(path, error)) from error
    except UnicodeDecodeError as error:
        raise AgentError(no_text(path, error)) from error
