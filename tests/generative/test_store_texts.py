"""The compiled reading of times and the hashes of texts hold against slow, obvious counterparts."""

import re

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st
from nhs_number.validate import is_valid
from tests.lib.clock_reference import read_clock_text_slowly

from crisisrisk.tables.cell_values import numbers
from crisisrisk.tables.clock_texts import NO_OFFSET, read_clock_texts
from crisisrisk.tables.known_texts import KnownTexts
from crisisrisk.tables.pseudonyms import valid_nhs_numbers
from crisisrisk.tables.text_hashes import bucket_of, keyed_ids, text_hashes

FORMS = ("iso", "%Y-%m-%d %H:%M:%S", "%d/%m/%Y %H:%M", "%d %b %Y %I:%M %p", "%Y%m%d%H%M%S", "%Y-%m-%dT%H:%M:%S.%f%z")

moments = st.datetimes()
sensible = st.tuples(moments, st.sampled_from(FORMS)).map(
    lambda pair: pair[0].isoformat(sep=" ") if pair[1] == "iso" else pair[0].strftime(pair[1]).replace("%z", "+01:00")
)
offsets = st.sampled_from(["", "Z", "+01:00", "-0530", "+14"])
spoilt = st.tuples(sensible, st.integers(0, 30), st.sampled_from("0129 :-/TZx")).map(
    lambda parts: parts[0][: parts[1]] + parts[2] + parts[0][parts[1] + 1 :]
)
texts = st.one_of(sensible, spoilt, st.tuples(sensible, offsets).map("".join), st.text(max_size=20))


@settings(max_examples=1_000, deadline=None)
@given(st.lists(texts, min_size=1, max_size=5), st.sampled_from(FORMS))
def test_times_are_read_as_the_standard_library_reads_them(written: list[str], form: str) -> None:
    read = read_clock_texts(pa.array(written, pa.string()), form)
    for place, text in enumerate(written):
        wanted = read_clock_text_slowly(text, form)
        assert bool(read.readable[place]) == (wanted is not None), (text, form)
        if wanted is not None:
            offset = None if read.offset_seconds[place] == NO_OFFSET else int(read.offset_seconds[place])
            assert (int(read.wall_us[place]), offset) == wanted, (text, form)


@given(st.lists(st.one_of(st.none(), st.text(max_size=12)), max_size=30), st.integers(0, 5), st.integers(1, 256))
def test_hashes_depend_on_the_text_alone(written: list[str | None], start: int, buckets: int) -> None:
    plain = pa.array(written, pa.string())
    hashes = text_hashes(plain)
    assert text_hashes(plain.dictionary_encode()).tolist() == hashes.tolist()
    assert text_hashes(plain.slice(start)).tolist() == hashes[start:].tolist()
    assert len(set(zip(written, hashes.tolist(), strict=True))) == len(set(written))
    assert all(0 <= bucket < buckets for bucket in bucket_of(plain, buckets).tolist())


@given(st.lists(st.tuples(st.text(max_size=5), st.text(max_size=5)), min_size=1, max_size=20))
def test_ids_differ_where_texts_differ_and_with_the_key(pairs: list[tuple[str, str]]) -> None:
    columns = [pa.array(side, pa.string()) for side in zip(*pairs, strict=True)]
    ids = keyed_ids(columns, b"one key").to_pylist()
    joined = ["\x1f".join(pair) for pair in pairs]
    assert len(set(zip(joined, ids, strict=True))) == len(set(joined)) == len(set(ids))
    assert not set(ids) & set(keyed_ids(columns, b"another").to_pylist())


@settings(max_examples=300)
@given(st.lists(st.one_of(st.from_regex(r"[0-9]{10}", fullmatch=True), st.text(max_size=12)), max_size=20))
def test_numbers_are_checked_as_the_nhs_number_package_checks_them(written: list[str]) -> None:
    plain = [text for text in written if text.isascii()]
    # Of ten random digits one number in eleven is valid: each is tried with every check digit as well.
    tried = [*plain, *(text[:9] + digit for text in plain if len(text) == 10 for digit in "0123456789")]
    shaped = [text for text in tried if re.fullmatch(r"[0-9]{10}", text)]
    assert [number is not None for number in valid_nhs_numbers(shaped)] == [is_valid(text) for text in shaped]
    assert all(
        number is None for number in valid_nhs_numbers([text for text in plain if not any(map(str.isdigit, text))])
    )


@given(st.lists(st.lists(st.text(max_size=6), max_size=40), max_size=6))
def test_texts_are_numbered_in_order_of_meeting(blocks: list[list[str]]) -> None:
    known, met = KnownTexts(), dict[str, int]()
    for block in blocks:
        wanted = [met.setdefault(text, len(met)) for text in block]
        # A slice shares its buffers with what stands before it.
        asked = pa.array(["before", *block], pa.string()).slice(1)
        assert known.numbers_of(asked).tolist() == wanted
        assert known.texts.to_pylist() == list(met)
        assert known.hashes.tolist() == text_hashes(known.texts).tolist()


def test_many_texts_find_their_numbers_again_after_the_table_has_grown() -> None:
    known, texts = KnownTexts(), [f"person {number}" for number in range(20_000)]
    for start in range(0, 20_000, 700):
        known.numbers_of(pa.array(texts[start : start + 700]))
    assert known.numbers_of(pa.array(texts)).tolist() == list(range(20_000))


written_numbers = st.one_of(
    st.floats().map(str),
    st.integers().map(str),
    st.from_regex(r"[ +-]?[0-9]{0,4}[.,]?[0-9]{0,3}([eE][0-9]{1,4})?[ x]?"),
    st.sampled_from(["nan", "Infinity", "-inf", "0x1A", "1_000", "", ".", "1e", "1.e3"]),
)


@given(st.lists(written_numbers, min_size=1, max_size=6))
def test_a_number_is_read_the_same_alone_and_among_cells_that_hold_none(written: list[str]) -> None:
    alone = [numbers(pa.array([text])).values[0].as_py() for text in written]
    among = numbers(pa.array([*written, "no number"])).values.to_pylist()
    assert among == [*alone, None]
