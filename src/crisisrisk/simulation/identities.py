"""The numbers under which people are known: NHS numbers, and the keys of the police and of the ambulance service.

Each is found from the person's number alone, by a shuffle that the seed decides, so that no file needs a list of
everybody. NHS numbers are valid ones that no patient has, for numbers that begin with 9 are not to be issued: first
those from 999 000 0000 upwards, enough for 900,000 people, then those of 998, 997 and so on, 900,000 people each.
"""

from functools import lru_cache

import numpy as np

from crisisrisk.simulation.period import Indices, stream

NHS_NUMBERS_PER_RANGE = 900_000
_FIRST_PREFIX = 999
_LEAST_PREFIX = 990
_KEYS_PER_RANGE = 1_000_000
# The second key of a person is of a range that no first key comes from.
_SECOND_KEYS = 60_000_000
MOST_IDENTITIES = (_FIRST_PREFIX - _LEAST_PREFIX + 1) * NHS_NUMBERS_PER_RANGE


def nhs_numbers(seed: int, person: Indices) -> Indices:
    """The NHS number, ten digits, of people by their number; -1 for nobody (-1). Shape as `person`."""
    number = np.asarray(person, dtype=np.int64)
    known = number >= 0
    group, place = np.divmod(np.where(known, number, 0), NHS_NUMBERS_PER_RANGE)
    place = _shuffled(seed, "nhs numbers", NHS_NUMBERS_PER_RANGE, group, place)
    eight_digits = (_FIRST_PREFIX - group) * 100_000 + place // 9
    return np.where(known, _valid(eight_digits, place % 9), -1)


def police_keys(seed: int, person: Indices, *, second: bool = False) -> Indices:
    """The number of the police's nominal of people; -1 for nobody. `second` is one they hold twice by mistake."""
    return _keys(seed, "police keys", person, second)


def ambulance_keys(seed: int, person: Indices, *, second: bool = False) -> Indices:
    """The number of the ambulance service's record of people; -1 for nobody."""
    return _keys(seed, "ambulance keys", person, second)


def _keys(seed: int, name: str, person: Indices, second: bool) -> Indices:
    number = np.asarray(person, dtype=np.int64)
    known = number >= 0
    group, place = np.divmod(np.where(known, number, 0), _KEYS_PER_RANGE)
    place = _shuffled(seed, name, _KEYS_PER_RANGE, group, place)
    return np.where(known, group * _KEYS_PER_RANGE + place + second * _SECOND_KEYS, -1)


def _valid(eight_digits: Indices, which: Indices) -> Indices:
    """Of the valid numbers that begin so, the one in place `which` (0 to 8): one ninth digit of ten may have none."""
    weighed, rest = np.zeros_like(eight_digits), eight_digits
    for weight in range(3, 11):
        rest, digit = np.divmod(rest, 10)
        weighed += weight * digit
    # The check digit is eleven less the weighed sum, modulo eleven. The ninth digit that makes it ten is passed over:
    # the one for which weighed + 2 * ninth leaves 1, six being the inverse of two.
    without = (1 - weighed) * 6 % 11
    ninth_digit = which + (which >= without)
    check = (11 - (weighed + 2 * ninth_digit) % 11) % 11
    return np.asarray(eight_digits * 100 + ninth_digit * 10 + check)


def _shuffled(seed: int, name: str, size: int, group: Indices, place: Indices) -> Indices:
    """The places of each group of `size` in an order of its own."""
    found = np.empty_like(place)
    for number in np.unique(group).tolist():
        own = group == number
        found[own] = _order(seed, name, size, number)[place[own]]
    return found


@lru_cache(maxsize=8)
def _order(seed: int, name: str, size: int, group: int) -> Indices:
    return stream(seed, name, group).permutation(size)
