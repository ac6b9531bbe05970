"""The slot of a key token over PKCS#11: the token is found behind its module, without its PIN.

What the binding raises is said in words here, for `token_session` too.
"""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Final

import pkcs11

from kashi_agent.errors import KeyTokenError
from kashi_agent.key_token import KeyToken, told
from kashi_agent.token_files import check_module
from kashi_agent.token_settings import TokenSettings

if TYPE_CHECKING:
    from pkcs11 import _pkcs11

_GONE: Final = (pkcs11.TokenNotPresent, pkcs11.TokenNotRecognised, pkcs11.DeviceRemoved)


def look_at_token(settings: TokenSettings) -> KeyToken:
    """What the token says of itself, without its PIN.

    Raises:
        KeyTokenError: it is not there.
    """
    with said(settings):
        return described(token_of(settings))


def token_of(settings: TokenSettings) -> pkcs11.Token:
    """The one token of that label or serial number. The module is begun anew where it is not there:
    some look at their readers only then, and some do not get over a token that was away."""
    check_module(settings.module)
    library = pkcs11.lib(str(settings.module))
    found: list[pkcs11.Token] = []
    with suppress(pkcs11.PKCS11Error):
        found = _named(library, settings.token)
    if not found:
        # The binding ends the module with the interpreter's lock held: one that hangs there halts
        # the whole process, until the service manager starts it anew. So it is done only here.
        library.reinitialize()
        found = _named(library, settings.token)
    if len(found) > 1:
        serials = ", ".join(told(_serial(one)) for one in found)
        raise KeyTokenError(
            f"{settings.module} 之后有 {len(found)} 个名为“{settings.token}”的密钥令牌（{serials}）"
            f"；请在 [report_key] 的 token 中写序列号。There are {len(found)} key tokens named '"
            f"{settings.token}' behind {settings.module} ({serials}); give the serial number as "
            "token in [report_key]"
        )
    if not found:
        there = ", ".join(told(one.label) for one in _tokens(library)) or "-"
        raise KeyTokenError(
            f"{settings.module} 之后没有密钥令牌“{settings.token}”（现有：{there}）；请插入它、检查"
            f"其服务，或更正 [report_key] 的 token。There is no key token '{settings.token}' "
            f"behind {settings.module} (there: {there}); put it in, see to its service, or correct "
            "token in [report_key]"
        )
    return found[0]


def _named(library: "_pkcs11.lib", name: str) -> list[pkcs11.Token]:
    return [one for one in _tokens(library) if name in (one.label.strip(), _serial(one))]


def _tokens(library: "_pkcs11.lib") -> Iterator[pkcs11.Token]:
    for slot in library.get_slots(token_present=True):
        with suppress(*_GONE):
            token = slot.get_token()
            if token.flags & pkcs11.TokenFlag.TOKEN_INITIALIZED:
                yield token


def _serial(token: pkcs11.Token) -> str:
    return bytes(token.serial).decode("utf-8", "replace").strip("\0 ")


def described(token: pkcs11.Token) -> KeyToken:
    """What a token says of itself; of the key nothing yet."""
    return KeyToken(
        manufacturer=told(token.manufacturer_id),
        model=told(token.model),
        serial=told(_serial(token)),
    )


@contextmanager
def said(settings: TokenSettings) -> Iterator[None]:
    """Say in words what the binding raises."""
    try:
        yield
    except pkcs11.PKCS11Error as error:
        what = str(error) or type(error).__name__
        raise KeyTokenError(
            f"密钥令牌“{settings.token}”出错（{what}）；请检查令牌、读卡器及其服务，代理会自行重试。"
            f"Key token '{settings.token}' failed ({what}); see to the token, its reader and their "
            "service, the agent tries again by itself"
        ) from error
