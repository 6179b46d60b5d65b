"""How hard a text is to read: the grade of Flesch and Kincaid (1975), and the reading age that pages are held to."""

import re
from collections.abc import Iterable
from math import sqrt

_SENTENCE = re.compile(r"[.!?:](?:\s|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def grade(text: str) -> float:
    """0.39 words a sentence and 11.8 syllables a word, less 15.59. Raises ValueError where there is no word."""
    words = _WORD.findall(text)
    if not words:
        raise ValueError("there is nothing to read")
    sentences = max(1, len(_SENTENCE.findall(text)))
    return 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def reading_age(sentences: Iterable[str]) -> float:
    """Years at which a text is read: a school grade and five, the grade as the mean of two that are worked out alike.

    Flesch and Kincaid count the words of a sentence and the syllables of a word (Kincaid and others 1975, "Derivation
    of new readability formulas", Research Branch Report 8-75); SMOG counts the words of three syllables and more
    (McLaughlin 1969, "SMOG grading: a new readability formula", Journal of Reading 12, 639-646). Names and numbers are
    left out, and what is then no sentence but a label of less than four words. Nothing to read is read at five.
    """
    said = [_WORD.findall(without_names(part)) for one in sentences for part in _SENTENCE.split(one)]
    plain = [words for words in said if len(words) >= _FEWEST]  # a sentence of names would make the others easier
    words = [word for each in plain for word in each]
    if not words:
        return 5.0
    long = sum(syllables(word) >= _LONG for word in words)
    flesch_kincaid = 0.39 * len(words) / len(plain) + 11.8 * sum(map(syllables, words)) / len(words) - 15.59
    smog = 1.0430 * sqrt(long * 30 / len(plain)) + 3.1291
    return (max(0.0, flesch_kincaid) + smog) / 2 + 5


_FEWEST, _LONG = 4, 3


def without_names(sentence: str) -> str:
    """A sentence without its numbers, codes and names: what has a figure, and what is large but for the first word."""
    first, *rest = sentence.split() or [""]
    kept = [first, *(word for word in rest if not word[:1].isupper())]
    return " ".join(word for word in kept if not re.search(r"[\d_]", word))


def syllables(word: str) -> int:
    """Groups of vowels, less an `e` that is not spoken at the end; one at least."""
    text = word.lower()
    count = len(re.findall(r"[aeiouy]+", text))
    silent = (text.endswith("e") and not text.endswith(("le", "ee", "ye"))) or (
        text.endswith(("ed", "es")) and len(text) > 4
    )
    return max(1, count - silent)


def in_one(page: str) -> str:
    """A page as it is written where nothing keeps references in one line."""
    return re.sub('<span class="cr-whole">([^<]*)</span>', r"\1", page)


def text_of(page: str) -> str:
    """The words of a page. What is no sentence of its own ends as one: headings, items, labels."""
    without = re.sub(r"(?s)<(svg|select|textarea|style|script)\b.*?</\1>", " ", page)
    ended = re.sub(r"(?i)</(p|li|h\d|dt|dd|td|th|label|summary|legend|figcaption|button)>", ". ", without)
    plain = re.sub(r"<[^>]+>", " ", ended).replace("&#39;", "'").replace("&amp;", "&")
    return re.sub(r"\s+", " ", re.sub(r"[.:]\s*\.", ".", plain))
