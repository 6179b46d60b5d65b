"""How agencies write: the compiled writers against Python's own, names that are nobody's, numbers that nobody has."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from nhs_number.constants import REGION_SYNTHETIC
from nhs_number.validate import is_valid
from pyproj import Transformer

from crisisrisk.simulation.contacts import (
    CODES,
    COLUMNS,
    CRISIS_CODES,
    SOURCES,
    Contacts,
    code_numbers,
    contacts,
    number_of,
    pick_codes,
    says_crisis,
)
from crisisrisk.simulation.feeds import FEEDS, FILES, feeds_of
from crisisrisk.simulation.identities import ambulance_keys, nhs_numbers, police_keys
from crisisrisk.simulation.monthly import slices_of
from crisisrisk.simulation.names import (
    FORENAMES,
    STREETS,
    SURNAMES,
    forename_words,
    misread_dates,
    mistyped,
    street_words,
    surname_words,
)
from crisisrisk.simulation.national_grid import to_national_grid
from crisisrisk.simulation.period import period_of, seconds
from crisisrisk.simulation.recording import DESKS
from crisisrisk.simulation.texts import (
    DAY_AND_MINUTE,
    Texts,
    arrow_strings,
    constant,
    csv_bytes,
    date_texts,
    decimals,
    header_line,
    local_hours,
    local_texts,
    nhs_texts,
    offset_texts,
    utc_texts,
    whole,
    word_table,
)

LONDON = ZoneInfo("Europe/London")
RANDOM = np.random.default_rng(8)
MOMENTS = RANDOM.integers(seconds("2012-01-01T00:00:00"), seconds("2027-01-01T00:00:00"), 5_000)


def local(moment: int) -> datetime:
    return datetime.fromtimestamp(moment, LONDON)


# Times and numbers


def test_times_are_what_python_writes() -> None:
    moments = MOMENTS.tolist()
    assert utc_texts(MOMENTS).strings() == [
        datetime.fromtimestamp(moment, UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for moment in moments
    ]
    assert offset_texts(MOMENTS).strings() == [local(moment).isoformat() for moment in moments]
    assert local_hours(MOMENTS).tolist() == [local(moment).hour for moment in moments]
    once = np.array([moment for moment in moments if not local(moment).fold])
    assert local_texts(once, "%d-%b-%Y %H:%M").strings() == [
        local(moment).strftime("%d-%b-%Y %H:%M") for moment in once.tolist()
    ]


def test_local_texts_keep_the_order_of_times_where_the_clocks_go_back() -> None:
    instants = np.array([seconds(f"2026-10-25T{clock}") for clock in ("00:30:00", "01:10:00", "01:59:00", "02:05:00")])
    assert local_texts(instants, DAY_AND_MINUTE).strings() == [
        "25/10/2026 01:30", "25/10/2026 02:00", "25/10/2026 02:00", "25/10/2026 02:05",
    ]  # fmt: skip


def test_what_is_not_known_is_empty() -> None:
    nothing = np.array([-1])
    assert [utc_texts(nothing), offset_texts(nothing), local_texts(nothing, DAY_AND_MINUTE), whole(nothing)] != []
    for texts in (utc_texts(nothing), offset_texts(nothing), local_texts(nothing, DAY_AND_MINUTE), whole(nothing)):
        assert texts.strings() == [""]
    assert decimals(np.array([np.nan]), 3).strings() == [""]
    assert nhs_texts(nothing, spaced=True).strings() == [""]
    assert date_texts(np.array([0]), shown=np.array([False])).strings() == [""]


def test_days_before_1970_are_dates_too() -> None:
    days = RANDOM.integers(-30_000, 20_000, 2_000)
    wanted = [(date(1970, 1, 1) + timedelta(days=day)).strftime("%d/%m/%Y") for day in days.tolist()]
    assert date_texts(days).strings() == wanted


def test_numbers() -> None:
    assert whole(np.array([7, 1_234_567]), least_digits=6, prefix="L").strings() == ["L000007", "L1234567"]
    assert decimals(np.array([-1.9, 52.483216, -0.0000001, 9.999999]), 5).strings() == [
        "-1.90000", "52.48322", "0.00000", "10.00000",
    ]  # fmt: skip
    assert nhs_texts(np.array([9991234567]), spaced=True).strings() == ["999 123 4567"]


def test_cells_are_replaced_and_put_side_by_side() -> None:
    texts = constant("no", 3).with_cells(np.array([1]), ["perhaps"])
    assert texts.strings() == ["no", "perhaps", "no"]
    assert texts.where(np.array([True, False, True]), constant("elsewhere", 3)).strings() == ["no", "elsewhere", "no"]
    first, second = word_table(["Ann", "", "Ann"]), word_table(["Bly", "Bly", ""])
    assert first.beside(second, " ").strings() == ["Ann Bly", "Bly", "Ann"]
    assert first.beside(second).strings() == ["AnnBly", "Bly", "Ann"]


def test_arrow_has_the_same_texts_with_nulls_for_empty_ones() -> None:
    assert arrow_strings(word_table(["one", "", "three", "é"])).to_pylist() == ["one", None, "three", "é"]
    assert arrow_strings(Texts(np.empty((0, 0), np.uint8), np.empty(0, np.int32))).to_pylist() == []


@pytest.mark.parametrize("delimiter", [",", ";", "|", "\t"])
def test_a_csv_file_reads_back_as_it_was(delimiter: str) -> None:
    words = ["plain", "with, comma", 'with "quotes"', "", "a|b;c\td", "café"]
    columns = {"a name": word_table(words, delimiter=delimiter), "n": whole(np.arange(len(words)))}
    written = header_line(columns, delimiter=delimiter) + csv_bytes(columns, delimiter=delimiter).tobytes()
    rows = list(csv.reader(io.StringIO(written.decode()), delimiter=delimiter))
    assert rows == [["a name", "n"], *([word, str(number)] for number, word in enumerate(words))]


def test_national_grid_agrees_with_proj_within_five_metres() -> None:
    latitude, longitude = np.array([52.48, 52.40, 52.6577, 51.5]), np.array([-1.90, -2.10, 1.7179, -3.2])
    easting, northing = to_national_grid(latitude, longitude)
    wanted = Transformer.from_crs(4326, 27700, always_xy=True).transform(longitude, latitude)
    assert np.abs(easting - wanted[0]).max() < 5
    assert np.abs(northing - wanted[1]).max() < 5


def test_nowhere_has_no_grid_reference() -> None:
    easting, northing = to_national_grid(np.array([np.nan, 52.48]), np.array([np.nan, -1.9]))
    assert easting[0] == northing[0] == -1
    assert easting[1] > 0


# Names and numbers of people


def test_no_two_names_are_the_same_and_none_needs_quotes() -> None:
    for words, count in ((surname_words(), SURNAMES), (forename_words(), FORENAMES), (street_words(), STREETS)):
        names = words.strings()
        assert len(set(names)) == len(names) == count
        assert all(name.replace(" ", "").isalpha() for name in names)


def test_a_mistyped_name_is_one_slip_away() -> None:
    names = surname_words().taken(np.arange(2_000))
    typed = mistyped(np.random.default_rng(3), names, 0.5)
    pairs = list(zip(names.strings(), typed.strings(), strict=True))
    wrong = [(name, slip) for name, slip in pairs if name != slip]
    assert 0.4 < len(wrong) / len(pairs) < 0.55
    assert all(abs(len(name) - len(slip)) <= 1 for name, slip in wrong)
    assert all(name[0] == slip[0] for name, slip in wrong)
    same_length = [
        sum(a != b for a, b in zip(name, slip, strict=True)) for name, slip in wrong if len(name) == len(slip)
    ]
    assert max(same_length) == 2
    assert mistyped(np.random.default_rng(3), names, 0.0).strings() == names.strings()


def test_misread_dates_are_near() -> None:
    days = np.arange(0, 10_000)
    read = misread_dates(np.random.default_rng(3), days, 0.05)
    assert 0.03 < (read != days).mean() < 0.07
    assert np.abs(read - days).max() <= 3_652


@pytest.mark.parametrize("seed", [0, 20261122])
def test_nhs_numbers_are_valid_distinct_and_never_issued(seed: int) -> None:
    people = np.concatenate([np.arange(3_000), np.arange(898_000, 903_000), np.arange(1_999_000, 2_000_000)])
    numbers = nhs_numbers(seed, people)
    assert len(np.unique(numbers)) == len(people)
    ranges = {number // 10_000_000 for number in numbers.tolist()}
    assert ranges == {999, 998, 997}
    assert all(is_valid(str(number), for_region=REGION_SYNTHETIC) for number in numbers.tolist())


def test_a_person_has_the_same_numbers_whoever_is_asked_about_besides() -> None:
    alone, among = nhs_numbers(4, np.array([17])), nhs_numbers(4, np.array([3, -1, 17]))
    assert alone[0] == among[2]
    assert among[1] == -1
    assert police_keys(4, np.array([17]))[0] != ambulance_keys(4, np.array([17]))[0]


def test_second_keys_are_of_nobody() -> None:
    people = np.arange(5_000)
    for keys in (police_keys, ambulance_keys):
        first, second = keys(6, people), keys(6, people, second=True)
        assert len(np.unique(np.concatenate([first, second]))) == 2 * len(people)


# Contacts and files


def test_a_contact_has_only_columns_that_are_known() -> None:
    assert contacts("gp", [0], [-1]).ended.tolist() == [-1]
    with pytest.raises(TypeError, match="no columns of a contact: \\['colour'\\]"):
        contacts("gp", [0], [-1], colour="red")
    with pytest.raises(KeyError, match="carrots"):
        contacts("gp", [0], [-1], code="carrots")
    with pytest.raises(KeyError, match="zoo"):
        contacts("zoo", [0], [-1])


def test_contacts_are_filled_taken_and_put_together() -> None:
    first = contacts("police_999", [5, 6, 7], [1, -1, 2], code="MH01", premises="public", crisis=[True, False, True])
    both = Contacts.concatenated([first, contacts("gp", [9], [3])])
    assert len(both) == 4
    assert both.of("gp").at.tolist() == [9]
    assert both.taken(both.crisis).person.tolist() == [1, 2]
    assert [CODES[code] for code in both.code] == ["MH01", "MH01", "MH01", ""]
    assert {getattr(both, name).shape for name in COLUMNS} == {(4,)}
    assert len(Contacts.concatenated([])) == 0


def test_codes_are_drawn_with_their_weights() -> None:
    drawn = pick_codes(np.random.default_rng(1), {"MH01": 3, "CONC": 1}, 20_000)
    assert (drawn == number_of("MH01")).mean() == pytest.approx(0.75, abs=0.02)
    assert set(drawn.tolist()) == {number_of("MH01"), number_of("CONC")}


def test_words_are_declared_once() -> None:
    assert len(set(CODES)) == len(CODES)
    assert set(DESKS) == set(SOURCES)
    assert sorted(source for sources in FEEDS.values() for source in sources) == sorted(SOURCES)


def test_what_an_agency_calls_a_crisis() -> None:
    codes = code_numbers(["PSYCH", "FALL"])
    assert says_crisis("ambulance_999", codes).tolist() == [True, False]
    assert says_crisis("police_999", codes, np.array([False, True])).tolist() == [False, True]
    assert says_crisis("s136", codes).tolist() == [True, True]
    assert says_crisis("gp", codes, np.array([True, True])).tolist() == [False, False]
    assert set(CRISIS_CODES) <= set(SOURCES)


def test_both_records_of_a_detention_and_a_late_batch_are_in_files_of_their_own() -> None:
    found = Contacts.concatenated(
        [
            contacts("s136", [1, 2], [0, 0], code=code_numbers(["DETAINED", "SUITE"])),
            contacts("mh_contact", [3, 4], [0, 0]),
        ]
    )
    files = feeds_of(found, np.array([False, False, False, True]))
    assert [FILES[file] for file in files] == [
        "police_s136.csv", "mh_crisis_services.csv", "mh_contacts.csv", "mh_contacts_late.csv",
    ]  # fmt: skip


@pytest.mark.parametrize(("people", "days"), [(200, 30), (60_000, 30), (2_000_000, 1), (5_000_000, 1)])
def test_more_people_make_shorter_stretches_of_whole_days(people: int, days: int) -> None:
    period = period_of(2)
    slices = slices_of(period, people)
    assert set(slices.starts.tolist()) <= set(period.midnight.tolist())
    assert slices.starts[1] == period.midnight[days]
    assert slices.of(np.array([period.midnight[0], period.midnight[days] - 1, period.midnight[days]])).tolist() == [
        0,
        0,
        1,
    ]
    assert slices.of(np.array([period.end])).tolist() == [len(slices) - 1]
