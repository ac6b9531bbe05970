"""What the agent's README promises about its commands and its surroundings, held to the sources."""

import ast
import re
import tomllib
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
    "meterd.py": "NOTIFY_SOCKET for the service manager",
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
    """Each use hands all of it to what takes the proxy variables out, or to the service manager's
    notifier, which reads one variable: nobody else asks it for one."""
    listed = {name: tree for name, tree in trees() if name in ENVIRONMENT}
    handed = dict.fromkeys(listed, 0)
    for name, tree in listed.items():
        for call in (node for node in ast.walk(tree) if isinstance(node, ast.Call)):
            if ast.unparse(call.func) in {"forget_proxies", "Notifier"}:
                handed[name] += [ast.unparse(one) for one in call.args] == ["os.environ"]
    named = {
        name: sum(
            isinstance(node, ast.Attribute | ast.Name | ast.alias)
            and bool(READERS & {getattr(node, part, "") for part in ("attr", "id", "name")})
            for node in ast.walk(tree)
        )
        for name, tree in listed.items()
    }
    notifier = ast.parse((AGENT / "notify.py").read_text(encoding="utf-8"))
    variables = {
        node.value
        for node in ast.walk(notifier)
        if isinstance(node, ast.Constant)
        and isinstance(node.value, str)
        and re.fullmatch(r"[A-Z_]+_[A-Z]+", node.value)
    }

    assert named == handed
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


def test_every_dependency_stands_in_the_readme_with_its_reason() -> None:
    """Those that the package declares, and no other."""
    project = tomllib.loads(README.with_name("pyproject.toml").read_text("utf-8"))["project"]
    section = README.read_text("utf-8").partition("## Dependencies, and why each\n")[2]
    rows = re.findall(r"(?m)^\| (`.+`) \| (.+) \|$", section.partition("\n## ")[0])
    named = [name for names, _why in rows for name in re.findall(r"`([^`]+)`", names)]

    assert sorted(named) == sorted(re.split("[=<>~ ]", one)[0] for one in project["dependencies"])
    assert all(len(why) > 10 for _names, why in rows)


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
