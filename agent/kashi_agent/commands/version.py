"""`kashi-agent version`: what runs here."""

import argparse
import platform
import sys
from importlib.metadata import version

from kashi_agent import VERSION
from kashi_agent.commands.options import Commands, add_command, print_json

_PARTS = ("kashi-proto", "grpcio", "protobuf", "cryptography", "nvidia-ml-py", "rich")


def add(commands: Commands) -> None:
    """Add the command."""
    words = "代理及其组件的版本。Versions of the agent and its parts"
    add_command(commands, "version", words, run, settings=None)


def run(options: argparse.Namespace) -> int:
    """Print versions."""
    parts = {"kashi-agent": VERSION, **{name: version(name) for name in _PARTS}}
    parts["python"] = platform.python_version()
    if options.json:
        print_json(parts)
    else:
        sys.stdout.writelines(f"{name} {number}\n" for name, number in parts.items())
    return 0
