"""What a city is made from: presets, sizes, and any parameter by its name in a file."""

from dataclasses import fields
from datetime import date, datetime
from pathlib import Path

import holidays
import numpy as np
import pytest

from crisisrisk.errors import DataError, UsageError
from crisisrisk.simulation import settings as settings_module
from crisisrisk.simulation.configuration import read_settings, settings_of_truth
from crisisrisk.simulation.period import (
    BANK_HOLIDAYS,
    END,
    MOST_YEARS,
    SECONDS_PER_HOUR,
    first_day,
    period,
    period_of,
    seconds,
    stream,
)
from crisisrisk.simulation.settings import (
    DRAWN_SETS,
    GROUPS,
    PRESETS,
    RANGES,
    CitySettings,
    drawn_settings,
    settings_for,
)
from crisisrisk.simulation.truth_files import write_settings


@pytest.mark.parametrize("years", [0.5, 1, 2, 4, 10])
def test_data_end_at_the_same_moment_and_begin_on_a_monday(years: float) -> None:
    days = period_of(years)
    assert days.first.weekday() == days.weekday[0] == 0
    assert 0 <= years * 365.25 - (END.date() - days.first).days < 7
    assert {day.year for day in BANK_HOLIDAYS} >= set(range(first_day(years).year - 1, END.year + 1))


