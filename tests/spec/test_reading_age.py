"""What the reading age of a page is: each value is worked out by hand from the two published formulas.

Flesch and Kincaid: 0.39 words a sentence + 11.8 syllables a word - 15.59, nothing where it is less.
SMOG: 1.0430 times the root of 30 times the words of three syllables and more a sentence, + 3.1291.
The age is the mean of both, and five years.
"""

import pytest
from tests.lib.reading import reading_age, syllables, without_names

SHORT = "The cat sat on the mat"
LONG = "The cat sat on the mat and the dog lay by the door"
HARD = "Telephone assessments determine availability"

TEXTS: list[tuple[str, list[str], float]] = [
    # 6 words, 6 syllables: 2.34 + 11.8 - 15.59 = -1.45, so 0. No long word: 3.1291. (0 + 3.1291) / 2 + 5
    ("short words", [SHORT], 6.56455),
    # 13 words, 13 syllables: 5.07 + 11.8 - 15.59 = 1.28. (1.28 + 3.1291) / 2 + 5
    ("more of them", [LONG], 7.20455),
    # 19 words in 2 sentences, 19 syllables: 3.705 + 11.8 - 15.59 = -0.085, so 0
    ("two sentences", [f"{SHORT}. {LONG}."], 6.56455),
    # 4 words, 3 + 3 + 3 + 6 = 15 syllables: 1.56 + 44.25 - 15.59 = 30.22. 4 long: 1.0430 root(120) + 3.1291 = 14.55459
    ("long words", [HARD], 27.38729),
    # 8 words, 6 short and 2 long: 12 syllables: 3.12 + 17.7 - 15.59 = 5.23. 1.0430 root(60) + 3.1291 = 11.20814
    ("some of both", ["We read the telephone and the assessments now"], 13.21907),
]
"""What it is, its sentences, and its age."""


@pytest.mark.parametrize(("sentences", "age"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_an_age_is_the_mean_of_both_grades_and_five(sentences: list[str], age: float) -> None:
    assert reading_age(sentences) == pytest.approx(age, abs=1e-4)


@pytest.mark.parametrize(
    ("sentences", "why"),
    [
        ([], "nothing to read"),
        ([""], "no word"),
        (["Sign out", "Where", "How it went"], "labels of less than four words"),
        (["18 24 36 48 60"], "numbers are no words"),
        (["..."], "no word between the stops"),
    ],
)
def test_what_is_no_sentence_is_read_at_five(sentences: list[str], why: str) -> None:
    assert reading_age(sentences) == 5.0, why


def test_numbers_codes_and_names_weigh_nothing() -> None:
    plain = reading_age(["We see her again on the day"])
    assert reading_age(["We see her again on the 24 day"]) == plain
    assert reading_age(["We see her again on the day night_2026"]) == plain
    assert reading_age(["We see her again on the Wolverhampton day"]) == plain
    assert without_names("Telephone Elizabeth in 28 days") == "Telephone in days", "the first word is large in any case"


def test_a_sentence_of_names_makes_no_text_easier() -> None:
    assert reading_age([HARD, "See Anna Brown, Carl Dent and Eve Ford"]) == reading_age([HARD])


def test_a_stop_within_a_word_ends_no_sentence_and_one_after_an_abbreviation_leaves_no_short_sentence() -> None:
    assert reading_age(["The cat sat.on the mat"]) == reading_age([SHORT])
    whole, stopped = "The cat sat on the mat by the door", "The cat, e.g. Tom, sat on the mat by the door"
    # "The cat, e.g" has four words, so it counts as one, and makes the text a little easier than it is.
    assert reading_age([stopped]) == pytest.approx(reading_age([whole]), abs=0.7)


@pytest.mark.parametrize("ends", [".", "?", "!", ":"])
def test_each_stop_ends_a_sentence(ends: str) -> None:
    assert reading_age([f"{LONG}{ends} {LONG}."]) == reading_age([LONG, LONG]) == reading_age([LONG])


def test_more_words_a_sentence_or_longer_ones_are_never_easier() -> None:
    ages = [reading_age([" and ".join([LONG] * times)]) for times in range(1, 6)]
    assert ages == sorted(ages)
    assert ages[0] < ages[-1]
    words = LONG.split()
    harder = [reading_age([" ".join(["telephone"] * long + words[long:])]) for long in range(len(words))]
    assert harder == sorted(harder)
    assert len(set(harder)) == len(harder)


def test_the_same_said_twice_or_in_another_order_is_as_old() -> None:
    assert reading_age([LONG, HARD]) == reading_age([HARD, LONG]) == pytest.approx(reading_age([LONG, HARD] * 3))


@pytest.mark.parametrize(
    ("word", "spoken"),
    [
        ("the", 1), ("made", 1), ("closed", 1), ("times", 1), ("see", 1), ("people", 2), ("crisis", 2), ("able", 2),
        ("number", 2), ("telephone", 3), ("assessment", 3), ("history", 3), ("ambulance", 3), ("availability", 6),
    ],
)  # fmt: skip
def test_syllables_are_those_of_a_dictionary(word: str, spoken: int) -> None:
    assert syllables(word) == spoken


@pytest.mark.parametrize(("word", "counted", "spoken"), [("likely", 3, 2), ("area", 2, 3), ("coordinator", 4, 5)])
def test_what_is_not_counted_as_it_is_spoken_is_out_by_one(word: str, counted: int, spoken: int) -> None:
    assert syllables(word) == counted
    assert abs(counted - spoken) == 1
