"""Pseudonyms of persons: a keyed HMAC, so that nobody without the site's key can list NHS numbers to find whose it is.

`k1_` and 16 Crockford base32 characters (80 bits) of HMAC-SHA-256(key, NHS number). The key stands outside the data
folder; its id is the part before the underscore.
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
from crisisrisk.tables.site import Site
from crisisrisk.tables.text_hashes import CROCKFORD

_DIGITS = 10
_SEVERAL = 4

PSEUDONYM = re.compile(r"k[0-9]{1,3}_[0-9A-HJKMNP-TV-Z]{16}")  # digits of other scripts are no part of one
_CROCKFORD = bytes.maketrans(b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", CROCKFORD.encode())
_AFTER_SCOTLAND = "3200000000"
_TEN_DIGITS = re.compile(r"(?<!\d)\d{3}[ -]?\d{3}[ -]?\d{4}(?!\d)")


@dataclass(frozen=True)
class PseudonymKey:
    """The site's secret. Its text form never shows the secret."""

    id: str
    secret: bytes

    def __repr__(self) -> str:
        return f"PseudonymKey({self.id})"

    @property
    def check(self) -> str:
        """A value by which two uses of the same key are recognised, and from which it cannot be found."""
        return hmac.digest(self.secret, b"crisisrisk key check", "sha256")[:8].hex()


def pseudonym(key: PseudonymKey, kind: str, text: str) -> str | None:
    """The pseudonym of one identifier, or None where it fails its check. See `pseudonyms`."""
    return pseudonyms(key, kind, [text])[0]


def pseudonyms(key: PseudonymKey, kind: str, texts: Sequence[str]) -> list[str | None]:
    """The pseudonym of each identifier, or None where it fails its check.

    `kind` is `nhs_number`, `study_id`, `agency_key` or `pseudonym` (checked for its form only). An NHS number and a
    study's id that look the same are different people.
    """
    if kind == "pseudonym":
        return [text if PSEUDONYM.fullmatch(text) else None for text in texts]
    messages = valid_nhs_numbers(texts) if kind == "nhs_number" else [_own_id(kind, text) for text in texts]
    digests = [hmac.digest(key.secret, message.encode(), "sha256")[:10] for message in messages if message is not None]
    made = iter(_crockford(digests, key.id))
    return [None if message is None else next(made) for message in messages]


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


def are_ten_digit_codes(texts: Sequence[str]) -> bool:
    """Whether the ten-digit texts among distinct values are some catalogue's codes, such as SNOMED's, not NHS numbers.

    One in eleven codes passes the check digit by chance, every NHS number does: of several, most must fail.
    """
    bare = [text for text in texts if len(text) == _DIGITS and text.isascii() and text.isdigit()]
    valid = sum(number is not None for number in valid_nhs_numbers(bare)) if bare else 0
    return len(bare) >= _SEVERAL and 2 * valid < len(bare)


def _ten_digits(text: str) -> str | None:
    digits = text.strip().replace(" ", "").replace("-", "")
    return digits if len(digits) == 10 and digits.isascii() and digits.isdigit() else None


def create_pseudonym_key(site: Site) -> Path:
    """Make the site's key file, readable by its owner only. Raises DataError where one is already there."""
    path = _key_file(site)
    try:
        create_secret(path, "k1")
    except FileExistsError:
        raise DataError(
            "CR-KEY-001", "there is a key already, and another would split every person in two", where=str(path)
        ) from None
    return path


def read_pseudonym_key(site: Site) -> PseudonymKey:
    """The site's key: the last line of its key file. Raises DataError where it is missing or others can read it."""
    found = read_secrets(
        _key_file(site), "k", code="CR-KEY-001", whose="the pseudonyms",
        hint="restore it from where the site keeps its secrets; a new key makes every person someone else",
    )  # fmt: skip
    name, secret = list(found.items())[-1]
    return PseudonymKey(id=name, secret=secret)


def _key_file(site: Site) -> Path:
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
