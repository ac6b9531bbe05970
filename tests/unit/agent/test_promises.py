"""What the agent's README promises about its commands and its surroundings, held to the sources."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import kashi
import kashi_agent
import pytest
from kashi_agent import cli, errors

README = Path(__file__).parents[3] / "agent" / "README.md"
AGENT = Path(kashi_agent.__file__).parent
SOURCES = (AGENT, Path(kashi.__file__).parent)

ENVIRONMENT = {
    "wiring.py": "NOTIFY_SOCKET for the service manager; proxy variables are taken out",
    "relay/wiring.py": "NOTIFY_SOCKET for the service manager; proxy variables are taken out",
    "commands/ways_in.py": "proxy variables are taken out",
}
"""The only files that touch the environment, and for what."""

READERS = {"environ", "environb", "getenv", "getenvb", "putenv", "unsetenv", "expandvars"}


def trees() -> Iterator[tuple[str, ast.Module]]:
    """Every source file of the agent and of what it shares with the server."""
    for folder in SOURCES:
        for path in sorted(folder.rglob("*.py")):
            name = path.relative_to(folder).as_posix()
            yield name, ast.parse(path.read_text(encoding="utf-8"))


def touched(tree: ast.Module) -> set[str]:
    """Names by which a file reaches for the environment."""
    names = {node.attr for node in ast.walk(tree) if isinstance(node, ast.Attribute)}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            names |= {alias.name for alias in node.names}
    return names & READERS


def test_no_variable_of_the_environment_is_read_but_where_it_is_listed() -> None:
    """No variable switches a check off: the environment is touched in the listed files alone."""
    found = {name for name, tree in trees() if touched(tree)}

    assert found == ENVIRONMENT.keys()


def test_where_the_environment_is_touched_one_name_alone_is_read() -> None:
    """Each use hands it to what takes the proxy variables out, or to the service manager's
    notifier; the notifier reads one variable."""
    uses = {
        ast.unparse(call.func)
        for name, tree in trees()
        if name in ENVIRONMENT
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and any(ast.unparse(argument) == "os.environ" for argument in call.args)
    }
    notifier = ast.parse((AGENT / "notify.py").read_text(encoding="utf-8"))
    variables = {
        node.value
        for node in ast.walk(notifier)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z_]+_[A-Z]+", node.value)
    }

    assert uses <= {"forget_proxies", "Notifier"}
    assert variables == {"NOTIFY_SOCKET"}


def test_the_trust_in_a_connection_never_comes_from_the_environment() -> None:
    """`ssl.create_default_context` would look at SSLKEYLOGFILE, default roots at SSL_CERT_FILE:
    neither is used; verification is off in the one place that only asks who is there."""
    calls = {
        (name, ast.unparse(node))
        for name, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute)
        and node.attr
        in {
            "create_default_context",
            "_create_unverified_context",
            "load_default_certs",
            "set_default_verify_paths",
            "CERT_NONE",
            "insecure_channel",
        }
    }

    assert calls == {("tls_probe.py", "ssl.CERT_NONE")}


def _table() -> dict[int, tuple[str, str]]:
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| ([^|]+) \|$", README.read_text("utf-8"), re.M)
    return {int(code): (zh.strip(), en.strip()) for code, zh, en in rows}


def _codes() -> set[int]:
    kinds = [
        kind
        for kind in vars(errors).values()
        if isinstance(kind, type) and issubclass(kind, errors.AgentError)
    ]
    return {kind.exit_code for kind in kinds}


def test_every_exit_code_stands_in_the_readme() -> None:
    """0 and 2, and whatever an error can exit with: each once, in both languages, none besides."""
    table = _table()

    assert table.keys() == {0, 2} | _codes()
    assert all(zh and en and zh != en for zh, en in table.values())


@pytest.mark.parametrize("code", sorted({0, 2} | _codes()))
def test_the_command_line_tells_its_exit_codes(code: int) -> None:
    """`kashi-agent --help` ends with them."""
    assert re.search(rf"\b{code} [a-z]", cli.__doc__ or "")


def test_every_command_stands_in_the_readme() -> None:
    """With what it does."""
    text = README.read_text("utf-8")
    commands = re.findall(r"^    ([a-z-]+)(?: |$)", cli._parser().format_help(), re.M)

    assert {"status", "top", "show", "doctor", "verify", "release"} <= set(commands)
    assert [name for name in commands if f"| `{name}` |" not in text] == []
