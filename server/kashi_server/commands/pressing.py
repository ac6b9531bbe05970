"""The press that the settings ask for: which key signs, who stamps, which font prints."""

from kashi_server.config import Config, TokenSettings
from kashi_server.documents.press import DocumentPress
from kashi_server.documents.rendering import Renderer, packaged_fonts
from kashi_server.documents.signing import DocumentKey, SoftwareKey
from kashi_server.documents.time_stamping import HttpTimeStamper, StampAddress
from kashi_server.documents.token_key import TokenKey, read_chain
from kashi_server.services.authority import Keyring


def press_of(config: Config, keyring: Keyring) -> DocumentPress:
    """The press of a server.

    Raises:
        ConfigurationError: the token's certificates, or the font, cannot be read.
    """
    settings = config.documents
    url = settings.timestamp_url
    return DocumentPress(
        key=_key(settings.token, keyring),
        renderer=Renderer(font_folder=config.fonts or packaged_fonts()),
        stamper=None if url is None else HttpTimeStamper(StampAddress(url)),
    )


def _key(token: TokenSettings | None, keyring: Keyring) -> DocumentKey:
    if token is None:
        return SoftwareKey(keyring.document_key, keyring.document_chain)
    return TokenKey(
        module=token.module,
        token_label=token.token_label,
        key_label=token.key_label,
        pin_file=token.pin_file,
        chain=read_chain(token.certificates),
    )
