"""Reasons in words: a history and a feature in, the sentence out."""

from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa
import pytest

from crisisrisk.features.aggregations import PERSON, PLACE
from crisisrisk.features.aggregations.distinct import KNOWN_SOURCES
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureSpec, Phrases
from crisisrisk.models.phrases import PhraseBook
from crisisrisk.models.wording import words_of
from crisisrisk.scoring.evidence import dates_in_words, evidence_of_bucket
from crisisrisk.scoring.release import released_words
from crisisrisk.scoring.telling import as_worded, sentence
from crisisrisk.timeline import FOREVER, microseconds

LONDON = ZoneInfo("Europe/London")
TODAY = date(2026, 11, 22)
AS_OF = datetime(2026, 11, 22, 6, tzinfo=UTC)
BOOK = PhraseBook(
    sources={
        "mh_missed": Phrases("missed appointment", "missed appointments"),
        "crisis_line": Phrases("crisis-line call", "crisis-line calls"),
    },
    states={}, caveats={}, not_known={},
    usual={"more": "more {plural} than usual {where} {window}", "fewer": "fewer {plural} than usual {where} {window}",
           "same": "about as many {plural} as usual {where} {window}"},
)  # fmt: skip


BLANKS = defaultdict(lambda: "28", singular="{singular}", plural="{plural}", count="{count}")


def feature(aggregation: str, source: str, days: int | None = 28, *, subject: str = "person", short: int | None = None):
    declared = (PERSON if subject == "person" else PLACE)[aggregation]
    kept = {"singular": "{singular}", "plural": "{plural}", "count": "{count}", "days": days, "short_days": short}
    window = "so far" if days is None else f"in the last {days} days"
    return FeatureSpec(
        name=f"{source}_{aggregation}", group=source, aggregation=aggregation, sources=(source,), lookback_days=days,
        short_days=short, if_none=0.0, meaning=declared.meaning.format(**kept, window=window),
        reason=declared.reason.format(**kept, window=window),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("aggregation", "days", "value", "words"),
    [
        ("count", 28, 3, "3 missed appointments in the last 28 days"),
        ("count", 28, 1, "1 missed appointment in the last 28 days"),
        ("count", 28, 0, "no missed appointments in the last 28 days"),
        ("count", None, 12, "12 missed appointments so far"),
        ("days_since_last", None, 9.7, "last missed appointment 9 days ago"),
        ("days_since_last", None, 1.2, "last missed appointment 1 day ago"),
        ("days_since_last", None, 0.4, "last missed appointment less than a day ago"),
        ("days_since_last", None, float("nan"), "no missed appointment so far"),
        ("distinct_sources", 91, 1, "missed appointments from 1 source in the last 91 days"),
        ("any", 7, 1, "at least one missed appointment in the last 7 days"),
        ("any", 7, 0, "no missed appointments in the last 7 days"),
        ("any_at_night", 1, 0, "no missed appointments at night in the last 24 hours"),
        ("none", 364, 1, "no missed appointments in the last 364 days"),
        ("none", 364, 0, "at least one missed appointment in the last 364 days"),
        ("now", None, 1, "in one of the missed appointments now"),
        ("now", None, 0, "no missed appointment at present, as far as is known"),
        ("on_caseload", None, 0, "on no team's caseload"),
        ("on_caseload", None, 1, "on the caseload of a team"),
        ("usual_hour", 84, 0, "the last missed appointment at an hour unlike this person's others"),
        ("usual_hour", 84, 1, "the last missed appointment at an hour near that of all of this person's others"),
        ("usual_hour", 84, float("nan"), "fewer than two missed appointments in the last 84 days"),
        ("share_out_of_hours", 84, 0, "none of the missed appointments out of hours in the last 84 days"),
        ("share_out_of_hours", 84, 0.998, "99 in 100 of the missed appointments out of hours in the last 84 days"),
        ("share_out_of_hours", 84, 1, "all missed appointments out of hours in the last 84 days"),
        ("share_out_of_hours", 84, float("nan"), "no missed appointments in the last 84 days"),
        ("slope", 84, -0.2, "missed appointments falling by the week over the last 84 days"),
        ("trend", 364, 2.5, "rate of missed appointments in the last 28 days: 2.5 times that of the last 364"),
        ("trend", 364, 1.0, "rate of missed appointments in the last 28 days: about that of the last 364"),
        ("trend", 364, 0, "no missed appointments in the last 28 days, but some in the last 364"),
        ("above_usual", 364, -2, "2.0 fewer missed appointments in the last 28 days than this person's usual"),
        (
            "silence_against_usual",
            364,
            0.02,
            "time since the last missed appointment: under a tenth of this person's usual",
        ),
        ("mean_gap", 364, float("nan"), "fewer than two missed appointments in the last 364 days"),
        ("days_since_leaving", None, 0.5, "less than a day since the last of the missed appointments ended"),
        ("days_in_total", 28, 0.5, "less than a day in missed appointments in the last 28 days"),
        ("mean_value", 28, 3.25, "values of missed appointments in the last 28 days: 3.2 on average"),
        ("distinct_days", 91, 4, "missed appointments on 4 different days in the last 91 days"),
    ],
)
def test_a_value_in_words(aggregation, days, value, words):
    short = 28 if PERSON[aggregation].takes_short_days else None
    assert words_of(feature(aggregation, "mh_missed", days, short=short), value, BOOK.sources) == words


