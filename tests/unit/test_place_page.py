"""The report of places as it leaves the site: its first sentence, its figures, and no count of 1 to 7."""

import json
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

import h3
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.lib.reference_place_features import MIDDLE, hexagons

from crisisrisk.evaluation.card.place_content import PlaceFacts, place_content
from crisisrisk.evaluation.card.place_drawings import place_drawings
from crisisrisk.evaluation.card.place_render import place_files
from crisisrisk.evaluation.place_breakdown import Before
from crisisrisk.evaluation.place_coverage import PlaceIntervals
from crisisrisk.evaluation.place_levels import issue_time_of
from crisisrisk.evaluation.place_record import AS_EXPECTED, FEWER, MORE, TOO_FEW, place_records, records_json
from crisisrisk.evaluation.place_report import JudgedShifts, place_report
from crisisrisk.models.place_distribution import LEVELS, PlaceDistribution
from crisisrisk.models.scattered_forecast import ScatteredForecast
from crisisrisk.tables.cells import Cells

SHIFTS = 126
CELLS: Cells = replace(hexagons(*h3.grid_disk(MIDDLE, 2)))
PLAIN = PlaceDistribution()
NAMES = [f"{'day' if shift % 2 else 'night'}" for shift in range(SHIFTS)]


def intervals(expected: np.ndarray) -> PlaceIntervals:
    kinds = PLAIN.kind_numbers(NAMES[: len(expected)])
    strata = PLAIN.strata(kinds, np.full(len(CELLS), np.nan), expected)
    return PlaceIntervals(
        {level: PLAIN.interval(expected, strata, level=level) for level in LEVELS},
        {level: PLAIN.total_interval(expected, strata, kinds, level=level) for level in LEVELS},
    )


def facts(expected: np.ndarray, counts: np.ndarray, rule: np.ndarray, **changes: Any) -> PlaceFacts:
    """A report of a forecast beside one rule."""
    poisson, ranges = ScatteredForecast.poisson, intervals(expected)
    kind = np.arange(SHIFTS) % 2
    report = place_report(
        poisson(expected), counts, baselines={"trailing_365_days": poisson(rule)}, intervals=ranges, seed=1,
        resamples=40,
        shifts=JudgedShifts(
            week=np.arange(SHIFTS) // 14, kind=kind, kinds=("night", "day"), like=np.arange(SHIFTS) % 14,
            deprivation_decile=np.arange(len(CELLS)) % 10 + 1, district=np.arange(len(CELLS)) % 3,
            team_cells=np.full(SHIFTS, 2), before=Before(counts[::-1], season=14),
        ),
    ).as_json()  # fmt: skip
    places = records_json(place_records(CELLS, poisson(expected), ranges.cells[0.8], counts))
    whole = {**report, "places": places, "issue_times": [issue_time_of(report, hours=24)], **changes}
    return PlaceFacts(
        title="small: backtest", site="Test", task="small", run_id=None, recipe_fingerprint="ab" * 32,
        judged_on="judged on 126 shifts", report=whole,
    )  # fmt: skip


MAP = np.random.default_rng(4).gamma(0.6, 0.5, len(CELLS)) + 0.01
CLOCK = np.where(np.arange(SHIFTS) % 2, 0.5, 1.5)[:, None]
TRUTH = MAP * CLOCK
COUNTS = np.random.default_rng(5).poisson(TRUTH)
FLAT = np.broadcast_to(MAP, TRUTH.shape).copy()


def every_number(value: Any) -> list[float]:
    if isinstance(value, Mapping):
        return [number for inner in value.values() for number in every_number(inner)]
    if isinstance(value, list):
        return [number for inner in value for number in every_number(inner)]
    return [value] if isinstance(value, int | float) else []


def test_the_first_sentence_says_whether_the_model_is_worth_anything() -> None:
    better = place_content(facts(TRUTH, COUNTS, FLAT))["summary"]
    assert better[0].startswith("The model is better than the best simple rule, “map of the last year”: deviance ")
    worse = place_files(place_content(facts(FLAT, COUNTS, TRUTH)))["card.html"]
    first = re.search(r'<h2 id="summary">.*?<p>(.*?)</p>', worse, re.DOTALL)
    assert first is not None
    assert first[1].startswith("<strong>The model earns nothing over the simple rule “map of the last year”: deviance ")
    assert first[1].endswith("serve that rule instead: crisisrisk train place --baseline trailing_365_days.</strong>")


