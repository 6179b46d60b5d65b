"""The trust sheet: fit for release, complete, readable without colour and without eyes."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html.parser import HTMLParser
from itertools import pairwise
from typing import Any
from xml.etree import ElementTree
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.lib.judged_runs import SITE, predictions, run_facts

from crisisrisk.disclosure import released_count, released_share, remaining
from crisisrisk.evaluation.card.content import card_content
from crisisrisk.evaluation.card.headings import with_headings
from crisisrisk.evaluation.card.render import HTML, JSON, MARKDOWN, card_files, interval, number
from crisisrisk.evaluation.card.rule_words import RULES, in_words, rule_meaning, rule_words
from crisisrisk.models.place_rules.rules import PLACE_RULES

LONDON = ZoneInfo("Europe/London")
SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture(scope="module")
def content() -> dict[str, Any]:
    return card_content(run_facts(predictions()), SITE)


@pytest.fixture(scope="module")
def files(content: dict[str, Any]) -> dict[str, str]:
    return card_files(content, LONDON)


# Small numbers


@given(count=st.integers(0, 3000))
def test_a_released_count_is_rounded_or_withheld(count: int) -> None:
    shown = released_count(count)
    if 1 <= count <= 7:
        assert shown == "under 8"
        return
    assert isinstance(shown, int)
    assert shown % 5 == 0
    assert abs(shown - count) <= 2
    assert shown == 0 or shown >= 10


@given(part=st.integers(0, 60), rest=st.integers(0, 60))
def test_a_share_of_few_is_withheld(part: int, rest: int) -> None:
    share = released_share(part, part + rest)
    small = part in range(1, 8) or rest in range(1, 8) or part + rest == 0
    assert (share is None) == small


@given(start=st.integers(0, 500), taken=st.lists(st.integers(0, 60), max_size=6))
def test_what_is_left_gives_no_small_count_back(start: int, taken: list[int]) -> None:
    shown = [released_count(one) for one in taken]
    left = remaining(start, shown)
    before = int(released_count(start)) if start == 0 or start >= 8 else 0
    for step, after in zip(shown, left, strict=True):
        assert after == max(0, before - (step if isinstance(step, int) else 0))
        before = after


def _counts(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _counts(inner, f"{path}.{key}")
    elif isinstance(value, list):
        for inner in value:
            yield from _counts(inner, path)
    else:
        yield path, value


COUNTS = re.compile(r"\.(people|rows|outcomes|people_left|rows_left|names|crises)$")


@pytest.mark.parametrize(("seed", "people"), [(1, 300), (2, 60), (3, 25), (4, 120)])
def test_no_count_of_one_to_seven_is_in_it(seed: int, people: int) -> None:
    content = card_content(run_facts(predictions(seed, people=people)), SITE)
    counts = [(path, value) for path, value in _counts(content) if COUNTS.search(path)]
    assert len(counts) > 30
    assert [one for one in counts if one[1] is not None and one[1] != "under 8" and one[1] % 5] == []


@pytest.mark.parametrize(("seed", "people"), [(1, 300), (2, 90), (5, 150)])
def test_no_share_gives_a_count_of_one_to_seven_away(seed: int, people: int) -> None:
    rows = predictions(seed, people=people)
    run = run_facts(rows)
    content = card_content(run, SITE)
    told = {one["value"]: one for one in content["subgroups"][0]["values"]}
    for one in run.content["report"]["subgroups"][0]["values"]:
        for name, whole in (("precision_at_k", one["listed"]), ("recall_at_k", one["outcomes"])):
            shown = told[one["value"]].get(name)
            if shown is not None:
                hits = round(shown["value"] * whole)
                assert hits not in range(1, 8)
                assert whole - hits not in range(1, 8)
    for week in content["weekly"]:
        for share in (week["precision_at_k"], *week["baselines"].values()):
            assert share is None or round(share * 20) not in range(1, 8)


# What is in it


def test_it_says_what_it_is_not_for_and_promises_nothing(content: dict[str, Any], files: dict[str, str]) -> None:
    for text in (files[HTML], files[MARKDOWN]):
        assert "no reassurance" in text
        assert "nothing about harm" in text
        assert "contact with a crisis service" in text
        for section in ("Summary", "What it must not be used for", "Who was judged", "Subgroups", "Week by week",
                        "What moves the number", "How fresh the data were", "Algorithmic transparency record",
                        "TRIPOD+AI", "to be filled in by the site", "too few to say"):  # fmt: skip
            assert section in text, section
    assert "Report a safety concern" in files[HTML]
    assert len(content["tripod"]) == 27
    assert [one["section"].split(":")[0] for one in content["transparency_record"]].count("Tier 1") == 1


def test_the_record_is_filled_in_as_far_as_the_site_knows(content: dict[str, Any]) -> None:
    fields = {one["label"]: one["value"] for section in content["transparency_record"] for one in section["fields"]}
    assert fields["Clinical safety officer"] == "Dr Nobody"
    assert fields["Contact email"] == "to be filled in by the site"
    assert fields["Impact assessment"] == "to be filled in by the site"
    assert fields["Model name and version"].endswith("3f2c")


def test_the_three_files_tell_the_same_numbers(content: dict[str, Any], files: dict[str, str]) -> None:
    assert json.loads(files[JSON]) == content
    for row in content["metrics"]:
        assert interval(row, 3) in files[HTML]
        assert interval(row, 3) in files[MARKDOWN]


def test_the_same_run_gives_the_same_bytes(files: dict[str, str]) -> None:
    assert card_files(card_content(run_facts(predictions()), SITE), LONDON) == files


# How it looks


class _Tags(HTMLParser):
    VOID = frozenset({"meta", "br"})

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_and_needs_nothing_beside_it(files: dict[str, str]) -> None:
    tags = _Tags(files[HTML])
    assert tags.open == []
    assert not {"script", "img", "link", "iframe"} & {tag for tag, _ in tags.seen}
    assert not [attributes for _, attributes in tags.seen if {"src", "onclick", "style"} & set(attributes)]
    links = [attributes["href"] for tag, attributes in tags.seen if tag == "a"]
    assert links[0] == "#summary"
    assert {str(link) for link in links} == {f"#{attributes['id']}" for tag, attributes in tags.seen if tag == "h2"}
    assert not re.findall(r"https?://(?!www\.w3\.org/2000/svg)", files[HTML])


def test_every_plot_is_told_to_a_screen_reader_and_given_as_a_table(files: dict[str, str]) -> None:
    plots = re.findall(r"<svg .*?</svg>", files[HTML], flags=re.S)
    assert len(plots) == 5
    for plot in plots:
        drawing = ElementTree.fromstring(plot)
        assert drawing.get("role") == "img"
        names = [drawing.find(f"{SVG}{tag}") for tag in ("title", "desc")]
        assert all(name is not None and name.text and len(name.text) > 5 for name in names)
        assert drawing.get("aria-labelledby") == " ".join(str(name.get("id")) for name in names if name is not None)
    for section in files[HTML].split("<section")[1:]:
        if "<svg" in section:
            assert section.index("<svg") < section.rindex("<table")


def test_lines_differ_by_more_than_colour(files: dict[str, str]) -> None:
    for name in ("calibration", "net-benefit", "weekly"):
        plot = re.search(rf'<svg [^>]*"{name}-title.*?</svg>', files[HTML], flags=re.S)
        assert plot is not None
        dashes = re.findall(r"<polyline [^>]*?(?:stroke-dasharray=\"([^\"]*)\")?/>", plot[0])
        assert len(dashes) >= 2
        assert len(set(dashes)) == len(dashes)


def test_headings_are_in_order_and_cells_have_headers(files: dict[str, str]) -> None:
    levels = [int(level) for level in re.findall(r"<h(\d)", files[HTML])]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))
    assert "<th>" not in files[HTML]


def test_words_of_a_site_are_escaped(files: dict[str, str]) -> None:
    assert "Invented &lt;site&gt; &amp; sons" in files[HTML]
    assert "<b>" not in files[HTML]
    assert "north \\| <b>" in files[MARKDOWN]


@pytest.mark.parametrize(("value", "words"), [(-0.04, "0.0"), (-1.26, "−1.3"), (None, "–"), (3.14, "3.1")])
def test_numbers_are_written_as_they_are_read(value: float | None, words: str) -> None:
    assert number(value, 1) == words


# What a reader meets of machines


def _read(page: str) -> str:
    """What stands on a page, without what stands in <code> beside words."""
    body = re.sub(r"<(style|code)\b.*?</\1>", " ", page.split("<body>")[1], flags=re.S)
    return re.sub(r"<[^>]*>", " ", body)


def test_times_are_by_the_clock_on_the_wall(content: dict[str, Any]) -> None:
    summer = {
        **content,
        "freshness": [{"source": "s136", "name": "detentions", "complete_to": "2026-07-26T23:30+00:00"}],
    }
    files = card_files(summer, LONDON)
    for text in (files[HTML], files[MARKDOWN]):
        assert "Mon 27 Jul 2026, 00:30" in text
        assert "UTC" not in text
    assert "2026-07-26T23:30+00:00" in files[JSON]


def test_names_are_words_and_the_machine_s_stand_in_code_beside_them(files: dict[str, str]) -> None:
    read = _read(files[HTML])
    assert re.findall(r"\b(?!k\d_)[a-z][a-z0-9]*(?:_[a-z0-9]+)+\b", read) == []
    for words, name in (("five facts weighed", "five_factor_regression"), ("Age in years.", "age"),
                        ("within 28 days", "person_crisis_28d")):  # fmt: skip
        assert words in read
        assert f"<code>{name}</code>" in files[HTML]


def test_teams_are_called_as_the_site_calls_them() -> None:
    named = replace(SITE, teams={"south": "South community team"})
    content = card_content(run_facts(predictions()), named)
    assert [one["name"] for one in content["workload"]["teams"]][-2:] == ["South community team", "all teams"]
    assert "South community team" in card_files(content, LONDON)[HTML]


def test_every_simple_rule_has_words_and_a_meaning() -> None:
    of_people = {one["name"] for one in card_content(run_facts(predictions()), SITE)["baselines"][1:]}
    for name in {*PLACE_RULES, *of_people, "days_since_last_crisis", "frequent_attender_rule"}:
        assert "_" not in rule_words(name)
        assert rule_words(name) == RULES[name]
        assert rule_meaning(name)
    assert rule_words("a_rule_of_the_site") == "a rule of the site"
    said = in_words("the model earns nothing over medic; serve it: crisisrisk train place --baseline medic")
    assert said == (
        "the model earns nothing over “same weeks of earlier years”; serve it: crisisrisk train place --baseline medic"
    )


# On a phone


def test_every_cell_says_the_heading_of_its_column() -> None:
    table = """<table><thead><tr><th rowspan="2">Way</th><th colspan="2">each place</th><th>All</th></tr>
