"""What came of the demonstration, for a person to read."""

import json
import subprocess
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from deploy.demo.scene import PARTIES
from deploy.demo.stage import DemoError, Stage, command

LEVELS = {0: "valid · 有效", 1: "INVALID · 无效", 2: "unreadable · 不可读", 3: "no root · 缺根证书"}


def verify_all(stage: Stage, console: Console) -> int:
    """Verify every certificate offline with `kashi-verify`; how many there are.

    Raises:
        DemoError: one does not verify.
    """
    pdfs = sorted(stage.certificates.glob("*.pdf"))
    table = Table(
        "certificate 证明", "level 等级", "result 结果", "flags 提示", title="kashi-verify"
    )
    failed = []
    for pdf in pdfs:
        code, answer = _verify(pdf, stage)
        codes = Counter(flag["code"] for flag in answer.get("flags", []))
        flags = ", ".join(f"{name} × {count}" for name, count in sorted(codes.items()))
        table.add_row(pdf.name, str(answer.get("level")), LEVELS.get(code, str(code)), flags or "-")
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
    table = Table("who 身份", "login 登录名", "password 密码", title="sign-ins 登录")
    names = {party.login: f"{party.name_zh} {party.name_en}" for party in PARTIES}
    names |= {"officer": "主管部门 programme office", "auditor": "审计 auditor"}
    for login, password in passwords.items():
        table.add_row(names.get(login, login), login, password)
    console.print(table)
    if address:
        console.print(f"Portal 门户: {address}   (public check 公开核验: {address}/verify)")
