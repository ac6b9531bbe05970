"""How much is too much: every bound a hostile file meets before it costs anything."""

from typing import Final

PDF_BYTES_MAX: Final = 64 << 20
PAGES_MAX: Final = 2_000
CMS_BYTES_MAX: Final = 64 << 10
ATTACHMENT_BYTES_MAX: Final = 64 << 20
PAGE_TEXT_CHARACTERS_MAX: Final = 1 << 20
BUNDLE_BYTES_MAX: Final = 4 << 30
MEMBER_BYTES_MAX: Final = 2 << 30
BUNDLE_UNPACKED_BYTES_MAX: Final = 8 << 30
MEMBERS_MAX: Final = 10_000
RATIO_MAX: Final = 200
"""Unpacked over packed bytes of one member; reports and JSON stay far below."""
MESSAGE_BYTES_MAX: Final = 1 << 20
REPORTS_MAX: Final = 5_000_000
DEPTH_MAX: Final = 16
"""Nesting of JSON and of messages."""