SHIPPED = Path(__file__).parents[2] / "features" / "person.toml"
ALWAYS_TRUE = ("season_sine", "season_cosine")
"""Worded as "the time of year", which no value makes untrue."""


def test_none_one_and_not_known_of_every_shipped_feature_read_differently():
    for spec in read_feature_recipe(SHIPPED, sources=KNOWN_SOURCES).specs:
        if spec.aggregation in ALWAYS_TRUE:
            continue
        said = [words_of(spec, value, BOOK.sources) for value in (0.0, 1.0, float("nan"))]
        assert len(set(said)) == 3, (spec.name, said)
        assert not any("{" in words or " or none" in words for words in said)


@pytest.mark.parametrize("code", ["now", "any"])
def test_nothing_that_is_not_so_is_said_of_a_flag_of_0(code):
    for spec in read_feature_recipe(SHIPPED, sources=KNOWN_SOURCES).specs:
        if spec.aggregation == code:
            assert words_of(spec, 0.0, BOOK.sources).startswith("no "), spec.name
            assert not words_of(spec, 1.0, BOOK.sources).startswith("no "), spec.name


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (0.0, "no detentions and admissions in the last episode of crisis contacts"),
        (1.0, "detentions and admissions in the last episode of crisis contacts: 1"),
        (3.0, "detentions and admissions in the last episode of crisis contacts: 3"),
    ],
)
def test_what_has_a_name_for_several_alone_has_its_number_last(value, words):
    shipped = {spec.name: spec for spec in read_feature_recipe(SHIPPED, sources=KNOWN_SOURCES).specs}
    spec = shipped["crisis_detained_or_admitted_last_episode_graver"]
    assert words_of(spec, value, BOOK.sources) == words


@pytest.mark.parametrize("aggregation", sorted(PERSON))
def test_values_that_are_worded_alike_are_worded_once(aggregation):
    reason = PERSON[aggregation].reason.format_map(BLANKS)
    spec = replace(feature("count", "mh_missed"), aggregation=aggregation, reason=reason)
    for value in (0.0, 0.3, 0.99, 1.0, 1.4, 2.0, 27.9, -1.2, float("nan")):
        known = as_worded(spec, value)
        alike = float("nan") if known is None else known
        assert words_of(spec, alike, BOOK.sources) == words_of(spec, value, BOOK.sources)


@pytest.mark.parametrize(
    ("days", "words"),
    [
        ([], ""),
        ([date(2026, 11, 19)], "19 Nov"),
        ([date(2026, 11, 20), date(2026, 11, 18)], "18 and 20 Nov"),
        ([date(2026, 11, 2), date(2026, 10, 28)], "28 Oct and 2 Nov"),
        ([date(2026, 11, 2), date(2026, 11, 1), date(2026, 10, 28)], "28 Oct, 1 and 2 Nov"),
        ([date(2026, 11, 20), date(2026, 11, 20)], "20 Nov"),
        ([date(2026, 11, day) for day in (1, 5, 9, 14)], "latest 14 Nov"),
        ([date(2025, 3, 4)], "4 Mar 2025"),
    ],
)
def test_dates_in_words(days, words):
    assert dates_in_words(tuple(days), today=TODAY) == words


def events(*rows: tuple[str, str, str, str, str]) -> pa.Table:
    """Rows of event id, person, source, occurred at, known at."""
    columns = list(zip(*rows, strict=True))
    instant = pa.timestamp("us", "UTC")
    times = [pa.array([datetime.fromisoformat(one) for one in column], instant) for column in columns[3:]]
    return pa.table(
        {
            "event_id": list(columns[0]), "person_id": pa.array(columns[1]).dictionary_encode(),
            "source": pa.array(columns[2]).dictionary_encode(), "occurred_at": times[0], "known_at": times[1],
            "superseded_at": pa.array([FOREVER] * len(rows), instant),
            "is_crisis": [False] * len(rows),
        }
    )  # fmt: skip


