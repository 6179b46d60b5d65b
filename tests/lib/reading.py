"""How hard a text is to read, by the grade of Flesch and Kincaid (1975): about the reading age less five years."""

import re

_SENTENCE = re.compile(r"[.!?:](?:\s|$)")
_WORD = re.compile(r"[A-Za-z][A-Za-z'’-]*")


def grade(text: str) -> float:
    """0.39 words a sentence and 11.8 syllables a word, less 15.59. Raises ValueError where there is no word."""
    words = _WORD.findall(text)
    if not words:
        raise ValueError("there is nothing to read")
    sentences = max(1, len(_SENTENCE.findall(text)))
    return 0.39 * len(words) / sentences + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def syllables(word: str) -> int:
    """Groups of vowels, less an `e` that is not spoken at the end; one at least."""
    text = word.lower()
    count = len(re.findall(r"[aeiouy]+", text))
    silent = (text.endswith("e") and not text.endswith(("le", "ee", "ye"))) or (
        text.endswith(("ed", "es")) and len(text) > 4
    )
    return max(1, count - silent)


def text_of(page: str) -> str:
    """The words of a page. What is no sentence of its own ends as one: headings, items, labels."""
    without = re.sub(r"(?s)<(svg|select|textarea|style|script)\b.*?</\1>", " ", page)
    ended = re.sub(r"(?i)</(p|li|h\d|dt|dd|td|th|label|summary|legend|figcaption|button)>", ". ", without)
    plain = re.sub(r"<[^>]+>", " ", ended).replace("&#39;", "'").replace("&amp;", "&")
    return re.sub(r"\s+", " ", re.sub(r"[.:]\s*\.", ".", plain))
