"""A session with a key token over PKCS#11: the token is unlocked once, and its key is used.

Loaded only where settings name a token, and with `token_slot` all that loads `pkcs11`. Its calls
can hang as any call into hardware can: `token_key` makes them, in a thread of their own, one at a
time.
"""

import secrets
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Final

import pkcs11
from cryptography.hazmat.primitives.asymmetric import ec
from pkcs11 import Attribute, KeyType, Mechanism, MechanismFlag, ObjectClass, SignMixin, TokenFlag

from kashi_agent.errors import KeyTokenError
from kashi_agent.key_token import KeyToken
from kashi_agent.token_files import RefusedPin, read_pin, refused
from kashi_agent.token_settings import TokenSettings
from kashi_agent.token_slot import described, said, token_of

P256: Final = bytes.fromhex("06082a8648ce3d030107")
"""The curve's object identifier, in DER: how a token is told the curve."""
POINT: Final = bytes.fromhex("0441")
"""How DER begins an octet string of 65 bytes: an uncompressed point of the curve."""
KEY_ID_BYTES: Final = 8

_NO_PIN: Final = (pkcs11.PinIncorrect, pkcs11.PinInvalid, pkcs11.PinLenRange)
_UNTOLD: Final = (pkcs11.PKCS11Error, NotImplementedError, KeyError)
"""How an attribute is refused that a token does not have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class HeldKey:
    """The report key in an open session. `session` and `private` are the binding's."""

    settings: TokenSettings
    session: pkcs11.Session
    private: pkcs11.Object
    public: ec.EllipticCurvePublicKey
    token: KeyToken

    def sign(self, digest: bytes) -> bytes:
        """The raw signature over a digest: r and s, 32 bytes each.

        Raises:
            KeyTokenError: the token did not sign.
        """
        assert isinstance(self.private, SignMixin)
        with said(self.settings):
            # Hashed here: the plainest mechanism is the one that every token has.
            return bytes(self.private.sign(digest, mechanism=Mechanism.ECDSA))

    def close(self) -> None:
        """Log out and hang up, if there still is somebody."""
        with suppress(pkcs11.PKCS11Error):
            self.session.close()


def open_session(settings: TokenSettings, pins: RefusedPin, *, make: bool = False) -> HeldKey:
    """Unlock the token and find the key; `make` it there if there is none of its label.

    Raises:
        KeyTokenError: module, token, PIN or key is not what the settings say.
    """
    with said(settings):
        token = token_of(settings)
        session = _logged_in(token, settings, pins, writes=make)
        try:
            return _held(session, token, settings, make=make)
        except BaseException:
            with suppress(pkcs11.PKCS11Error):
                session.close()
            raise


def _logged_in(
    token: pkcs11.Token, settings: TokenSettings, pins: RefusedPin, *, writes: bool
) -> pkcs11.Session:
    """A session with the PIN of the settings, which is tried once, and never as a token's last."""
    pin = read_pin(settings)
    pins.check(pin, settings.pin_file)
    if token.flags & (TokenFlag.USER_PIN_LOCKED | TokenFlag.USER_PIN_FINAL_TRY):
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”已锁定，或再错一次 PIN 即锁定，未作尝试；请用其自带工具解锁"
            f"或以正确的 PIN 登录一次。Key token '{settings.token}' is locked, or one more wrong "
            "PIN would lock it: nothing was tried; unlock it, or log in once with the right PIN, "
            "by its own tool"
        )
    try:
        session = token.open(rw=writes, user_pin=pin.text)
    except pkcs11.UserAlreadyLoggedIn:
        return token.open(rw=writes)  # this process is: a session shares it
    except _NO_PIN as error:
        pins.note(pin)
        raise refused(settings.pin_file) from error
    pins.forget()
    return session


