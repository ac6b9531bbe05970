"""The portal's own files: a style sheet and an icon, under names that change with their bytes."""

from hashlib import sha256
from pathlib import Path
from typing import Final

from fastapi import APIRouter
from starlette.responses import Response

from kashi_server.errors import NotFound

STATIC: Final = Path(__file__).parent / "static"
_TYPES: Final = {".css": "text/css; charset=utf-8", ".svg": "image/svg+xml"}
_FILES: Final = {path.name: path.read_bytes() for path in STATIC.iterdir() if path.suffix in _TYPES}

ADDRESSES: Final = {
    name: f"/static/{sha256(content).hexdigest()[:16]}/{name}" for name, content in _FILES.items()
}
router = APIRouter()


@router.get("/static/{digest}/{name}", include_in_schema=False)
def asset(digest: str, name: str) -> Response:
    """One of our files; its address names its bytes, so a browser may keep it for good."""
    if ADDRESSES.get(name) != f"/static/{digest}/{name}":
        raise NotFound("没有此文件。there is no such file")
    return Response(
        _FILES[name],
        media_type=_TYPES[Path(name).suffix],
        headers={"cache-control": "public, max-age=31536000, immutable"},
    )
