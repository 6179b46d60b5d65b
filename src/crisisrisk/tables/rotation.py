"""A change of the key of pseudonyms: the new key, that it is under way, and when former pseudonyms may be asked about.

The new secret waits in a file beside the key file, and for as long as it is there nothing else is done on the site. At
the end it becomes the last line of the key file. `rotations.json` says which keys came one after another, and when.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from crisisrisk.errors import DataError
from crisisrisk.secret_files import append_line, create_secret, read_secrets
from crisisrisk.tables.manifest import write_durably
from crisisrisk.tables.pseudonyms import PseudonymKey, pseudonym_key_file, read_pseudonym_key
from crisisrisk.tables.site import Site
from crisisrisk.tables.waiting_key import waiting_key

FILE = "rotations.json"
_FORMAT = 1
_MOST_KEYS = 999


@dataclass(frozen=True, kw_only=True)
class Rotation:
    """One change of the key. Moments in ISO 8601; `ended_at` is None until no former pseudonym was left."""

    former: str
    key: str
    begun_at: str
    asked_until: str
    ended_at: str | None = None


def rotations(site: Site) -> Sequence[Rotation]:
    """Every change of the key, oldest first. Raises DataError where the list of them cannot be read."""
    path = site.path / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        if content["format"] != _FORMAT:
            raise ValueError("another format")
        return [Rotation(**one) for one in content["rotations"]]
    except FileNotFoundError:
        return []
    except (OSError, ValueError, TypeError, KeyError):
        raise _problem(
            "the list of changes of the pseudonyms' key cannot be read", path,
            hint="restore it from the copy of the site's folder",
        ) from None  # fmt: skip


def was_rotated(site: Site) -> bool:
    """Whether the key was ever changed, so that pseudonyms of a former one are to be replaced."""
    return bool(rotations(site))


def begin_rotation(site: Site, *, now: datetime, asked_days: int) -> PseudonymKey:
    """The key from now on, with the one before as a step of it; that of a change that was cut off, if there is one.

    `asked_days`: for how long a former pseudonym may be asked about. Raises DataError.
    """
    former, waiting = read_pseudonym_key(site), waiting_key(pseudonym_key_file(site))
    if not waiting.exists():
        create_secret(waiting, coming_name(site))
    ((name, secret),) = read_secrets(
        waiting, "k", code="CR-KEY-004", whose="the pseudonyms from now on",
        hint="restore it from where the site keeps its secrets",
    ).items()  # fmt: skip
    if former.id == name:  # cut off at the very end
        return former
    if not any(one.key == name for one in rotations(site)):
        until = now + timedelta(days=asked_days)
        said = Rotation(former=former.id, key=name, begun_at=now.isoformat(), asked_until=until.isoformat())
        _put(site, [*rotations(site), said])
    return PseudonymKey(id=name, secret=secret, before=former.steps)


def coming_name(site: Site) -> str:
    """What the next key will be called. Raises DataError where there is no number for it."""
    number = 1 + max(int(step.id[1:]) for step in read_pseudonym_key(site).steps)
    if number > _MOST_KEYS:
        raise _problem("there are no more numbers for a key", site.path, wanted=f"at most k{_MOST_KEYS}")
    return f"k{number}"


def take_key(site: Site, key: PseudonymKey) -> None:
    """Make the waiting key the site's. Until `end_rotation` the change counts as under way."""
    if read_pseudonym_key(site).id != key.id:
        append_line(pseudonym_key_file(site), f"{key.id} {key.secret.hex()}")


def end_rotation(site: Site, key: PseudonymKey, *, now: datetime) -> None:
    """Say that no former pseudonym is left, and let others work on the site again."""
    ended = [
        replace(one, ended_at=now.isoformat()) if one.key == key.id and one.ended_at is None else one
        for one in rotations(site)
    ]
    _put(site, ended)
    waiting_key(pseudonym_key_file(site)).unlink(missing_ok=True)


def asked_until(site: Site, person_id: str) -> datetime | None:
    """Until when a pseudonym of a former key may be asked about; None for one that is of no former key."""
    made_with = person_id.split("_")[0]
    return next((datetime.fromisoformat(one.asked_until) for one in rotations(site) if one.former == made_with), None)


def _put(site: Site, said: Sequence[Rotation]) -> None:
    content: dict[str, Any] = {"format": _FORMAT, "rotations": [asdict(one) for one in said]}
    staged = site.path / f".{FILE}.new"
    write_durably(staged, json.dumps(content, indent=1).encode())
    staged.replace(site.path / FILE)


def _problem(problem: str, where: Path, *, wanted: str | None = None, hint: str | None = None) -> DataError:
    return DataError("CR-KEY-004", problem, where=str(where), wanted=wanted, hint=hint)
