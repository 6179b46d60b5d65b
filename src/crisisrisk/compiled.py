"""`njit` whose compiled code is kept for exactly the sources that it was made from.

Numba keeps a function's compiled code as long as the file it stands in is the same. What that function calls, and the
constants it uses, are compiled into it: after an upgrade that changes only those, the old code would go on answering.
Here code is kept by a digest of the module and of every module of this package that it imports, however far down.
"""

import ast
import hashlib
import os
import shutil
import time
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numba

PACKAGE = Path(__file__).parent
_CONFIG: Any = numba.config
_KEPT_SECONDS = 7 * 24 * 3600


def _njit(**options: Any) -> Callable[[Callable[..., Any]], Any]:
    """`numba.njit` with its options, as a decorator. With `cache=True` code is kept by what it was made from."""
    compile_with = numba.njit(**options)

    def decorate(function: Callable[..., Any]) -> Any:
        if not options.get("cache"):
            return compile_with(function)
        before = _CONFIG.CACHE_DIR
        _CONFIG.CACHE_DIR = str(_folder(function.__module__, before))  # numba looks at it here, and only here
        try:
            return compile_with(function)
        finally:
            _CONFIG.CACHE_DIR = before

    return decorate


if TYPE_CHECKING:
    from numba import njit as njit  # a compiled function is checked as numba's own would be
else:
    njit = _njit


@cache
def _folder(module: str, chosen: str) -> Path:
    """Where the code of a module is kept: where NUMBA_CACHE_DIR says, else beside the source, else with the user."""
    name = f"{module}-{sources_digest(module)[:16]}"
    folder = Path(chosen) / "crisisrisk" if chosen else _beside(module)
    if not (folder / name).exists():
        _forget_old(folder, f"{module}-*")
    return folder / name


def kept_folder(module: str) -> Path:
    """Where what was compiled for a module, and all that it rests on, may be noted: it goes with another source."""
    return _folder(module, str(_CONFIG.CACHE_DIR))


def _beside(module: str) -> Path:
    folder = _file_of(module).parent / "__pycache__"
    if os.access(folder if folder.exists() else folder.parent, os.W_OK):
        return folder / "compiled"
    return Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser() / "crisisrisk" / "compiled"


def _forget_old(folder: Path, pattern: str) -> None:
    """Code of earlier sources. Not at once: another process may still run them."""
    for old in folder.glob(pattern):
        if time.time() - old.stat().st_mtime > _KEPT_SECONDS:
            shutil.rmtree(old, ignore_errors=True)


def sources_digest(module: str) -> str:
    """SHA-256 of `sources_of` a module."""
    digest = hashlib.sha256()
    for path in sources_of(module):
        digest.update(str(path.relative_to(PACKAGE)).encode() + b"\0" + _read(path) + b"\0")
    return digest.hexdigest()


def sources_of(module: str) -> list[Path]:
    """The source of a module of this package and of all modules of the package that it rests on."""
    found: set[Path] = set()
    _gather(_file_of(module), found)
    return sorted(found)


def _gather(path: Path, found: set[Path]) -> None:
    if path in found:
        return
    found.add(path)
    for imported in _imports(path):
        _gather(imported, found)


@cache
def _read(path: Path) -> bytes:
    return path.read_bytes()


@cache
def _imports(path: Path) -> tuple[Path, ...]:
    """The files of the package that a file imports; of `from package import module` the module too."""
    modules: set[str] = set()
    for node in ast.walk(ast.parse(_read(path))):
        if isinstance(node, ast.Import):
            modules.update(name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            modules.update((node.module, *(f"{node.module}.{name.name}" for name in node.names)))
    files = (_file_of(module) for module in sorted(modules) if module.split(".")[0] == PACKAGE.name)
    return tuple(file for file in files if file.exists() and file != Path(__file__))


def _file_of(module: str) -> Path:
    path = PACKAGE.joinpath(*module.split(".")[1:])
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")