<tr><th>hits</th><th>PAI</th></tr></thead><tbody>
<tr><th>map</th><td>1</td><td>2 <span>(1 to 3)</span></td><td>&lt;b&gt;</td></tr>
<tr><th>2</th><td colspan="3">too few to say</td></tr></tbody></table>"""
    label = '<span class="label" aria-hidden="true">'
    rows = re.findall(r"<tr>(.*?)</tr>", with_headings(table).split("<tbody>")[1], flags=re.S)
    assert rows == [
        f"<th>map</th><td>{label}each place: hits</span>1</td><td>{label}each place: PAI</span>2 <span>(1 to 3)</span>"
        f"</td><td>{label}All</span>&lt;b&gt;</td>",
        f'<th>{label}Way</span>2</th><td colspan="3">too few to say</td>',
    ]


def test_every_table_of_a_sheet_is_made_for_a_phone_too(files: dict[str, str]) -> None:
    tables = re.findall(r"<table.*?</table>", files[HTML], flags=re.S)
    assert len(tables) > 10
    for table in tables:
        cells = re.findall(r"<td(?! colspan)[^>]*>(.{27})", table)
        assert cells
        assert set(cells) == {'<span class="label" aria-hi'}


# Runs with little in them


@pytest.mark.parametrize(
    "rows",
    [
        predictions(7, people=12, weeks=1),
        predictions(8, teams=False),
        predictions(9, dated=False),
        predictions(10, people=40).where(np.arange(60)),
    ],
    ids=["twelve people", "no teams", "no dates", "ten people"],
)
def test_a_run_with_little_in_it_still_has_a_sheet(rows: Any) -> None:
    files = card_files(card_content(run_facts(rows, moves=[]), SITE), LONDON)
    assert _Tags(files[HTML]).open == []
    assert "nan" not in re.sub(r"<[^>]*>", "", files[HTML]).lower().split()
    assert json.loads(files[JSON])["list_length"] == 10


def test_nobody_with_the_outcome_is_said_and_not_hidden() -> None:
    rows = predictions(11, people=80)
    quiet = run_facts(rows.where(~rows.happened))
    files = card_files(card_content(quiet, SITE), LONDON)
    assert "Too few people on its lists had a crisis contact to say how useful they were." in files[HTML]
