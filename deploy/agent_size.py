"""How much code the agent is, by part: what an auditor reads to believe the numbers, and what else.

Run as `python -m deploy.agent_size`. A line counts that holds code: blank lines, comments and
docstrings do not.
"""

import ast
import io
import sys
import tokenize
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Final

AGENT: Final = Path(__file__).parent.parent / "agent" / "kashi_agent"

NUMBERS: Final = {
    "meters": "meters agent_line kernel_log meter_loop meterd sample stand_in "
    "timer_slack vendor_thread xids",
    "holders": "holding holders",
    "integrator": "axis clock device_choice energy integrator lost_time metering minute naming "
    "reading shares stretch strip tiling track",
    "meter's line": "link_fields link_values meter_link meter_socket meter_watch released",
    "spool": "spool durable encoding fitting recorder",
    "sealing": "chain_link contract reporter sealing unsealing",
    "shipping": "carrier shipping shipping_carried shipping_files shipping_wire tls_probe",
    "identity": "carried_enrolment enrolment identity mounts report_key",
    "key token": "held_key key_token token_files token_key token_session token_settings token_slot",
}
"""What a card-hour goes through on its way, and what signs for it: folders and files of a part."""

BESIDE: Final = {
    "evidence": "evidence",
    "relay": "relay",
    "doctor": "doctor",
    "commands": "both_languages cli command_line commands describing live metrics shown "
    "state_words status verification",
    "replay": "trace",
}
"""What changes no number: judging, helping, showing, passing on, playing."""

REST: Final = "process"
"""What holds the parts together: settings, wiring, the loop."""

_NO_CODE: Final = frozenset(
    {
        *(tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE),
        *(tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER),
    }
)


def code_lines(source: str) -> int:
    """Lines of a module that hold code."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _NO_CODE:
            lines.update(range(token.start[0], token.end[0] + 1))
    return len(lines.difference(_docstring_lines(ast.parse(source))))


def sizes(agent: Path = AGENT) -> Counter[str]:
    """Code lines by part, in the order of the parts."""
    parts = {name: part for part, names in (NUMBERS | BESIDE).items() for name in names.split()}
    counted = Counter(dict.fromkeys((*NUMBERS, REST, *BESIDE), 0))
    for path in sorted(agent.rglob("*.py")):
        name = path.relative_to(agent).with_suffix("").parts[0]
        counted[parts.get(name, REST)] += code_lines(path.read_text(encoding="utf-8"))
    return counted


def _docstring_lines(tree: ast.Module) -> Iterator[int]:
    """Lines of strings that stand alone: of modules, classes, functions and constants."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            yield from range(node.lineno, (node.end_lineno or node.lineno) + 1)


def main() -> int:
    """Print the parts and their sums."""
    counted = sizes()
    numbers = (*NUMBERS, REST)
    for part, lines in counted.items():
        sys.stdout.write(f"{part:<14}{lines:>7,}\n")
        if part == REST:
            own = sum(counted[one] for one in numbers)
            sys.stdout.write(f"{'the numbers':<14}{own:>7,}\n\n")
    sys.stdout.write(f"{'all':<14}{counted.total():>7,} lines of code\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
