"""Use-case of `crisisrisk optouts apply`: put a list of people without a national data opt-out in use."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

from crisisrisk.episodes import people_of
from crisisrisk.errors import DataError, UsageError
from crisisrisk.tables.checked_people import checked_people, keep_checked_people, today_of
from crisisrisk.tables.erased import erased_people
from crisisrisk.tables.loading import site_key
from crisisrisk.tables.manifest import read_manifest
from crisisrisk.tables.pseudonyms import PSEUDONYM, pseudonym_forms
from crisisrisk.tables.rotation import was_rotated
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot

HEADINGS = ("nhs_number", "nhs number", "study_id", "pseudonym", "person_id")
_SHOWN_LINES = 5


@dataclass(frozen=True, kw_only=True)
class AppliedList:
    """What a list comes to. `not_named`: people who are loaded and not on it: they count as opted out."""

    checked_on: date
    age_days: int
    people: int
    loaded: int
    not_named: int
    applies: bool

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "checked_on": self.checked_on.isoformat()}


def apply_list(site: Site, file: Path, *, checked_on: date, kind: str) -> AppliedList:
    """Read a list, an identifier at the start of each line, and put it in use in place of the one before.

    Nothing of the file is kept but pseudonyms. Raises DataError for a file that cannot be read, is empty or has a line
    without a valid identifier, and UsageError for a day that is to come or lies before that of the list in use.
    """
    today, former = today_of(site), checked_people(site)
    if checked_on > today:
        raise UsageError("CR-USE-001", "the check was made on a day that is still to come", found=f"{checked_on}")
    if former is not None and checked_on < former.checked_on:
        raise UsageError(
            "CR-USE-001", "a later check is in use already", found=f"{checked_on}",
            wanted=f"{former.checked_on} or later",
        )  # fmt: skip
    named = _people(site, file, kind)
    kept = keep_checked_people(site, named, checked_on)
    loaded = loaded_people(site)
    return AppliedList(
        checked_on=checked_on, age_days=kept.age_days(today), people=kept.people, loaded=len(loaded),
        not_named=len(loaded - named), applies=site.national_opt_out.applies,
    )  # fmt: skip


def _people(site: Site, file: Path, kind: str) -> frozenset[str]:
    lines = _lines(file)
    start = 1 if lines and lines[0].lower() in HEADINGS else 0
    given = [(number, text) for number, text in enumerate(lines[start:], start + 1) if text]
    if not given:
        raise DataError("CR-DATA-002", "the list names nobody", where=file.name)
    texts = [text for _, text in given]
    found = _pseudonyms(site, kind, texts)
    wrong = [str(number) for (number, _), person in zip(given, found, strict=True) if person is None]
    if wrong:
        more = ", …" if len(wrong) > _SHOWN_LINES else ""
        raise DataError(
            "CR-DATA-003", f"{len(wrong):,} lines do not begin with a valid {kind}", where=file.name,
            found=f"lines {', '.join(wrong[:_SHOWN_LINES])}{more}", hint="nothing was changed; ask for the list again",
        )  # fmt: skip
    erased = erased_people(site)
    return frozenset(one[-1] for one in found if one is not None and not (erased and erased.of_any(one)))


def _pseudonyms(site: Site, kind: str, texts: Sequence[str]) -> Sequence[tuple[str, ...] | None]:
    """Every pseudonym that each line's person has had, the one that counts last."""
    if kind == "pseudonym" and not was_rotated(site):  # made elsewhere: the site may have no key
        return [(text,) if PSEUDONYM.fullmatch(text) else None for text in texts]
    return pseudonym_forms(site_key(site, read_manifest(site)), kind, texts)


def _lines(file: Path) -> Sequence[str]:
    """The first field of each line."""
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as problem:
        raise DataError("CR-DATA-001", "the list cannot be opened", where=file.name, found=problem.strerror) from None
    except UnicodeDecodeError:
        raise DataError("CR-DATA-003", "the list is not UTF-8 text", where=file.name) from None
    return [line.split(",")[0].strip().strip('"').strip() for line in text.splitlines()]


def loaded_people(site: Site) -> frozenset[str]:
    """Everybody who is loaded, registered or known by contacts alone."""
    manifest = read_manifest(site)
    if manifest is None:
        return frozenset()
    snapshot = Snapshot(site, manifest)
    return frozenset(
        person
        for bucket in range(snapshot.buckets)
        for person in people_of(snapshot.person_events(bucket, ("person_id",)), snapshot.people_in(bucket))
    )
