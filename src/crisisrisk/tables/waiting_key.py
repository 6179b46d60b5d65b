"""That the key of pseudonyms is being changed: a key waits beside the key file. Imports nothing that takes its time."""

from pathlib import Path

from crisisrisk.errors import DataError
from crisisrisk.tables.site import Site


def waiting_key(key_file: Path) -> Path:
    """Where the key of a change waits until the end of it."""
    return key_file.with_name(f"{key_file.name}.next")


def is_cut_off(site: Site) -> bool:
    """Whether a change of the key was begun, and not ended."""
    return site.pseudonym_key_file is not None and waiting_key(site.pseudonym_key_file).exists()


def refuse_cut_off(site: Site) -> None:
    """Raises DataError while a change of the key is under way: some of what is kept has former pseudonyms, some not."""
    if is_cut_off(site):
        raise DataError(
            "CR-KEY-004", "a change of the key of pseudonyms is under way, or was cut off", where=str(site.path),
            hint="wait for it; if none is at work: crisisrisk people rotate",
        )  # fmt: skip
