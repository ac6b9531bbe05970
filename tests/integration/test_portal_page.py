"""What docs/portal.md tells a program to type works as it stands there."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from fixtures_server import OFFICER, PASSWORD, KashiServer

PAGE = Path(__file__).parents[2] / "docs" / "portal.md"
SECONDS_MAX = 120


def documented() -> str:
    """The page's block that signs in and reads."""
    block = re.search(r"```\n(portal=.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return block[1]


def test_the_pages_curl_signs_in_by_the_form_and_reads(
    server_home: KashiServer, tmp_path: Path
) -> None:
    """Over TLS under the server's root, with the form's token and the session's cookie, the answer
    is a list. With another password the same lines read nothing."""
    for tool in ("bash", "curl"):
        if shutil.which(tool) is None:
            pytest.skip(f"{tool} is absent: install {tool}")
    server_home.init("--organisation", "Test", "--address", "localhost", "--listen", "127.0.0.1")
    desk = tmp_path / "desk"
    desk.mkdir()
    shutil.copy(server_home.directory / "public" / "server-root.pem", desk)
    server_home.start()
    portal = f"https://{server_home.address('portal')}"
    typed = re.sub(r"portal=\S+;", f"portal={portal};", documented())
    typed = typed.replace("login=clerk", f"login={OFFICER}")

    (desk / "password.txt").write_text(PASSWORD + "\n", encoding="utf-8")
    assert json.loads(pasted(typed, desk)) == []

    (desk / "password.txt").write_text("wrong horse\n", encoding="utf-8")
    (desk / "jar").unlink()
    assert isinstance(json.loads(pasted(typed, desk)), dict), "a refusal is one object"
    server_home.stop()


def pasted(lines: str, folder: Path) -> str:
    """What a shell prints of some lines typed in a folder."""
    done = subprocess.run(
        ["bash", "-c", lines],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=SECONDS_MAX,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
