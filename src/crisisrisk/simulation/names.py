"""Names and streets put together from syllables, so that nobody real is meant, and how call takers mistype them."""

from functools import lru_cache
from itertools import product

import numpy as np

from crisisrisk.simulation import text_kernels as kernels
from crisisrisk.simulation.period import Indices, Numbers, stream
from crisisrisk.simulation.texts import Texts, word_table

SURNAMES, FORENAMES, STREETS = 4_000, 1_200, 6_000
# Numbers of houses go from 1 to this one in every street.
HOUSES = 240
_SURNAME_PARTS = (
    ("Bral", "Cor", "Dun", "Ever", "Fen", "Gar", "Hal", "Ister", "Jor", "Kel", "Lan", "Mor", "Nar", "Ol", "Pel", "Quen",
     "Rav", "Sar", "Tol", "Ul", "Var", "Wen", "Yar", "Zan", "Ash", "Bek", "Chad", "Drum", "Esk", "Fal"),
    ("a", "e", "i", "o", "an", "en", "ir", "or", "um", "os"),
    ("by", "dran", "fell", "gate", "kin", "low", "mere", "nor", "pe", "quist", "rell", "sham", "tavi", "wick", "zari"),
)  # fmt: skip
_FORENAME_PARTS = (
    ("Al", "Bri", "Ca", "Da", "El", "Fa", "Gi", "Ha", "Iv", "Ja", "Ka", "Li", "Ma", "Ne", "Or", "Pa", "Ro", "Sa",
     "Ta", "Ve"),
    ("b", "d", "l", "m", "n", "r", "s", "v"),
    ("a", "ela", "en", "ian", "ie", "im", "o", "una"),
)  # fmt: skip
_STREET_PARTS = (
    ("Alder", "Barn", "Clay", "Dove", "Elm", "Ferry", "Glebe", "Hawk", "Iron", "Jay", "Kiln", "Lark", "Mill", "Nettle",
     "Orchard", "Pond", "Quarry", "Reed", "Sand", "Thorn", "Under", "Vine", "Weir", "Yew", "Ash", "Birch", "Crow",
     "Dell", "Echo", "Fox"),
    ("bank", "brook", "croft", "dale", "field", "ford", "gate", "hill", "lea", "moor", "ridge", "side", "stone", "ton",
     "well", "wood", "yard", "mead", "hurst", "combe"),
    (" Avenue", " Close", " Crescent", " Drive", " Gardens", " Grove", " Lane", " Road", " Street", " Way"),
)  # fmt: skip
_ROWS_OF_KEYS = ("qwertyuiop", "asdfghjkl", "zxcvbnm", "1234567890")


@lru_cache(maxsize=1)
def surname_words() -> Texts:
    """The surname of each number. SURNAMES of them, no two the same."""
    return _words("surnames", _SURNAME_PARTS, SURNAMES)


@lru_cache(maxsize=1)
def forename_words() -> Texts:
    """The forename of each number. FORENAMES of them, worn by anybody."""
    return _words("forenames", _FORENAME_PARTS, FORENAMES)


@lru_cache(maxsize=1)
def street_words() -> Texts:
    """The street of each number. STREETS of them."""
    return _words("streets", _STREET_PARTS, STREETS)


def draw_names(random: np.random.Generator, sex: Indices) -> tuple[Indices, Indices]:
    """A surname and a forename for each person, by number. Some surnames are common; anybody may have any forename."""
    surname = (SURNAMES * random.random(len(sex)) ** 2).astype(np.int64)
    return surname, random.integers(0, FORENAMES, len(sex))


def _words(name: str, parts: tuple[tuple[str, ...], ...], count: int) -> Texts:
    """Every way to put the parts together, in an order that never changes, cut at `count`."""
    found = ["".join(chosen) for chosen in product(*parts)]
    order = stream(0, f"words {name}").permutation(len(found))[:count]
    return word_table([found[place] for place in order.tolist()])


def mistyped(random: np.random.Generator, texts: Texts, chance: float) -> Texts:
    """The same texts, each with that chance of one slip: letters swapped, left out, doubled, or the key beside."""
    rows = len(texts)
    kind = np.where(random.random(rows) < chance, random.integers(1, 5, rows), 0).astype(np.int8)
    place: Numbers = random.random(rows)
    letters = np.empty((rows, texts.letters.shape[1] + 1), dtype=np.uint8)
    lengths = np.empty(rows, dtype=np.int32)
    kernels.mistype(texts.letters, texts.lengths, kind, place, _neighbours(), letters, lengths)
    return Texts(letters, lengths)


@lru_cache(maxsize=1)
def _neighbours() -> kernels.Letters:
    """The key beside each key. Shape (256,)."""
    beside = np.arange(256, dtype=np.uint8)
    for keys in _ROWS_OF_KEYS:
        for key, other in zip(keys, keys[1:] + keys[-2], strict=True):
            beside[ord(key)] = ord(other)
            beside[ord(key.upper())] = ord(other.upper())
    return beside


def misread_dates(random: np.random.Generator, days: Indices, chance: float) -> Indices:
    """Birth dates (days since 1970), each with that chance of being a few days, a month, a year or ten years out."""
    rows = len(days)
    wrong = random.random(rows) < chance
    slips = np.array([-1, 1, 9, -9, 30, -31, 365, -365, 3_652, -3_652])
    return np.where(wrong, days + slips[random.integers(0, len(slips), rows)], days)
