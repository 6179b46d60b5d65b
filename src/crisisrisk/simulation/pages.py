"""A page: the contacts of one agency's file in one stretch of days, and the words in which agencies write them."""

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.contacts import CODES, ORIGINS, PREMISES, pick_codes, source_number
from crisisrisk.simulation.identities import ambulance_keys, nhs_numbers, police_keys
from crisisrisk.simulation.monthly import Rows
from crisisrisk.simulation.names import forename_words, misread_dates, mistyped, street_words, surname_words
from crisisrisk.simulation.national_grid import to_national_grid
from crisisrisk.simulation.period import Mask, Seconds
from crisisrisk.simulation.recording import NO_DATE
from crisisrisk.simulation.texts import (
    DAY,
    Texts,
    date_texts,
    decimals,
    nhs_texts,
    whole,
    word_table,
)

# How often one of the names, the address or the birth date is written down wrong.
MISTYPED_NAME, MISTYPED_ADDRESS, MISREAD_DATE = 0.10, 0.08, 0.05


@dataclass(frozen=True)
class Page:
    """Rows of one file in order of occurrence, `before` of them already written.

    `random` belongs to this page alone. `new_codes_from` is the instant at which an agency replaces its codes.
    """

    rows: Rows
    before: int
    seed: int
    random: np.random.Generator
    new_codes_from: int

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def at(self) -> Seconds:
        return self._column("at")

    @property
    def known(self) -> Seconds:
        return self._column("known")

    @property
    def ended(self) -> Seconds:
        return self._column("ended")

    @property
    def crisis(self) -> Mask:
        return self._column("crisis")

    def _column(self, name: str) -> NDArray[Any]:
        return np.ascontiguousarray(self.rows[name])

    def is_from(self, source: str) -> Mask:
        """Which rows are of a source."""
        return np.asarray(self.rows["source"] == source_number(source))

    def references(self, prefix: str) -> Texts:
        """Reference numbers, which go on from page to page."""
        return whole(np.arange(self.before + 1, self.before + 1 + len(self)), least_digits=6, prefix=prefix)

    def sources(self, words: dict[str, str]) -> Texts:
        """The agency's word for the source of each row."""
        table = np.zeros(max(map(source_number, words)) + 1, dtype=np.int64)
        for place, source in enumerate(words):
            table[source_number(source)] = place
        return word_table(list(words.values())).taken(table[self.rows["source"]])

    def codes(self) -> Texts:
        """The code of each row as it is."""
        return code_words().taken(self.rows["code"])

    def outcomes(self, weights: dict[str, float] | None = None) -> Texts:
        """The outcome of each row, drawn by the desk where the contact says none; empty there without weights."""
        outcome = self.rows["outcome"]
        if weights is not None:
            outcome = np.where(outcome == 0, pick_codes(self.random, weights, len(self)), outcome)
        return code_words().taken(outcome)

    def premises(self, public: str, private: str, nothing: str = "") -> Texts:
        """The agency's word for the kind of place."""
        return _words(PREMISES, {"": nothing, "public": public, "private": private}).taken(self.rows["premises"])

    def origins(self, words: dict[str, str]) -> Texts:
        """The agency's word for who asked; empty where it has none."""
        return _words(ORIGINS, words).taken(self.rows["origin"])

    def nhs(self, *, spaced: bool = False) -> Texts:
        """NHS numbers of the people whom rows name."""
        return nhs_texts(nhs_numbers(self.seed, self._column("named")), spaced=spaced)

    def police_key(self) -> Texts:
        """The nominals of the people whom rows name, or the second ones under which they are held by mistake."""
        second = police_keys(self.seed, self._known_twice, second=True)
        return nominal_texts(np.maximum(police_keys(self.seed, self._column("named")), second))

    def ambulance_key(self) -> Texts:
        """The ambulance service's own numbers of people, or second ones held by mistake."""
        second = ambulance_keys(self.seed, self._known_twice, second=True)
        return patient_texts(np.maximum(ambulance_keys(self.seed, self._column("named")), second))

    @cached_property
    def _known_twice(self) -> NDArray[np.int64]:
        return np.where(self.rows["second_key"], self.rows["person"], -1)

    def surname(self) -> Texts:
        """Surnames as somebody typed them."""
        return mistyped(self.random, _told(surname_words(), self.rows["surname"]), MISTYPED_NAME)

    def forename(self) -> Texts:
        """Forenames as somebody typed them."""
        return mistyped(self.random, _told(forename_words(), self.rows["forename"]), MISTYPED_NAME)

    def address(self) -> Texts:
        """House and street as somebody typed them."""
        return mistyped(self.random, address_texts(self.rows["house"], self.rows["street"]), MISTYPED_ADDRESS)

    def birth_date(self, pattern: str = DAY) -> Texts:
        """Birth dates as somebody heard them."""
        days = self._column("birth_date").astype(np.int64)
        told = days != NO_DATE
        return date_texts(misread_dates(self.random, np.where(told, days, 0), MISREAD_DATE), pattern, shown=told)

    def degrees(self) -> tuple[Texts, Texts]:
        """Latitude and longitude."""
        return decimals(self._column("latitude"), 5), decimals(self._column("longitude"), 5)

    def grid(self) -> tuple[Texts, Texts]:
        """Easting and northing of the British National Grid, in metres."""
        easting, northing = to_national_grid(self._column("latitude"), self._column("longitude"))
        return whole(easting), whole(northing)


def address_texts(house: NDArray[Any], street: NDArray[Any]) -> Texts:
    """House and street; empty where -1."""
    return whole(house).beside(_told(street_words(), street), " ")


def nominal_texts(keys: NDArray[np.int64]) -> Texts:
    """The police's nominals; empty for nobody."""
    return whole(keys, least_digits=7, prefix="N")


def patient_texts(keys: NDArray[np.int64]) -> Texts:
    """The ambulance service's own numbers of people; empty for nobody."""
    return whole(keys, least_digits=7, prefix="P")


@lru_cache(maxsize=1)
def code_words() -> Texts:
    """The word of each code."""
    return word_table(CODES)


def _words(names: tuple[str, ...], words: dict[str, str]) -> Texts:
    return word_table([words.get(name, "") for name in names])


def _told(words: Texts, numbers: NDArray[Any]) -> Texts:
    """The word of each number; empty for -1."""
    return words.taken(np.maximum(numbers, 0)).only(np.asarray(numbers >= 0))