def _held(
    session: pkcs11.Session, token: pkcs11.Token, settings: TokenSettings, *, make: bool
) -> HeldKey:
    private = _private_key(session, settings)
    if private is None and make:
        private = _made(session, settings)
    if private is None:
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”中没有密钥“{settings.label}”；请插入本机登记时所用的令牌，"
            f"或更正 [report_key] 的 label。Key token '{settings.token}' holds no key '"
            f"{settings.label}'; put in the token that this host was enrolled with, or correct "
            "label in [report_key]"
        )
    if not isinstance(private, SignMixin):
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”中的密钥“{settings.label}”不许签名；请另选一个。"
            f"Key '{settings.label}' in key token '{settings.token}' may not sign; use another"
        )
    if _flag(private, Attribute.ALWAYS_AUTHENTICATE):
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”中的密钥“{settings.label}”每次签名都要 PIN，代理无法使用；"
            f"请另选一个。Key '{settings.label}' in key token '{settings.token}' asks for the PIN "
            "at each signature, which no service can give; use another"
        )
    return HeldKey(
        settings=settings,
        session=session,
        private=private,
        public=_public_key(session, private, settings),
        token=replace(
            described(token),
            made_inside=_flag(private, Attribute.LOCAL),
            never_extractable=_flag(private, Attribute.NEVER_EXTRACTABLE),
            always_sensitive=_flag(private, Attribute.ALWAYS_SENSITIVE),
        ),
    )


def _private_key(session: pkcs11.Session, settings: TokenSettings) -> pkcs11.Object | None:
    wanted = {Attribute.CLASS: ObjectClass.PRIVATE_KEY, Attribute.LABEL: settings.label}
    found = list(session.get_objects(wanted))
    if len(found) > 1:
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”中有 {len(found)} 个名为“{settings.label}”的私钥；应恰有一"
            f"个，见 [report_key] 的 label。Key token '{settings.token}' holds {len(found)} "
            f"private keys named '{settings.label}'; there must be one: see label in [report_key]"
        )
    return found[0] if found else None


def _made(session: pkcs11.Session, settings: TokenSettings) -> pkcs11.Object:
    """A new key: it signs and nothing else, and the token gives it to nobody."""
    domain = session.create_domain_parameters(KeyType.EC, {Attribute.EC_PARAMS: P256}, local=True)
    _, private = domain.generate_keypair(
        id=secrets.token_bytes(KEY_ID_BYTES),
        label=settings.label,
        store=True,
        capabilities=MechanismFlag.SIGN | MechanismFlag.VERIFY,
        public_template={Attribute.PRIVATE: False},
        private_template={
            Attribute.SENSITIVE: True,
            Attribute.EXTRACTABLE: False,
            Attribute.PRIVATE: True,
            Attribute.DERIVE: False,
        },
    )
    return private


def _public_key(
    session: pkcs11.Session, private: pkcs11.Object, settings: TokenSettings
) -> ec.EllipticCurvePublicKey:
    """The key's public half: of the object beside it, or of the key itself."""
    for one in (*_beside(session, private, settings), private):
        try:
            curve, point = bytes(one[Attribute.EC_PARAMS]), bytes(one[Attribute.EC_POINT])
        except _UNTOLD:
            continue
        if curve == P256:
            point = point.removeprefix(POINT) if len(point) == 67 else point
            with suppress(ValueError):
                return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), point)
    raise KeyTokenError(
        f"密钥令牌“{settings.token}”中的“{settings.label}”没有 P-256 公钥；请使用 P-256 密钥，并将"
        f"其公钥一并存入。'{settings.label}' in key token '{settings.token}' shows no P-256 public "
        "key; use a P-256 key, and keep its public half beside it"
    )


def _beside(
    session: pkcs11.Session, private: pkcs11.Object, settings: TokenSettings
) -> list[pkcs11.Object]:
    """Public keys of the same id; of the same label where the key has none."""
    try:
        own_id = bytes(private[Attribute.ID])
    except _UNTOLD:
        own_id = b""
    named = {Attribute.ID: own_id} if own_id else {Attribute.LABEL: settings.label}
    return list(session.get_objects({Attribute.CLASS: ObjectClass.PUBLIC_KEY, **named}))


def _flag(private: pkcs11.Object, attribute: Attribute) -> bool:
    """What the token says of the key; what it does not say is not so."""
    try:
        return bool(private[attribute])
    except _UNTOLD:
        return False
