"""Pseudonyms of persons: a keyed HMAC, so that nobody without the site's key can list NHS numbers to find whose it is.

`k1_` and 16 Crockford base32 characters (80 bits) of HMAC-SHA-256(key, NHS number). The key stands outside the data
folder; its id is the part before the underscore. After a change of the key `k2_` and the same of
HMAC-SHA-256(new key, the pseudonym by the former key): who is known by the former pseudonym alone is carried over, and
a later file that has the NHS number comes out at the same new one.
"""

import base64
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nhs_number.validate import is_valid

from crisisrisk.errors import DataError
from crisisrisk.secret_files import create_secret, read_secrets, refuse_among
from crisisrisk.tables.destroyed_key import refuse_destroyed
from crisisrisk.tables.site import Site
from crisisrisk.tables.text_hashes import CROCKFORD

_DIGITS = 10
_SEVERAL = 4

CHARACTERS, LENGTH = "0-9A-HJKMNP-TV-Z", 16
PSEUDONYM = re.compile(f"k[0-9]{{1,3}}_[{CHARACTERS}]{{{LENGTH}}}")  # digits of other scripts are no part of one
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD.encode())
_AFTER_SCOTLAND = "3200000000"
TAKEN_OUT = "[number taken out]"
BETWEEN = (" ", "-", "\u00a0", "\u202f", "\u2011", "\u2013")
"""What people, pages and letters set the parts of an NHS number apart by; any other blank or dash is read as well."""
_BETWEEN = r"[\s\u2010-\u2015-]"
_TEN_DIGITS = re.compile(rf"(?<!\d)\d{{3}}{_BETWEEN}{{0,3}}\d{{3}}{_BETWEEN}{{0,3}}\d{{4}}(?!\d)")
_SET_APART = re.compile(_BETWEEN)


@dataclass(frozen=True)
class PseudonymKey:
    """The site's secret. Its text form never shows the secret. `before`: those that it replaced, oldest first."""

    id: str
    secret: bytes
    before: tuple["PseudonymKey", ...] = ()

    def __repr__(self) -> str:
        return f"PseudonymKey({self.id})"

    @property
    def check(self) -> str:
        """A value by which two uses of the same key are recognised, and from which it cannot be found."""
        former = self.before[-1].check if self.before else ""
        return hmac.digest(self.secret, f"crisisrisk key check{former}".encode(), "sha256")[:8].hex()

    @property
    def steps(self) -> "tuple[PseudonymKey, ...]":
        """Every key that is used in turn, oldest first."""
        return (*self.before, self)

    @property
    def of_events(self) -> bytes:
        """What event ids are keyed with: the oldest secret, so that a row that comes again is known after a change."""
        return self.steps[0].secret


def pseudonym(key: PseudonymKey, kind: str, text: str) -> str | None:
    """The pseudonym of one identifier, or None where it fails its check. See `pseudonyms`."""
    return pseudonyms(key, kind, [text])[0]


def pseudonyms(key: PseudonymKey, kind: str, texts: Sequence[str]) -> list[str | None]:
    """The pseudonym of each identifier, or None where it fails its check.

    `kind` is `nhs_number`, `study_id`, `agency_key` or `pseudonym` (checked for its form; one of a former key becomes
    that of the newest). An NHS number and a study's id that look the same are different people.
    """
    if kind == "pseudonym" and not key.before:
        return [text if PSEUDONYM.fullmatch(text) else None for text in texts]
    return [None if one is None else one[-1] for one in pseudonym_forms(key, kind, texts)]


def pseudonym_forms(key: PseudonymKey, kind: str, texts: Sequence[str]) -> list[tuple[str, ...] | None]:
    """Every pseudonym that each identifier has had, oldest first and the one that counts last. See `pseudonyms`."""
    if kind == "pseudonym":
        return [newer_forms(key, text) if PSEUDONYM.fullmatch(text) else None for text in texts]
    messages = valid_nhs_numbers(texts) if kind == "nhs_number" else [_own_id(kind, text) for text in texts]
    made = [_made(key.steps[0], [message for message in messages if message is not None])]
    for step in key.steps[1:]:
        made.append(_made(step, [f"pseudonym:{former}" for former in made[-1]]))
    forms = iter(zip(*made, strict=True))
    return [None if message is None else next(forms) for message in messages]


def newer_forms(key: PseudonymKey, person_id: str) -> tuple[str, ...]:
    """A pseudonym and what it became with each newer key; one that is of none of the keys stays what it is."""
    names, forms = [step.id for step in key.steps], [person_id]
    made_with = person_id.split("_")[0]
    for step in key.steps[names.index(made_with) + 1 :] if made_with in names else ():
        forms += _made(step, [f"pseudonym:{forms[-1]}"])
    return tuple(forms)