HISTORY = events(
    ("e1", "p1", "mh_missed", "2026-10-01T10:00Z", "2026-10-01T11:00Z"),
    ("e2", "p1", "mh_missed", "2026-11-10T10:00Z", "2026-11-10T11:00Z"),
    ("e3", "p1", "mh_missed", "2026-11-19T10:00Z", "2026-11-19T11:00Z"),
    ("e4", "p1", "mh_missed", "2026-11-20T10:00Z", "2026-11-23T11:00Z"),
    ("e5", "p1", "crisis_line", "2026-11-19T23:30Z", "2026-11-20T00:00Z"),
    ("e6", "p2", "mh_missed", "2026-11-18T10:00Z", "2026-11-18T11:00Z"),
)


FACT = FeatureSpec(name="age", group="age", aggregation="age", if_none=0.0, meaning="Age.", reason="age {count}")


def told(spec: FeatureSpec, value: float, person: int = 0) -> tuple[str, tuple[str, ...]]:
    evidence = evidence_of_bucket(HISTORY, np.array(["p1", "p2"], dtype=object), microseconds(AS_OF), LONDON)
    behind = evidence.behind([(spec, person)])[0]
    return sentence(words_of(spec, value, BOOK.sources), behind, TODAY), behind.events


def test_a_count_is_tied_to_the_dates_of_its_events():
    words = "2 missed appointments in the last 28 days (10 and 19 Nov)"
    assert told(feature("count", "mh_missed"), 2) == (words, ("e3", "e2"))


def test_what_was_not_known_yet_is_no_evidence():
    assert "e4" not in told(feature("count", "mh_missed", None), 3)[1]


def test_the_last_event_alone_is_behind_days_since_last():
    words = "last missed appointment 2 days ago (19 Nov)"
    assert told(feature("days_since_last", "mh_missed", None), 2.8) == (words, ("e3",))


def test_evidence_is_of_the_person_alone():
    assert told(feature("count", "mh_missed"), 1, person=1)[1] == ("e6",)


def test_a_source_of_which_nothing_was_known_is_no_evidence():
    assert told(feature("count", "s136"), 0)[1] == ()


def test_people_who_are_not_asked_about_are_left_out():
    evidence = evidence_of_bucket(HISTORY, np.array(["p2"], dtype=object), microseconds(AS_OF), LONDON)
    assert evidence.behind([(feature("count", "mh_missed"), 0)])[0].events == ("e6",)


def test_many_questions_are_answered_at_once_and_in_order():
    evidence = evidence_of_bucket(HISTORY, np.array(["p1", "p2"], dtype=object), microseconds(AS_OF), LONDON)
    missed, calls, age = feature("count", "mh_missed"), feature("count", "crisis_line"), FACT
    asked = [(missed, 1), (calls, 0), (age, 0), (missed, 0), (calls, 1)]
    assert [one.events for one in evidence.behind(asked)] == [("e6",), ("e5",), (), ("e3", "e2"), ()]
    assert evidence.behind([]) == []


@pytest.mark.parametrize(
    ("aggregation", "days", "value", "usual", "words"),
    [
        ("count", 28, 12, 2.0, "more crisis-line calls than usual here in the last four weeks"),
        ("count", 28, 1, 14.0, "fewer crisis-line calls than usual here in the last four weeks"),
        ("count", 7, 22, 20.2, "about as many crisis-line calls as usual here in the last week"),
        ("count", 28, 6, 2.0, "crisis-line calls here in the last four weeks"),
        ("count", 28, 2, 2.0, "crisis-line calls here in the last four weeks"),
        (
            "neighbours_1_count",
            91,
            16,
            2.0,
            "more crisis-line calls than usual in the cells around in the last three months",
        ),
        ("count", 365, 5, float("nan"), "crisis-line calls here in the last year"),
        ("days_since_last", None, 3.0, float("nan"), "recent crisis-line calls here"),
        ("decayed_count", 28, 3.2, float("nan"), "recent crisis-line calls here"),
        ("trend", 365, 3.2, float("nan"), "recent crisis-line calls here"),
        ("days_since_last", None, 200.0, float("nan"), "no recent crisis-line calls here"),
        ("decayed_count", 28, 0.01, float("nan"), "next to no recent crisis-line calls here"),
    ],
)
def test_a_released_reason_holds_no_number(aggregation, days, value, usual, words):
    spec = feature(aggregation, "crisis_line", days, subject="place", short=28)
    text = released_words(spec, value, usual, BOOK)
    assert text == words
    assert not any(character.isdigit() for character in text)


