"""Where the report key is held when it is not in a file: the table `[report_key]` of `agent.toml`.

A table that sets nothing is none: the key is in a file then.
"""

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from kashi_agent.settings import SettingsReader

TOKEN_TABLE: Final = "report_key"
KEY_LABEL: Final = "kashi-report"
TEXT_MAX: Final = 64
"""Beyond what PKCS#11 lets a token be called: 32 bytes of label, 16 of serial number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenSettings:
    """Which key of which key token.

    `module`: the token's PKCS#11 library; `token`: the token's label or serial number; `pin_file`:
    holds its PIN alone; `label`: the key's.
    """

    module: Path
    token: str
    pin_file: Path
    label: str = KEY_LABEL


TOKEN_FIELDS: Final = tuple(one.name for one in fields(TokenSettings))


def read_token_settings(path: Path, text: str, beside: str) -> TokenSettings | None:
    """The settings of the key token in a settings file; `beside`: the file's other table.

    Raises:
        ConfigError: something in the table is wrong or missing.
    """
    reader = SettingsReader(path, text, TOKEN_TABLE, beside)
    if reader.empty:
        return None
    reader.needs("module", "token", "pin_file")
    settings = TokenSettings(
        module=reader.path("module", Path()),
        token=reader.printable("token", "", TEXT_MAX),
        pin_file=reader.path("pin_file", Path()),
        label=reader.printable("label", KEY_LABEL, TEXT_MAX),
    )
    reader.finish(TOKEN_FIELDS)
    return settings
