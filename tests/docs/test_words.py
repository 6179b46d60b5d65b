"""The guard rails on words, over everything that a person may read."""

import re
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.lib.judged_runs import SITE, predictions, run_facts

from crisisrisk.evaluation.card.content import card_content
from crisisrisk.evaluation.card.render import card_files

ROOT = Path(__file__).parents[2]

BANNED = re.compile(
    r"\b(low|medium|high|moderate)[- ]risk\b|risk[- ]band|suicid|self-harm|\bunlikely to\b|\bat no risk\b",
    re.IGNORECASE,
)

# The pages that state the rule itself name what is banned.
STATES_THE_RULE = {"tests/docs/test_words.py"}


def readable_files() -> list[Path]:
    folders = ["features", "training", "serving", "src", "data_samples"]
    kinds = {".toml", ".py", ".md", ".html", ".jinja", ".json"}
    found = [path for folder in folders for path in (ROOT / folder).rglob("*") if path.suffix in kinds]
    return [*found, *ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]


@pytest.mark.parametrize("path", readable_files(), ids=lambda path: str(path.relative_to(ROOT)))
def test_no_band_no_reassurance_no_claim_about_harm(path: Path) -> None:
    if str(path.relative_to(ROOT)) in STATES_THE_RULE:
        return
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


def test_the_check_finds_what_is_banned() -> None:
    assert BANNED.search("a high-risk person") is not None
    assert BANNED.search("at risk of suicide") is not None
    assert BANNED.search("about 18 in 100") is None
