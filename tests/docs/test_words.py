"""The guard rails on words, over everything that a person may read."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.lib.banned_words import BANNED, said_in
from tests.lib.judged_runs import SITE, predictions, run_facts

from crisisrisk.evaluation.card.content import card_content
from crisisrisk.evaluation.card.render import card_files

ROOT = Path(__file__).parents[2]


def readable_files() -> list[Path]:
    folders = ["features", "training", "serving", "src", "data_samples"]
    kinds = {".toml", ".py", ".md", ".html", ".jinja", ".js", ".json"}
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    return [*found, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("path", readable_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_band_no_reassurance_no_claim_about_harm(path: Path) -> None:
    found = [match.group(0) for match in BANNED.finditer(path.read_text(encoding="utf-8"))]
    assert found == []


def test_every_template_is_among_what_is_read() -> None:
    templates = {path for path in (ROOT / "src").rglob("templates/*") if path.suffix != ".css"}
    assert templates
    assert templates <= set(readable_files())


@pytest.mark.parametrize("name", ["card.html", "card.md", "card.json"])
def test_a_trust_sheet_keeps_the_rules(name: str) -> None:
    text = card_files(card_content(run_facts(predictions()), SITE), ZoneInfo("Europe/London"))[name]
    assert BANNED.findall(text) == []
    assert "no reassurance" in text
    assert re.search(r"\b(safe|severe|dangerous|likely to harm)\b", text) is None


@pytest.mark.parametrize(
    "text",
    [
        "a high-risk person", "Medium risk", "a risk band", "at risk of suicide", "self-harm", "unlikely to come",
        "at no risk", "higher risk than most", "the risk level", "marked Amber", "a traffic-light", "high priority",
        "No concern",
    ],
)  # fmt: skip
def test_the_check_finds_what_is_banned(text: str) -> None:
    assert said_in(f"<p>Ann: {text}.</p>"), text


@pytest.mark.parametrize(
    "text",
    [
        "about 18 in 100", "Report a safety concern", "No safety concern waits", "a small number is not reassurance",
        "This is the team's capacity, not a safety line", "Greenwich and Redditch are likely to be busier",
    ],
)  # fmt: skip
def test_the_check_lets_through_what_pages_say(text: str) -> None:
    assert said_in(text) == []


def test_one_word_on_one_template_is_found() -> None:
    """The rule for files is looked for in files of every kind, and finds a word in the midst of a real page."""
    page = (ROOT / "src/crisisrisk/serving/pages/templates/person.jinja").read_text(encoding="utf-8")
    assert BANNED.search(page) is None
    assert BANNED.search(page.replace("What changed", "High risk: what changed")) is not None
