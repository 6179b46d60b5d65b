"""Small sites and files for tests of loading: everything in them is invented."""

from collections.abc import Mapping, Sequence
from pathlib import Path

from crisisrisk.tables.pseudonyms import create_pseudonym_key
from crisisrisk.tables.site import Site, read_site

CONFIGURATION = """name = "invented"
time_zone = "Europe/London"
clock = "data"
buckets = {buckets}
pseudonym_key_file = "../pseudonym.key"
[[shift]]
name = "day"
starts = "08:00"
ends = "20:00"
[source.police_999]
agency = "Police"
singular = "999 call"
plural = "999 calls"
settled_after_hours = 6
[source.nhs_111]
agency = "NHS 111"
singular = "111 call"
plural = "111 calls"
"""

KEY = "k1 " + "ab" * 32 + "\n"

# Of the synthetic range; nobody has them.
NHS_NUMBERS = ("9990000018", "9990000026", "9990000034", "9990000042", "9990000050")

EVENTS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at" }
known_at = { column = "known" }
source = "source"
code = "code"
person_id = { column = "person", kind = "study_id" }
source_person_key = { column = "key", kind = "agency_key" }
"""

LINKS = """table = "person_links"
[columns]
source = "source"
source_person_key = { column = "key", kind = "agency_key" }
person_id = { column = "person", kind = "study_id" }
valid_from = { column = "known" }
known_at = { column = "known" }
"""


def make_site(parent: Path, *, buckets: int = 2, key: bool = True) -> Site:
    """An empty site in a folder, always with the same key, so that the same rows give the same bytes."""
    folder = parent / "site"
    folder.mkdir(parents=True)
    (folder / "crisisrisk.toml").write_text(CONFIGURATION.format(buckets=buckets), encoding="utf-8")
    site = read_site(folder)
    if key:
        create_pseudonym_key(site).write_text(KEY)
    return site


def write_mapping(site: Site, text: str, name: str = "mapping") -> Path:
    """A mapping file of the site."""
    path = site.path / f"{name}.toml"
    path.write_text(text, encoding="utf-8")
    return path


def write_csv(path: Path, rows: Sequence[Mapping[str, object]]) -> Path:
    """A CSV of rows that all have the same keys; None is an empty cell."""
    lines = [",".join(rows[0])]
    lines += [",".join("" if value is None else str(value) for value in row.values()) for row in rows]
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return path


def stored_bytes(site: Site) -> dict[str, bytes]:
    """Every table file of a site that counts, by name."""
    from crisisrisk.tables.manifest import read_manifest

    manifest = read_manifest(site)
    return {} if manifest is None else {
        file.path: (site.data / file.path).read_bytes() for file in manifest.files.values()
    }  # fmt: skip
