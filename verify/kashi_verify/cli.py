"""kashi-verify FILE.pdf [--root ROOT.pem] [--bundle FILE.zip]... [--tsa-root PEM]
             [--superseded FILE] [--json]

Exit codes: 0 valid, flags included; 1 invalid, the failing step is named; 2 a file cannot be read
or the command is wrong; 3 whole and unchanged, but no root was given to say whose it is.
"""

import argparse
import logging
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from kashi_verify.chain import load_pem
from kashi_verify.command_line import CommandLine
from kashi_verify.findings import CheckFailed, Unreadable, Verdict
from kashi_verify.limits import PDF_BYTES_MAX
from kashi_verify.output import as_json, as_text
from kashi_verify.verification import Question, verify

EXIT_CODES: Final = {
    Verdict.VALID: 0,
    Verdict.FLAGGED: 0,
    Verdict.INVALID: 1,
    Verdict.UNTRUSTED: 3,
}
UNREADABLE: Final = 2
_ROOT_BYTES_MAX: Final = 64 << 10


def main(arguments: Sequence[str] | None = None) -> None:
    """The command."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments, datetime.now(UTC)))


def run(arguments: Sequence[str], now: datetime) -> int:
    """Verify as the arguments say; returns the exit code."""
    options = _parser().parse_args(arguments)
    # A hostile file makes the PDF library complain at length; the steps say what matters.
    logging.getLogger("pypdf").setLevel(logging.CRITICAL)
    try:
        question = Question(
            pdf=_read(options.pdf, PDF_BYTES_MAX),
            now=now,
            root=None if options.root is None else _root(options.root),
            more_bundles=tuple(_existing(path) for path in options.bundle or ()),
            tsa_root=None if options.tsa_root is None else _root(options.tsa_root),
            superseded=None if options.superseded is None else _existing(options.superseded),
        )
    except Unreadable as error:
        print(f"kashi-verify: {error}", file=sys.stderr)
        return UNREADABLE
    findings = verify(question)
    print(as_json(findings) if options.json else "\n".join(as_text(findings)))
    return EXIT_CODES[findings.verdict]


def _parser() -> argparse.ArgumentParser:
    parser = CommandLine(
        prog="kashi-verify",
        description="离线逐步核验算力使用证明。Checks a certificate offline, in numbered steps",
        epilog="退出码：0 有效 · 1 无效 · 2 无法读取或命令行有误 · 3 完整，但未给根证书。"
        "Exit codes: 0 valid · 1 invalid · 2 unreadable, or a wrong command line · 3 whole, but no "
        "root was given",
    )
    parser.add_argument("pdf", type=Path, help="证明。The certificate")
    parser.add_argument("--root", type=Path, help="文件根证书 PEM。The documents root to trust")
    parser.add_argument(
        "--bundle",
        type=Path,
        action="append",
        help="证据包，多月可给多个。The evidence bundle, a zip file; one a month",
    )
    parser.add_argument(
        "--tsa-root", type=Path, help="时间戳根证书 PEM。The root to trust for time-stamps"
    )
    parser.add_argument(
        "--superseded",
        type=Path,
        help="被替代证明的 PDF 或证据包。PDF or bundle of the certificate that this one supersedes",
    )
    parser.add_argument("--json", action="store_true", help="机器可读。For a machine")
    return parser


def _existing(path: Path) -> Path:
    if not path.is_file():
        raise Unreadable(f"{path} 不存在。{path}: there is no such file")
    return path


def _read(path: Path, size_max: int) -> bytes:
    size = _existing(path).stat().st_size
    if size > size_max:
        raise Unreadable(
            f"{path} 有 {size} 字节，最多读取 {size_max}。"
            f"{path} has {size} bytes; at most {size_max} are read"
        )
    try:
        return path.read_bytes()
    except OSError as error:
        raise Unreadable(
            f"{path} 无法读取：{error.strerror}。{path} cannot be read: {error.strerror}"
        ) from error


def _root(path: Path) -> x509.Certificate:
    try:
        certificates = load_pem(_read(path, _ROOT_BYTES_MAX))
    except CheckFailed as error:
        raise Unreadable(f"{path}: {error}") from error
    if len(certificates) != 1:
        raise Unreadable(
            f"{path} 有 {len(certificates)} 张证书；请只给根证书。"
            f"{path} holds {len(certificates)} certificates; give the root alone"
        )
    return certificates[0]
