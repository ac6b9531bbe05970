"""A PKCS#11 token in software: SoftHSM2, initialised for one test session by its own tool."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import load_der_public_key

MODULES = (
    Path("/usr/lib/softhsm/libsofthsm2.so"),
    Path("/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so"),
)
LABEL, KEY, PIN = "kashi-test", "documents", "2468-kashi"


@dataclass(frozen=True, slots=True)
class SoftToken:
    """A token with one P-256 key on it."""

    module: Path
    folder: Path
    public_key: ec.EllipticCurvePublicKey


def make_token(folder: Path) -> SoftToken:
    """Initialise a token and let it make a key; skip where the tools are not installed.

    The library reads SOFTHSM2_CONF once in a process: one folder serves a whole session.
    """
    module = next((path for path in MODULES if path.exists()), None)
    tools = {"softhsm2-util": "softhsm2", "pkcs11-tool": "opensc"}
    missing = [package for tool, package in tools.items() if shutil.which(tool) is None]
    if module is None or missing:
        pytest.skip(f"no PKCS#11 token: apt-get install {' '.join(missing) or 'softhsm2'}")
    (folder / "tokens").mkdir(parents=True)
    config = folder / "softhsm2.conf"
    config.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
    os.environ["SOFTHSM2_CONF"] = str(config)
    _run("softhsm2-util", "--init-token", "--free", "--label", LABEL, "--pin", PIN, "--so-pin", PIN)
    login = ("--module", str(module), "--token-label", LABEL, "--login", "--pin", PIN)
    _run("pkcs11-tool", *login, "--keypairgen", "--key-type", "EC:prime256v1", "--label", KEY)
    key = folder / "public.der"
    _run(
        *("pkcs11-tool", *login, "--read-object", "--type", "pubkey", "--label", KEY),
        *("--output-file", str(key)),
    )
    public = load_der_public_key(key.read_bytes())
    assert isinstance(public, ec.EllipticCurvePublicKey)
    return SoftToken(module, folder, public)


def _run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
