"""What came of the demonstration, for a person to read."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.demo.clerk_way import SECOND
from deploy.demo.scene import PARTIES
from deploy.demo.stage import DemoError, Stage, command

RESULTS = {
    0: "有效 · valid",
    1: "无效 · INVALID",
    2: "不可读 · unreadable",
    3: "缺根证书 · no root",
}
LEVELS = {
    "none": "无 · none",
    "document": "文件 · document",
    "statement": "结算 · statement",
    "evidence": "证据 · evidence",
}
"""How far a certificate was followed, by what `kashi-verify --json` calls it."""


def verify_all(stage: Stage, console: Console) -> int:
    """Verify every certificate offline with `kashi-verify`; how many there are.

    Raises:
        DemoError: one does not verify.
    """
    pdfs = sorted(stage.certificates.glob("*.pdf"))
    table = Table(title="kashi-verify")
    table.add_column("证明 certificate", no_wrap=True)
    for title in ("等级 level", "结果 result", "提示 flags"):
        table.add_column(title)
    failed = []
    for pdf in pdfs:
        code, answer = _verify(pdf, stage)
        codes = Counter(flag["code"] for flag in answer.get("flags", []))
        flags = ", ".join(f"{name} × {count}" for name, count in sorted(codes.items()))
        level = str(answer.get("level", "none"))
        named = LEVELS.get(level, level).replace(" · ", "\n")  # narrow: flags are not cut short
        table.add_row(pdf.name, named, RESULTS.get(code, str(code)), flags or "-")
        if code != 0:
            failed.append(f"{pdf.name}: {json.dumps(answer, ensure_ascii=False)}")
    console.print(table)
    if failed or not pdfs:
        raise DemoError("verification failed:\n" + "\n".join(failed or ["there is no certificate"]))
    return len(pdfs)


def _verify(pdf: Path, stage: Stage) -> tuple[int, dict[str, Any]]:
    (root,) = stage.certificates.glob("*.pem")
    done = subprocess.run(
        [
            command("kashi-verify"), "--json", "--root", str(root),
            "--bundle", str(pdf.with_suffix(".zip")), str(pdf),
        ],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    answer: dict[str, Any] = json.loads(done.stdout) if done.stdout else {"error": done.stderr}
    return done.returncode, answer


def print_sign_ins(console: Console, passwords: Mapping[str, str], address: str | None) -> None:
    """The portal's address and who may sign in."""
    table = Table("身份 who", title="登录 sign-ins")
    for title in ("登录名 login", "密码 password"):
        table.add_column(title, no_wrap=True)
    names = {party.login: f"{party.name_zh} {party.name_en}" for party in PARTIES}
    names |= dict.fromkeys(("officer", SECOND), "主管部门 programme office")
    names |= {"auditor": "审计 auditor"}
    for login, password in passwords.items():
        table.add_row(names.get(login, login), login, password)
    console.print(table)
    if address:
        # Each on its own line and never wrapped: a terminal of 80 columns opens them by a click.
        console.print(f"门户 portal:\n  {address}", soft_wrap=True)
        console.print(f"公开核验 public check:\n  {address}/verify", soft_wrap=True)
