"""What pages load besides themselves: style, script and icons. All of it is here, under the digest of its content."""

import gzip
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path

from crisisrisk.serving.pages.design_system import without_parts

ASSETS = "/assets"
MEDIA_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}
DESIGN_SYSTEM = "nhsuk-frontend.min.css"
_STATIC = Path(__file__).parent / "static"
# As they are published, styles ask another host for fonts, and for icons and markers by addresses of their own;
# comments and the map's own mark name other hosts.
_TAKEN_OUT = re.compile(
    r"@font-face\{[^}]*\}|\n/[*/]# sourceMapping.*|background-image: url\(images/[^)]*\);|behavior: url\([^)]*\);"
    r"|/\*[^*]*https?://[^*]*\*/|https://leafletjs\.com"
)
_ICONS = re.compile(r"url\(/assets/images/")


@dataclass(frozen=True)
class Asset:
    """One file: its bytes, the same compressed, and the address under which these bytes stay."""

    name: str
    content: bytes
    compressed: bytes
    media_type: str
    address: str


@cache
def assets() -> Mapping[str, Asset]:
    """Every asset by its name. The icons that a style names lie beside it, so their digest is the style's own."""
    files = sorted(path for path in _STATIC.iterdir() if path.suffix in MEDIA_TYPES)
    whole = {path.name: _for_here(path) for path in files}
    digest = sha256(b"".join(whole[name] for name in sorted(whole))).hexdigest()[:16]
    return {
        name: Asset(
            name, content, gzip.compress(content, 9, mtime=0), MEDIA_TYPES[Path(name).suffix],
            f"{ASSETS}/{digest}/{name}",
        )
        for name, content in whole.items()
    }  # fmt: skip


def _for_here(path: Path) -> bytes:
    """A file as it is served: nothing in it names another host, and the design system is no more of it than is used."""
    text = _ICONS.sub("url(", _TAKEN_OUT.sub("", path.read_text(encoding="utf-8")))
    return (without_parts(text) if path.name == DESIGN_SYSTEM else text).encode()