def test_every_local_day_is_there_with_its_length() -> None:
    days = period_of(2)
    assert len(days) == 728
    assert days.end == seconds("2026-11-22T06:00:00")
    assert set((np.diff(days.midnight) // SECONDS_PER_HOUR).tolist()) == {23, 24, 25}


def test_paydays_are_the_last_working_day_of_a_month_and_the_two_after() -> None:
    december = period(date(2024, 12, 1), datetime(2024, 12, 31))
    assert np.flatnonzero(december.payday).tolist() == [30]
    may = period(date(2026, 5, 25), datetime(2026, 6, 1))
    assert np.flatnonzero(may.payday).tolist() == [4, 5, 6]
    assert np.flatnonzero(may.bank_holiday).tolist() == [0]


def test_an_hour_of_a_day_stays_inside_that_day() -> None:
    days = period_of(2)
    short = np.flatnonzero(np.diff(days.midnight) == 23 * SECONDS_PER_HOUR)[0]
    assert days.day_of(days.at(np.array([short]), np.array([23.9]))).tolist() == [short]


def test_streams_differ_by_seed_name_and_block() -> None:
    drawn = {stream(*own).random() for own in [(1, "a"), (2, "a"), (1, "b"), (1, "a", 1)]}
    assert len(drawn) == 4
    assert stream(1, "a").random() == stream(1, "a", 0).random()


def test_bank_holidays_are_those_of_england() -> None:
    years = range(first_day(MOST_YEARS).year - 1, END.year + 1)
    published = {day for day in holidays.country_holidays("GB", subdiv="ENG", years=years) if day.weekday() < 5}
    assert published == BANK_HOLIDAYS


def test_presets_have_their_published_sizes() -> None:
    found = {name: (size.people, size.years, size.residents) for name, size in PRESETS.items()}
    assert found == {
        "sample": (2_000, 2.0, 190_000), "birmingham": (60_000, 2.0, 1_300_000), "force": (120_000, 2.0, 2_900_000),
    }  # fmt: skip


def test_residents_keep_their_proportion_unless_given() -> None:
    assert settings_for("birmingham", people=6_000).residents == 130_000
    assert settings_for("birmingham", people=6_000, residents=500_000).residents == 500_000


@pytest.mark.parametrize(
    ("sizes", "problem", "found", "wanted"),
    [
        ({"people": 0}, "people", "0", "200 to 5,000,000"),
        ({"people": -3}, "people", "-3", "200 to 5,000,000"),
        ({"people": 10**12}, "people", "1,000,000,000,000", "200 to 5,000,000"),
        ({"years": 0.0}, "years", "0.0", "0.5 to 10"),
        ({"years": float("nan")}, "years", "nan", "0.5 to 10"),
        ({"residents": 100}, "residents", "100", "60,000 to 100,000,000"),
        ({"seed": -1}, "seed", "-1", "0 to 2,147,483,647"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes: dict[str, float], problem: str, found: str, wanted: str) -> None:
    with pytest.raises(UsageError) as refused:
        settings_for("birmingham", **sizes)  # type: ignore[arg-type]
    assert refused.value.rendered() == (
        f"error[CR-USE-001]: an invented city cannot be made with that value of {problem}\n"
        f"  wanted  {wanted}\n  found   {found}\n  hint    see docs/reference/errors.md#cr-use-001"
    )


def test_an_unknown_preset_is_refused() -> None:
    with pytest.raises(UsageError) as refused:
        settings_for("birmingam")
    assert refused.value.hint == 'did you mean "birmingham"?'


def test_the_digest_is_of_the_parameters_alone() -> None:
    settings = settings_for("birmingham")
    assert settings_for("birmingham", people=500, years=1, seed=4, defects=("bad_rows",)).digest() == settings.digest()
    drawn = {drawn_settings(number).digest() for number in DRAWN_SETS}
    assert len(drawn | {settings.digest()}) == 4


def test_drawn_parameters_stay_within_their_ranges_and_leave_the_others_as_they_are() -> None:
    preset = settings_for("birmingham")
    for number in DRAWN_SETS:
        drawn = drawn_settings(number, people=900)
        assert drawn == drawn_settings(number, people=900)
        assert drawn.people == 900
        for group in GROUPS:
            for field in fields(getattr(preset, group)):
                before, after = (getattr(getattr(one, group), field.name) for one in (preset, drawn))
                if f"{group}.{field.name}" not in RANGES:
                    assert after == before
                    continue
                least, most = RANGES[f"{group}.{field.name}"]
                assert least <= after / before <= most, field.name


@pytest.mark.parametrize("path", sorted(RANGES))
def test_every_range_is_of_a_number_that_is_not_zero(path: str) -> None:
    group, name = path.split(".")
    value = getattr(getattr(settings_for("birmingham"), group), name)
    assert isinstance(value, float)
    assert value != 0


def test_the_parameters_are_those_that_were_frozen_before_any_model_was_tuned() -> None:
    """A change here makes every result that names the old digest one of another city."""
    lines = (Path(settings_module.__file__).with_name("FROZEN")).read_text(encoding="ascii").splitlines()
    presets = {preset: settings_for(preset).digest() for preset in PRESETS}
    drawn = {f"drawn-{number}": drawn_settings(number).digest() for number in DRAWN_SETS}
    assert dict(line.split() for line in lines) == presets | drawn


def read(tmp_path: Path, text: str, **given: object) -> CitySettings:
    file = tmp_path / "city.toml"
    file.write_text(text)
    return read_settings(file, given=given)


def test_a_file_says_sizes_and_parameters_and_the_command_line_goes_first(tmp_path: Path) -> None:
    text = 'preset = "sample"\npeople = 300\nseed = 5\ndefects = ["leaking_column"]\n[dynamics]\nadmission = 0.5\n'
    settings = read(tmp_path, text, people=400)
    assert (settings.preset, settings.people, settings.seed) == ("sample", 400, 5)
    assert settings.defects == ("leaking_column",)
    assert settings.dynamics.admission == 0.5
    assert settings.digest() != settings_for("sample").digest()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("peple = 3\n", ["an unknown option of the invented city", "peple", 'did you mean "people"?']),
        ("[dynamics]\nadmision = 1\n", ["[dynamics]", "admision", 'did you mean "admission"?']),
        ('people = "many"\n', ["people cannot have that value", "'many'", "a whole number"]),
        ("people = true\n", ["people cannot have that value", "True", "a whole number"]),
        ('[dynamics]\nadmission = "often"\n', ["admission cannot have that value", "'often'", "a number"]),
        ("[dynamics]\nmiss_factor = [1.0]\n", ["miss_factor cannot have that value", "1 values", "4 values"]),
        ("dynamics = 3\n", ["dynamics cannot have that value", "3", "a table"]),
        ("people = 3\npeople = 4\n", ["not valid TOML"]),
        ("people = -5\n", ["value of people", "-5"]),
        ("[dynamics]\nadmission = nan\n", ["admission cannot have that value", "nan", "a finite number, 0 or more"]),
        ("[places]\nstreet_incidents = -1\n", ["street_incidents cannot have that value", "-1"]),
        ("[footprint]\nprotected_days = 1.5\n", ["protected_days cannot have that value", "1.5", "a whole number"]),
        ("defects = [3]\n", ["defects cannot have that value", "3", "a text"]),
    ],
)
def test_what_a_file_cannot_say_is_refused(tmp_path: Path, text: str, expected: list[str]) -> None:
    with pytest.raises(UsageError) as refused:
        read(tmp_path, text)
    rendered = refused.value.rendered()
    assert [words for words in expected if words not in rendered] == []


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError) as refused:
        read_settings(tmp_path / "none.toml", given={})
    assert refused.value.found == "No such file or directory"


@pytest.mark.parametrize("number", DRAWN_SETS)
def test_the_settings_beside_a_truth_make_the_same_city_again(number: int, tmp_path: Path) -> None:
    settings = drawn_settings(number, people=900, seed=3, years=1.5, defects=("feed_stops",))
    write_settings(tmp_path, settings)
    assert settings_of_truth(tmp_path) == settings


def test_settings_of_another_version_are_refused(tmp_path: Path) -> None:
    write_settings(tmp_path, settings_for("sample"))
    path = tmp_path / "settings.json"
    path.write_text(path.read_text(encoding="utf-8").replace('"digest": "', '"digest": "0'), encoding="utf-8")
    with pytest.raises(DataError, match="makes another city"):
        settings_of_truth(tmp_path)
    path.write_text("{}", encoding="utf-8")
    with pytest.raises(DataError, match="cannot be read"):
        settings_of_truth(tmp_path)
