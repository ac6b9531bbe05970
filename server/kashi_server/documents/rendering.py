"""Rendering the certificate: data in, PDF bytes out, in memory, the same bytes for the same input.

PDF/A-3a and PDF/UA-1 in one file: the compiler itself refuses a page without title, alternative
text or tags. No network, no package, no system font; only the fonts of the configured folder.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import Any, Final, Literal

import segno
import typst

from kashi_server.documents.presentation import FONT, page_content
from kashi_server.documents.printed import Printed
from kashi_server.domain.canonical import canonical_bytes
from kashi_server.domain.certificate import Certificate, Seal
from kashi_server.domain.certificate_parts import CertificateParts
from kashi_server.errors import ConfigurationError

_STANDARDS: Final[list[Literal["a-3a", "ua-1"]]] = ["a-3a", "ua-1"]
_TEMPLATE: Final = Path(__file__).with_name("certificate.typ")
_DESCRIPTIONS: Final = {
    "certificate": "证明 certificate head, kashi/v2/certificate",
    "statement": "结算数据 statement, kashi/v1/statement",
    "evidence": "证据数据 evidence, kashi/v1/evidence",
    "rules": "政策规则 rules, kashi/v1/rules",
    "summary": "汇总 summary, kashi/v1/summary",
    "lines": "计费明细 rated lines as CSV",
}
_MEDIA_TYPES: Final = {".json": "application/json", ".csv": "text/csv"}


def packaged_fonts() -> Path:
    """Folder of the font that is installed with the server."""
    return Path(str(files("manimgx_fonts_cjk")))


@cache
def _fonts(folder: Path) -> typst.Fonts:
    fonts = typst.Fonts(
        include_system_fonts=False, include_embedded_fonts=False, font_paths=[str(folder)]
    )
    if FONT not in fonts.families():
        raise ConfigurationError(
            f"{folder} 中没有字体“{FONT}”；请将字体设置指向含有它的目录（Debian："
            "fonts-noto-cjk，位于 /usr/share/fonts/opentype/noto）。"
            f"{folder} holds no '{FONT}'; point the font setting at a folder with it"
            " (Debian: fonts-noto-cjk in /usr/share/fonts/opentype/noto)"
        )
    return fonts


@dataclass(frozen=True, slots=True, kw_only=True)
class Renderer:
    """Renders certificates with the fonts of one folder."""

    font_folder: Path = field(default_factory=packaged_fonts)

    def render(self, certificate: Certificate, parts: CertificateParts, seal: Seal) -> bytes:
        """An unsigned PDF.

        Args:
            certificate: the head; its hashes name the parts.
            parts: the canonical bytes that are printed and attached.
            seal: whose signature will follow.

        Raises:
            ConfigurationError: the folder does not hold the font.
        """
        attached = {"certificate.json": canonical_bytes(certificate.to_data()), **parts.named()}
        page = page_content(certificate, Printed.of(parts), seal)
        page |= _qr(certificate) | {"attached": [_attached(name) for name in attached]}
        compiled = typst.compile(
            _TEMPLATE.read_bytes(),
            font_paths=_fonts(self.font_folder),
            sys_inputs={
                "page": json.dumps(page, ensure_ascii=False),
                **{name: content.decode() for name, content in attached.items()},
            },
            pdf_standards=[*_STANDARDS],
            timestamp=certificate.issued_utc_ms // 1000,
        )
        assert isinstance(compiled, bytes)  # no output file was named
        return compiled


def _attached(name: str) -> dict[str, str]:
    kind = re.split(r"[.-]", name, maxsplit=1)[0]
    return {
        "name": name,
        "input": name,
        "description": _DESCRIPTIONS[kind],
        "media_type": _MEDIA_TYPES[Path(name).suffix],
    }


def _qr(certificate: Certificate) -> dict[str, Any]:
    content = certificate.verification_url or f"{certificate.number} {certificate.code}"
    drawn = BytesIO()
    segno.make_qr(content, error="m").save(drawn, kind="svg", xmldecl=False, border=2)
    return {
        "qr_svg": drawn.getvalue().decode(),
        "qr_alt": f"二维码：核验本证明 {content}",
    }
