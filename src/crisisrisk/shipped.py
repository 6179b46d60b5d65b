"""Where the shipped declarations are: inside an installed package, or at the root of the repository."""

from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent
FOLDERS = ("features", "training", "serving", "data_samples")


def shipped(folder: str) -> Path:
    """The folder of declarations (`features`, `training`, `serving`) or the `data_samples`.

    Raises FileNotFoundError when neither an installed copy nor a repository is around this module.
    """
    if folder not in FOLDERS:
        raise ValueError(f"{folder!r} is not one of {FOLDERS}")
    for candidate in (_PACKAGE / "shipped" / folder, _PACKAGE.parents[1] / folder):
        if candidate.is_dir():
            return candidate
    raise FileNotFoundError(f"the package was installed without its {folder}/ folder")


def repository() -> Path | None:
    """The root of the repository that this module runs from, or None in an installed copy."""
    root = _PACKAGE.parents[1]
    return root if (root / "pyproject.toml").is_file() and (root / "src" / "crisisrisk").is_dir() else None