def test_fewer_origins_than_asked_for_are_told_with_the_reason() -> None:
    told = "7 of 52 origins: before the others there is too little to train and to validate on"
    summary = place_content(facts(TRUTH, COUNTS, FLAT, origins_told=told))["summary"]
    assert any(told in line for line in summary)


def test_sources_and_levels_are_called_by_their_words() -> None:
    figures = {"events": 40, "hit_rate": {"5": 0.5}}
    affected = {"sources": ["s136"], "warning": "", "with": figures, "without": figures}
    changed = replace(facts(TRUTH, COUNTS, FLAT, treatment_affected=affected), sources={"s136": "detentions"})
    page = place_files(place_content(changed))["card.html"]
    assert "the number of detentions changes with the team’s own presence" in page.replace("&#39;", "’")
    assert '<th scope="row">without detentions</th>' in page
    assert "s136" not in page
    assert re.findall(r'<th scope="row">(the whole area|area)<', page)[0] == "the whole area"
    body = re.sub(r"<(style|code)\b.*?</\1>|<[^>]*>", " ", page.split("<body>")[1], flags=re.S)
    assert re.findall(r"\b[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", body) == []


def test_every_level_and_kind_and_the_teams_stand_on_the_page() -> None:
    content = place_content(facts(TRUTH, COUNTS, FLAT))
    assert [one["level"] for one in content["levels"]] == ["cell", "district", "area"]
    cell, _, area = content["levels"]
    assert cell["model"]["mase"] is None  # a mean under 1
    assert 0 < area["model"]["mase"] < 2
    assert [one["kind"] for one in content["kinds"]] == ["night", "day"]
    assert content["ranking"][0]["rows"][-1]["where"] == "the 2 places a shift that the teams on duty can cover"
    assert content["issue_times"][0]["hours"] == 24
    page = place_files(content)["card.html"]
    for words in (
        "By level",
        "night",
        "Does it mean what it says?",
        "How often has this place been right?",
        "24 hours before",
    ):
        assert words in page
    assert "does not say how many teams" not in page


def test_teams_catch_what_the_highest_places_hold() -> None:
    """Two teams in shifts of three cells: they stand in the first two by expected count, ties in the worst case."""
    from crisisrisk.evaluation.place_ranking import most_cells

    expected = np.array([[3.0, 2.0, 1.0], [1.0, 1.0, 1.0], [9.0, 1.0, 1.0]])
    counts = np.array([[1, 0, 4], [0, 1, 2], [5, 5, 5]])
    found = most_cells(expected, counts, numbers=np.array([2, 2, 0]))
    assert (found.caught, found.best, found.events) == (1 + 1, 5 + 3, 8)
    assert (found.area, found.whole_area) == (4, 6)
    assert found.pei_star == 2 / 8


def test_a_place_that_goes_wrong_is_found_and_one_of_few_contacts_is_not_judged() -> None:
    expected = np.full((SHIFTS, len(CELLS)), 0.2)
    counts = np.random.default_rng(6).poisson(expected)
    counts[:, 0], counts[:, 1], counts[:, 2] = 0, 0, 0
    counts[:60, 0], counts[:9, 1], counts[:5, 2] = 1, 1, 1
    found = place_records(CELLS, ScatteredForecast.poisson(expected), intervals(expected).cells[0.8], counts)
    assert [one.says for one in found[:3]] == [MORE, FEWER, TOO_FEW]
    assert [one.happened for one in found[:3]] == [60, 10, "under 8"]
    # 25.2 contacts and 2.2 shifts outside were expected of each: one to the nearest five, the other not told.
    assert (found[2].outside, found[0].outside_expected, found[0].expected) == (0, "under 8", 25)
    assert [one.says for one in found[3:]].count(AS_EXPECTED) >= len(CELLS) - 6


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), level=st.floats(0.001, 0.3))
def test_no_small_count_of_a_place_leaves_the_site(seed: int, level: float) -> None:
    """Neither itself, nor by what is said beside it: from a record as it stands the count is never 1 to 7 for sure."""
    random = np.random.default_rng(seed)
    expected = random.gamma(0.5, level, (SHIFTS, len(CELLS))) + 1e-4
    counts = random.poisson(expected)
    records = place_records(CELLS, ScatteredForecast.poisson(expected), intervals(expected).cells[0.8], counts)
    happened = counts.sum(axis=0)
    for record, count in zip(records, happened.tolist(), strict=True):
        for told in (record.happened, record.outside, record.highest_with_contact, record.expected,
                     record.outside_expected, record.highest_expected):  # fmt: skip
            assert told == "under 8" or told == 0 or (isinstance(told, int) and told >= 10 and told % 5 == 0)
        if count < 8:
            assert record.says == TOO_FEW


