"""The report key on a key token, as a private key that everything above signs with as with any.

A call into a PKCS#11 module can hang for minutes: a network HSM that is away, a reader that was
pulled out. So each call has a thread of its own that is waited for briefly, and while one hangs no
other is made: what measures goes on. One call at a time for each module in this process, for a
module need not bear more. A process that was forked off cannot use the session, and is told so.
"""

import hashlib
import os
import queue
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils
from cryptography.utils import Buffer

from kashi_agent.errors import KeyTokenError
from kashi_agent.key_token import KeyToken
from kashi_agent.token_files import RefusedPin
from kashi_agent.token_settings import TokenSettings

if TYPE_CHECKING:
    from kashi_agent.token_session import HeldKey

SIGN_SECONDS: Final = 8.0
"""How long a signature is waited for: samples wait meanwhile. A token that is slower to unlock goes
on with that, and the next try finds it open."""
UNLOCK_SECONDS: Final = 60.0
"""How long is waited where a person waits too, and a key may have to be made."""
SCALAR_BYTES: Final = 32

_Given = TypeVar("_Given")


class ModuleCalls:
    """Calls into one PKCS#11 module, one at a time, each waited for only so long."""

    def __init__(self, module: object) -> None:
        self._module = module
        self._free = threading.Lock()
        self._hung: threading.Thread | None = None
        self._process_id = os.getpid()

    def made(self, call: Callable[[], _Given], limit_s: float) -> _Given:
        """What a call gives.

        Raises:
            KeyTokenError: it does not return in time, an earlier one has not yet, or this process
                was forked off the one that opened the module.
        """
        if os.getpid() != self._process_id:
            raise KeyTokenError(
                "密钥令牌只能由打开它的进程使用。"
                "A key token can be used by the process that opened it alone"
            )
        hangs = self._hung is not None and self._hung.is_alive()
        if hangs or not self._free.acquire(timeout=limit_s):
            raise self._silent()
        answers: queue.SimpleQueue[tuple[Any, Exception | None]] = queue.SimpleQueue()
        thread = threading.Thread(
            target=self._make, args=(call, answers), name="key token", daemon=True
        )
        thread.start()
        try:
            given, error = answers.get(timeout=limit_s)
        except queue.Empty as empty:
            self._hung = thread
            raise self._silent() from empty
        if error is not None:
            raise error
        answer: _Given = given
        return answer

    def _make(
        self, call: Callable[[], object], answers: "queue.SimpleQueue[tuple[Any, Exception | None]]"
    ) -> None:
        try:
            answer: tuple[object, Exception | None] = (call(), None)
        except Exception as error:  # the boundary: whoever asked gets it, and raises
            answer = (None, error)
        self._free.release()
        answers.put(answer)

    def _silent(self) -> KeyTokenError:
        return KeyTokenError(
            f"{self._module} 迟迟没有应答；请检查密钥令牌及其服务，代理会自行重试。"
            f"{self._module} does not answer in time; see to the key token and its service, the "
            "agent tries again by itself"
        )


_CALLS: Final[dict[str, ModuleCalls]] = {}


def calls_of(settings: TokenSettings) -> ModuleCalls:
    """The one way into a module that this process has."""
    return _CALLS.setdefault(str(settings.module), ModuleCalls(settings.module))


