"""Which file holds a declaration: the site's own copy, else the shipped one."""

from pathlib import Path

from crisisrisk.shipped import shipped
from crisisrisk.tables.site import Site


def declared(site: Site, folder: str, name: str) -> Path:
    """A declaration's file: the site's own copy where it has one."""
    own = site.path / folder / name
    return own if own.is_file() else shipped(folder) / name