PLACES = read_feature_recipe(SHIPPED.with_name("place.toml"), sources=KNOWN_SOURCES, declared=None).specs
"""Of places, as a site has them that declares all there is."""
FACTS_OF_PLACES = [spec for spec in PLACES if not spec.sources]
SAME_FOR_ALL = ("shift", "weekday", "month", "caseload_expected", "caseload_expected_around")
"""Worded as "the shift" and the like, which no value makes untrue; sums over people are never told as numbers."""
NEVER_UNKNOWN = ("decayed_count", "shift_hours", "bank_holiday", "day_before_bank_holiday", "area_km2")


@pytest.mark.parametrize("spec", PLACES, ids=lambda spec: spec.name)
def test_none_one_and_not_known_of_every_shipped_feature_of_places_read_differently(spec):
    if spec.aggregation in SAME_FOR_ALL:
        return
    said = [words_of(spec, value, BOOK.sources) for value in (0.0, 1.0, float("nan"))]
    assert len(set(said)) == 3, said
    assert not any("{" in words or "nan" in words.split() for words in said)
    number = said[1].replace(f"in the last {spec.lookback_days} days", "")
    assert spec.plural not in number.split() or "1 " not in number, "one is not several"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("bank_holiday", 1, "bank holiday"),
        ("bank_holiday", 0, "not a bank holiday"),
        ("school_holiday", 1, "school holiday"),
        ("school_holiday", 0, "no school holiday"),
        ("school_holiday", float("nan"), "school holidays: not known"),
        ("days_since_payday", 0, "payday"),
        ("days_since_payday", 1, "1 day since payday"),
        ("days_since_payday", 9, "9 days since payday"),
        ("days_since_benefit_day", 0, "a day on which benefits are paid"),
        ("happening_here", 0, "no happenings here during the shift"),
        ("happening_here", 1, "1 happening here during the shift"),
        ("happening_nearby", 2, "2 happenings in the cells around during the shift"),
        ("happening_everywhere", float("nan"), "happenings in the whole area during the shift: not known"),
        ("station_here", 0, "no railway stations here"),
        ("station_here", 1, "1 railway station here"),
        ("station_nearby", float("nan"), "railway stations in the cells around: not known"),
        ("station_nearest_km", 0.01, "the nearest railway station under 0.1 km away"),
        ("station_nearest_km", 2.345, "the nearest railway station 2.3 km away"),
        ("station_nearest_km", float("nan"), "distance to the nearest railway station: not known"),
        ("night_life_here", 1, "1 bar or club here"),
        ("population", 1, "one person lives here"),
        ("population", 0, "nobody lives here"),
        ("population", 1234, "1234 people live here"),
    ],
)
def test_a_fact_of_a_place_in_words(name, value, words):
    assert words_of({spec.name: spec for spec in PLACES}[name], value, BOOK.sources) == words


@pytest.mark.parametrize("spec", FACTS_OF_PLACES, ids=lambda spec: spec.name)
def test_a_released_fact_of_a_place_holds_no_number_and_is_true(spec):
    for value in (0.0, 1.0, 7.0, float("nan")):
        words = released_words(spec, value, float("nan"), BOOK)
        assert not any(character.isdigit() for character in words), words
        assert "{" not in words
    if spec.aggregation not in SAME_FOR_ALL:
        there, absent = (released_words(spec, value, float("nan"), BOOK) for value in (7.0, 0.0))
        assert there != absent or not there.startswith(("no ", "not ")), "none is not said as some"


@pytest.mark.parametrize("name", ["bank_holiday", "day_before_bank_holiday", "school_holiday", "happening_here"])
def test_what_is_not_so_is_not_released_as_if_it_were(name):
    spec = {spec.name: spec for spec in PLACES}[name]
    assert released_words(spec, 0.0, float("nan"), BOOK).startswith(("no ", "not "))


@pytest.mark.parametrize(("value", "said"), [(0, "no 999 calls"), (1, "1 × 999 call"), (12, "12 × 999 calls")])
def test_a_number_stands_apart_from_a_name_that_begins_with_a_figure(value: int, said: str) -> None:
    named = {"crisis_line": Phrases("999 call", "999 calls")}
    assert words_of(feature("count", "crisis_line"), value, named) == f"{said} in the last 28 days"