class TokenKey(ec.EllipticCurvePrivateKey):
    """A P-256 key that never leaves its token. The session is opened when it is first needed, and
    anew after an error: a token that was pulled out and put back is found again."""

    def __init__(
        self, settings: TokenSettings, pins: RefusedPin, public: ec.EllipticCurvePublicKey
    ) -> None:
        """`public`: the key that this host is known by; another is not used."""
        self._settings = settings
        self._pins = pins
        self._public = public
        self._calls = calls_of(settings)
        self._held: HeldKey | None = None

    def sign(
        self,
        data: Buffer,
        signature_algorithm: ec.EllipticCurveSignatureAlgorithm,
    ) -> bytes:
        """Have the token sign the SHA-256 of the data; the signature in DER.

        Raises:
            KeyTokenError: the token is away, locked, silent, or holds another key.
        """
        if not isinstance(signature_algorithm.algorithm, hashes.SHA256):
            raise UnsupportedAlgorithm("仅以 SHA-256 签名。Only SHA-256 is signed with")
        digest = hashlib.sha256(data).digest()
        raw = self._calls.made(lambda: self._signed(digest), SIGN_SECONDS)
        r, s = (int.from_bytes(part) for part in (raw[:SCALAR_BYTES], raw[SCALAR_BYTES:]))
        signature = utils.encode_dss_signature(r, s)
        try:
            self._public.verify(signature, data, signature_algorithm)
        except InvalidSignature as error:
            raise another_key(self._settings) from error
        return signature

    def check(self) -> None:
        """See that the token would sign: it is there, takes the PIN and holds this key.

        Raises:
            KeyTokenError: one of it is not so.
        """
        self._calls.made(self._open, UNLOCK_SECONDS)

    def public_key(self) -> ec.EllipticCurvePublicKey:
        """The public half; the token is not asked."""
        return self._public

    @property
    def curve(self) -> ec.EllipticCurve:
        """P-256."""
        return self._public.curve

    @property
    def key_size(self) -> int:
        """Bits of the curve."""
        return self._public.key_size

    def exchange(self, *_: object) -> NoReturn:
        """Nothing but signing."""
        raise _never_leaves()

    def private_numbers(self) -> NoReturn:
        """Never."""
        raise _never_leaves()

    def private_bytes(self, *_: object) -> NoReturn:
        """Never."""
        raise _never_leaves()

    def __copy__(self) -> "TokenKey":
        """The same key."""
        return self

    def __deepcopy__(self, memo: dict[Any, Any]) -> "TokenKey":
        """The same key."""
        return self

    def _signed(self, digest: bytes) -> bytes:
        """A signature over the session there is; else, and where it ended, over a new one."""
        if self._held is not None:
            try:
                return self._held.sign(digest)
            except KeyTokenError:
                self._drop()
        self._open()
        try:
            assert self._held is not None
            return self._held.sign(digest)
        except KeyTokenError:
            self._drop()
            raise

    def _open(self) -> None:
        from kashi_agent.token_session import open_session

        self._drop()
        held = open_session(self._settings, self._pins)
        if held.public != self._public:
            held.close()
            raise another_key(self._settings)
        self._held = held

    def _drop(self) -> None:
        held, self._held = self._held, None
        if held is not None:
            held.close()


def describe_token(settings: TokenSettings) -> KeyToken:
    """What a token says of itself, without its PIN.

    Raises:
        KeyTokenError: it is not there.
    """
    from kashi_agent.token_slot import look_at_token

    return calls_of(settings).made(lambda: look_at_token(settings), UNLOCK_SECONDS)


def take_key(
    settings: TokenSettings, pins: RefusedPin
) -> tuple[ec.EllipticCurvePublicKey, KeyToken]:
    """The key of a host that is to be enrolled, made inside the token if there is none of its
    label: its public half, and what the token says of it.

    Raises:
        KeyTokenError: the token cannot be used.
    """
    from kashi_agent.token_session import open_session

    def taken() -> tuple[ec.EllipticCurvePublicKey, KeyToken]:
        held = open_session(settings, pins, make=True)
        held.close()
        return held.public, held.token

    return calls_of(settings).made(taken, UNLOCK_SECONDS)


def another_key(settings: TokenSettings) -> KeyTokenError:
    """What is said of a token that holds another key than the one that is due."""
    return KeyTokenError(
        f"密钥令牌“{settings.token}”中的“{settings.label}”不是本机登记时的密钥，未使用；请插入登记"
        "时的令牌，或由主管人员吊销此身份后重新登记本机（尚未登记成功的，移走身份目录中的 "
        f"report-key.json）。'{settings.label}' in key token '{settings.token}' is not the key "
        "this host was enrolled with, and was not used; put in the token of then, or have your "
        "officer revoke this identity and enrol the host anew (before an enrolment succeeded: "
        "move report-key.json out of the identity folder)"
    )


def _never_leaves() -> KeyTokenError:
    return KeyTokenError(
        "报告密钥在密钥令牌中，只用于签名，不会取出。"
        "The report key is in a key token: it signs, and never leaves it"
    )
