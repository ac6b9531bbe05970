"""`kashi-agent version`: what runs here."""

import argparse
import platform
import sys
from importlib.metadata import version

from kashi_agent import VERSION
from kashi_agent.commands.options import add_json, print_json

_PARTS = ("kashi-proto", "grpcio", "protobuf", "cryptography", "nvidia-ml-py", "rich")


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add the command."""
    parser = commands.add_parser("version", help="versions of the agent and its parts (版本)")
    add_json(parser)
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> int:
    """Print versions."""
    parts = {"kashi-agent": VERSION, **{name: version(name) for name in _PARTS}}
    parts["python"] = platform.python_version()
    if options.json:
        print_json(parts)
    else:
        sys.stdout.writelines(f"{name} {number}\n" for name, number in parts.items())
    return 0
