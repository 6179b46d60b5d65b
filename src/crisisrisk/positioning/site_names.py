"""What sites of care are called: their names where the table has them, else their ids."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa

from crisisrisk.positioning.care import kind_said

_IDS = ("site_id", "site")
"""The fields of plans that hold a site's id."""


@dataclass(frozen=True)
class SiteNames:
    """The sites of a table. `names`: by id, of those that have one; `ids`: of every one."""

    names: Mapping[str, str] = field(default_factory=dict)
    ids: frozenset[str] = frozenset()

    def name(self, site: str) -> str:
        """What a site is called; its id where nobody says."""
        return self.names.get(site, site)

    def label(self, site: str) -> str:
        """As somebody reads it: the name, with the id behind it where another site is called the same."""
        return self.both(site) if self._key(site) in self._shared else self.name(site)

    def both(self, site: str) -> str:
        """The name and the id, `Holgate café (site-08)`; the id alone where there is no name."""
        name = self.name(site)
        return site if name == site else f"{name} ({site})"

    def with_kind(self, site: str, kind: str) -> str:
        """`crisis café site-08`; the name alone where that tells the kind: `Holgate café`."""
        return self.label(site) if self._tells(site, kind) else f"{kind_said(kind)} {self.label(site)}"

    def in_list(self, site: str, kind: str) -> str:
        """As in a list to choose from: the name, and the kind behind it where that does not tell it."""
        return self.label(site) if self._tells(site, kind) else f"{self.label(site)} ({kind_said(kind)})"

    def beside(self, value: Any) -> Any:
        """Plain values of plans with a `site_name` behind each id of a site; None where there is none.

        What a site was called when a plan was made gives way to what it is called now.
        """
        if isinstance(value, Mapping):
            found: dict[str, Any] = {}
            for key, part in value.items():
                if key == "site_name":
                    continue
                found[key] = self.beside(part)
                if key in _IDS and (part is None or isinstance(part, str)):
                    found["site_name"] = None if part is None else self.name(part)
            return found
        return [self.beside(part) for part in value] if isinstance(value, list | tuple) else value

    def _tells(self, site: str, kind: str) -> bool:
        words = kind_said(self.names.get(site, "").casefold()).split()
        return kind_said(kind).split()[-1] in words

    def _key(self, site: str) -> str:
        return self.name(site).casefold()

    @cached_property
    def _shared(self) -> frozenset[str]:
        """The names that more than one site has, or that are another's id."""
        every = Counter(self._key(site) for site in {*self.ids, *self.names})
        ids = {site.casefold() for site in self.ids if site in self.names}
        return frozenset(name for name, times in every.items() if times > 1 or name in ids)


def names_of_sites(care: pa.Table) -> SiteNames:
    """The names in the table `sites_of_care`."""
    ids = [str(one) for one in care["site_id"].cast(pa.string()).to_pylist()]
    texts = care["name"].cast(pa.string()).to_pylist() if "name" in care.column_names else [None] * len(ids)
    names = {site: " ".join(text.split()) for site, text in zip(ids, texts, strict=True) if text and text.strip()}
    return SiteNames(names, frozenset(ids))
