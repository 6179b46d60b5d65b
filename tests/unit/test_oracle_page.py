"""The page of what could be known: its people's part is kept as numbers, and read again as it was."""

import json
from pathlib import Path

import pytest

from crisisrisk.cli import run
from crisisrisk.commands.oracle import RESULTS, _elsewhere, read_people
from crisisrisk.errors import UsageError
from crisisrisk.training.oracle import PeopleReport

ROOT = Path(__file__).parents[2]


def test_the_numbers_beside_the_page_are_those_on_it() -> None:
    cities = read_people(ROOT / RESULTS)
    page = (ROOT / RESULTS).with_suffix(".md").read_text(encoding="utf-8")
    assert len(cities) > 1
    assert _elsewhere(cities) in page
    assert f"The city: {cities[0].city}." in page.replace("\n", " ")


def test_the_page_on_forecasts_says_of_the_bar_what_was_measured() -> None:
    """Half of the way is not reached, by the figures of this page alone: whoever makes it again must say so again."""
    _, _, places = (ROOT / RESULTS).with_suffix(".md").read_text(encoding="utf-8").partition("\n## Places")
    cells = {line.split("|")[1].strip(" *"): [one.strip() for one in line.split("|")[2:-1]]
             for line in places.splitlines() if line.startswith("| ")}  # fmt: skip
    way, told, hits = cells["model"][1], cells["the most that contacts can tell"][1], cells["model"][-1]
    reached, most = int(way.rstrip("%")), int(told.rstrip("%"))
    assert reached < 50 <= most
    said = (ROOT / "docs" / "explanation" / "place-forecast.md").read_text(encoding="utf-8")
    said = " ".join(said.partition("## How far it comes where the truth is known")[2].partition("\n## ")[0].split())
    assert f"is **not reached**: [{reached} %](oracle.md)" in said
    assert f"hold {int(hits.rstrip('%'))} % of what the truth's 5 % hold" in said
    assert f"{100 - most} % is latent" in said
    assert f"{most - reached} % is lost" in said or f"{most - reached - 1} % is lost" in said


def test_a_report_of_people_is_read_as_it_was_written() -> None:
    report = read_people(ROOT / RESULTS)[0].people
    assert PeopleReport.from_json(json.loads(json.dumps(report.as_json()))) == report
    assert any(row.net_benefit is None for row in report.people)


NOT_WHOLE = ("", "{}", '{"people": [{"city": "one"}]}', '{"people": [{"city": "one", "people": [{}]}]}')


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_numbers_that_are_not_whole_are_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "oracle.json").write_text(text, encoding="utf-8")
    with pytest.raises(UsageError) as caught:
        read_people(tmp_path / "oracle.json")
    assert "without --only" in str(caught.value.hint)


def test_other_cities_cannot_be_judged_by_their_places(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = str(tmp_path)
    assert run(["simulate", "oracle", "--site", folder, "--only", "places", "--also", folder]) != 0
    assert "--also judges people, and --only places does not" in capsys.readouterr().err