def test_counts_and_shares_of_few_are_withheld_from_the_whole_page() -> None:
    """A year in which nearly nothing happened: five contacts in all."""
    counts = np.zeros_like(COUNTS)
    counts[[3, 40, 77, 90, 100], [0, 1, 2, 3, 4]] = 1
    content = place_content(facts(np.full(TRUTH.shape, 0.001), counts, FLAT))
    assert content["events"] == "under 8"
    assert {one["events"] for one in content["kinds"]} == {"under 8"}
    assert all(row["hit_rate"] is None for one in content["ranking"] for row in one["rows"])
    assert {one["happened"] for one in content["places"]} == {0, "under 8"}
    assert all(group["ratio"] is None for one in content["calibration"] for group in one["groups"])
    assert "with under 8 contacts" in " ".join(content["summary"])
    assert {one["mean"] for one in content["levels"]} == {None}  # 5 ÷ 126 shifts, told as 0.040, is 5
    assert {one["calibration_ratio"] for one in content["panel"]} == {None}
    assert not any("100 contacts that it expected" in line for line in content["summary"])


def test_means_and_ratios_on_the_page_are_of_the_rounded_number_of_contacts() -> None:
    content = place_content(facts(TRUTH, COUNTS, FLAT))
    events, came = content["events"], int(COUNTS.sum())
    assert (events % 5, came % 5 == 0) == (0, False)
    assert [one["mean"] for one in content["levels"]] == [
        round(events / SHIFTS / series, 3) for series in (len(CELLS), 3, 1)
    ]
    assert content["panel"][0]["calibration_ratio"] == pytest.approx(events / TRUTH.sum())


def test_the_drawings_can_be_read_without_colour_and_without_eyes() -> None:
    drawn = place_drawings(place_content(facts(TRUTH, COUNTS, FLAT)))
    assert set(drawn) == {"map", "pit", "area_pit", "tenths"}
    for svg in drawn.values():
        root = ElementTree.fromstring(svg)
        title, description = root.find("{*}title"), root.find("{*}desc")
        assert title is not None
        assert description is not None
        assert title.text
        assert re.search(r"\d", description.text or "")
    for pattern in ("more", "fewer"):
        assert f'<pattern id="{pattern}"' in drawn["map"]


def test_named_areas_are_discs_and_places_nobody_can_find_have_no_map() -> None:
    content = place_content(facts(TRUTH, COUNTS, FLAT))
    named = [{**one, "place_id": f"area {place}"} for place, one in enumerate(content["places"])]
    assert place_drawings({**content, "places": named})["map"].count("<circle") == len(CELLS)
    nowhere = [{**one, "latitude": None, "longitude": None} for one in named]
    assert "map" not in place_drawings({**content, "places": nowhere})
    assert "How often has this place been right?" in place_files({**content, "places": nowhere})["card.html"]


def test_the_same_content_gives_the_same_files_and_the_json_is_the_content() -> None:
    content = place_content(facts(TRUTH, COUNTS, FLAT))
    files = place_files(content)
    assert files == place_files(content)
    assert json.loads(files["card.json"]) == json.loads(json.dumps(content))
    assert all(np.isfinite(number) for number in every_number(content))


def test_what_a_map_of_a_year_expected_does_not_tell_its_small_counts() -> None:
    """Every shift of the block expects the count of the year ÷ its hours: over all shifts that is the count again."""
    of_a_year = np.arange(len(CELLS)) % 8
    expected = np.tile(np.maximum(of_a_year / 700, 1e-4), (SHIFTS, 1))
    counts = np.zeros_like(expected, dtype=np.int64)
    records = place_records(CELLS, ScatteredForecast.poisson(expected), intervals(expected).cells[0.8], counts)
    said = {(one.expected, one.outside_expected, one.highest_expected if one.highest else 0) for one in records}
    assert {one[:2] for one in said} == {("under 8", "under 8")}
