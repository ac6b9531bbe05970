"""`kashi-agent`: the command line. Each command stands in its own file under `commands`.

Exit codes: 0 done · 1 something failed, or a check found something · 2 wrong command line · 3 wrong
settings · 4 not enrolled · 5 the server refused · 6 the server does not answer · 7 the spool cannot
be used · 8 the meter does not answer · 9 a carried file is damaged or does not fit · 10 the state
folder does not survive a reboot · 11 the key token that holds the report key cannot be used.
"""

import argparse
import sys
from collections.abc import Sequence

from kashi_agent.command_line import CommandLine
from kashi_agent.commands import (
    doctor,
    enrol,
    export,
    import_receipts,
    once,
    relay,
    release,
    run,
    show,
    status,
    top,
    verify,
    version,
)
from kashi_agent.commands.options import add_before
from kashi_agent.errors import AgentError

_EXIT_CODES_ZH = """\
退出码：0 完成 · 1 有失败，或检查有发现 · 2 命令行有误 · 3 设置有误 · 4 未登记 · 5 服务器拒绝 ·
6 服务器无应答 · 7 缓存不可用 · 8 计量进程无应答，或设备未能释放 · 9 带来的文件损坏或不符 ·
10 状态目录在重启后会丢失 · 11 报告密钥所在的密钥令牌不可用。
"""

_COMMANDS = (
    *(enrol, run, once, status, top, show, doctor, verify, release),
    *(export, import_receipts, relay, version),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command; its exit code."""
    options = _parser().parse_args(arguments)
    try:
        return int(options.run(options))
    except AgentError as error:
        sys.stderr.write(f"kashi-agent: {error}\n")
        return error.exit_code
    except PermissionError as error:
        sys.stderr.write(
            f"kashi-agent: {error.filename}：{error.strerror}；请以代理的用户运行（sudo -u "
            f"kashi-agent）。{error.filename}: {error.strerror}; run it as the agent's user "
            "(sudo -u kashi-agent)\n"
        )
        return 1
    except BrokenPipeError:
        return 0
    except OSError as error:
        where = error.filename or "系统 the system"
        sys.stderr.write(f"kashi-agent: {where}: {error.strerror}\n")
        return 1
    except KeyboardInterrupt:
        return 1


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="kashi-agent",
        description="计量本机卡时，签名上报。Measures this host's card-hours, reports them, signed",
        epilog=_EXIT_CODES_ZH + (__doc__ or "").partition("\n\n")[2],
    )
    parser.set_defaults(config=None, state=None, json=False)
    add_before(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    for command in _COMMANDS:
        command.add(commands)
    return parser


if __name__ == "__main__":
    sys.exit(main())
