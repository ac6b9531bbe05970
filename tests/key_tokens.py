"""Key tokens for agents: SoftHSM2, with tokens of any label that are pulled out and put back.

Beside the server's fixture in `soft_token`, in one process with it: the module is begun anew with
the folder of whoever uses it, and let go of behind it.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import pkcs11
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from kashi_agent.errors import KeyTokenError
from kashi_agent.identity import IdentityStore
from kashi_agent.token_files import RefusedPin
from kashi_agent.token_key import TokenKey, calls_of
from kashi_agent.token_session import HeldKey, open_session
from kashi_agent.token_settings import TokenSettings
from soft_token import LABEL, PIN, make_token

CONFIG = "SOFTHSM2_CONF"


@dataclass(frozen=True, slots=True)
class KeyTokens:
    """A drawer of tokens behind one module; `folder` also holds PIN files."""

    module: Path
    folder: Path

    def settings(self, label: str = "kashi-report", token: str = LABEL) -> TokenSettings:
        """A key of a token, with a PIN file of its own."""
        return TokenSettings(
            module=self.module, token=token, pin_file=self.pin(f"{token}-{label}"), label=label
        )

    def pin(self, name: str, text: str = PIN) -> Path:
        """A PIN file as it should be."""
        path = self.folder / f"{name}.pin"
        path.write_text(f"{text}\n", encoding="utf-8")
        path.chmod(0o600)
        return path

    def add(self, label: str) -> None:
        """One more token."""
        words = ("--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", PIN)
        subprocess.run(["softhsm2-util", *words], check=True, capture_output=True, timeout=60)
        self.begin_anew()

    @contextmanager
    def pulled_out(self) -> Iterator[None]:
        """No token is there as long as the block lasts."""
        self.pull_out()
        try:
            yield
        finally:
            self.put_back()

    def pull_out(self) -> None:
        """The tokens go."""
        (self.folder / "tokens").rename(self.folder / "drawer")

    def put_back(self) -> None:
        """They are there again, as they were."""
        (self.folder / "drawer").rename(self.folder / "tokens")

    def begin_anew(self) -> None:
        """Let go of the module: whoever comes next looks at its tokens anew."""
        with suppress(pkcs11.PKCS11Error):
            pkcs11.lib(str(self.module)).finalize()


@contextmanager
def key_tokens(folder: Path) -> Iterator[KeyTokens]:
    """One token and the module behind which it is, for as long as the block lasts."""
    before = os.environ.get(CONFIG)
    made = make_token(folder)
    drawer = KeyTokens(made.module, folder)
    drawer.begin_anew()
    try:
        yield drawer
    finally:
        drawer.begin_anew()
        os.environ.pop(CONFIG)
        if before is not None:
            os.environ[CONFIG] = before


def token_key(store: IdentityStore) -> TokenKey:
    """The report key of a store whose settings name a token."""
    key = store.report_key()
    assert isinstance(key, TokenKey)
    return key


def held(settings: TokenSettings, folder: Path) -> HeldKey:
    """The key in a session of the test's own."""
    pins = RefusedPin(folder / "refused-to-the-test")
    return calls_of(settings).made(lambda: open_session(settings, pins), 60)


def refusal(key: ec.EllipticCurvePrivateKey) -> str:
    """What a key that does not sign says."""
    try:
        signature_of(key)
    except KeyTokenError as error:
        return str(error)
    raise AssertionError("it signed")


def signature_of(key: ec.EllipticCurvePrivateKey) -> bytes:
    """A signature over something, once it is shown to be the key's."""
    signature = key.sign(b"statement", ec.ECDSA(hashes.SHA256()))
    key.public_key().verify(signature, b"statement", ec.ECDSA(hashes.SHA256()))
    return signature