def _made(step: PseudonymKey, messages: Sequence[str]) -> list[str]:
    return _crockford([hmac.digest(step.secret, message.encode(), "sha256")[:10] for message in messages], step.id)


def _crockford(digests: list[bytes], key_id: str) -> list[str]:
    """Ten bytes each as sixteen characters of five bits, after the key's id."""
    whole = base64.b32encode(b"".join(digests)).translate(_CROCKFORD).decode()
    return [f"{key_id}_{whole[start : start + 16]}" for start in range(0, len(digests) * 16, 16)]


def _own_id(kind: str, text: str) -> str | None:
    return f"{kind}:{text.strip()}" if text.strip() else None


def valid_nhs_numbers(texts: Sequence[str]) -> list[str | None]:
    """The ten digits of each NHS number, blanks and dashes left out; None where the form or the check digit is wrong.

    The check (modulus 11) is done for all at once; the `nhs-number` package, to which it is held equal in a test,
    decides on the numbers that it knows more about: Scotland's begin with a date of birth.
    """
    found: list[str | None] = [_ten_digits(text) for text in texts]
    given = [place for place, digits in enumerate(found) if digits is not None]
    digits = np.frombuffer("".join(found[place] or "" for place in given).encode(), dtype=np.uint8).reshape(-1, 10) - 48
    # A remainder of 1 would need the check digit 10, which cannot be written: no digit makes that sum a multiple of 11.
    right = (digits @ np.arange(10, 0, -1, dtype=np.int64)) % 11 == 0
    for place, fine in zip(given, right.tolist(), strict=True):
        number = found[place] or ""
        if not fine or (number < _AFTER_SCOTLAND and not is_valid(number)):
            found[place] = None
    return found


def has_nhs_number(text: str) -> bool:
    """Whether a valid NHS number stands somewhere in a text."""
    found = _TEN_DIGITS.findall(text)
    return bool(found) and any(number is not None for number in valid_nhs_numbers(found))


def without_nhs_numbers(text: str) -> str:
    """A text as it can be shown again and kept: what may be an NHS number is taken out, and that is said."""
    return _TEN_DIGITS.sub(lambda found: TAKEN_OUT if has_nhs_number(found[0]) else found[0], text)


def are_ten_digit_codes(texts: Sequence[str]) -> bool:
    """Whether the ten-digit texts among distinct values are some catalogue's codes, such as SNOMED's, not NHS numbers.

    One in eleven codes passes the check digit by chance, every NHS number does: of several, most must fail.
    """
    bare = [text for text in texts if len(text) == _DIGITS and text.isascii() and text.isdigit()]
    valid = sum(number is not None for number in valid_nhs_numbers(bare)) if bare else 0
    return len(bare) >= _SEVERAL and 2 * valid < len(bare)


def without_blanks(text: str) -> str:
    """A text without what an NHS number is set apart by."""
    bare = text.strip().replace(" ", "").replace("-", "")
    return bare if bare.isascii() else _SET_APART.sub("", bare)


def _ten_digits(text: str) -> str | None:
    digits = without_blanks(text)
    return digits if len(digits) == 10 and digits.isascii() and digits.isdigit() else None


def create_pseudonym_key(site: Site) -> Path:
    """Make the site's key file, readable by its owner only. Raises DataError where one is already there."""
    path = pseudonym_key_file(site)
    try:
        create_secret(path, "k1")
    except FileExistsError:
        raise DataError(
            "CR-KEY-001", "there is a key already, and another would split every person in two", where=str(path)
        ) from None
    return path


def read_pseudonym_key(site: Site) -> PseudonymKey:
    """The site's key: the last line of its key file, after those that it replaced.

    Raises DataError where it is missing or others can read it.
    """
    path = pseudonym_key_file(site)
    refuse_destroyed(path)
    found = read_secrets(
        path, "k", code="CR-KEY-001", whose="the pseudonyms",
        hint="restore it from where the site keeps its secrets; a new key makes every person someone else",
    )  # fmt: skip
    key: PseudonymKey | None = None
    for name, secret in found.items():
        key = PseudonymKey(id=name, secret=secret, before=() if key is None else key.steps)
    assert key is not None, "a file without a key is refused"
    return key


def pseudonym_key_file(site: Site) -> Path:
    """Where the key is. Raises DataError where the site names none, or one among the data that it protects."""
    if site.pseudonym_key_file is None:
        raise DataError(
            "CR-KEY-001", "this mapping makes pseudonyms, and the site names no key",
            where=str(site.path / "crisisrisk.toml"),
            wanted='pseudonym_key_file = "…"',
            hint="a file outside the data folder, where only this service's account reads",
        )  # fmt: skip
    path = site.pseudonym_key_file
    folders = (site.data, site.quarantine, site.models, site.reports)
    refuse_among(path, folders, code="CR-KEY-001", whose="the pseudonyms")
    return path
