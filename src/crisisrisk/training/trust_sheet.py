"""From what a run leaves behind to its trust sheet: the same at training and whenever it is asked again."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.evaluation.card.content import RunFacts, SiteFacts, card_content
from crisisrisk.evaluation.card.place_content import PlaceFacts, place_content
from crisisrisk.evaluation.card.place_render import place_files
from crisisrisk.evaluation.card.render import card_files
from crisisrisk.evaluation.judged import JudgedPredictions


def sheet_files(
    run_id: str,
    content: Mapping[str, Any],
    recipe: Mapping[str, Any],
    predictions: JudgedPredictions,
    site: SiteFacts,
    zone: ZoneInfo,
) -> dict[str, str]:
    """`card.html`, `card.md` and `card.json` by name. `content`: the whole of `report.json`, as plain values."""
    facts = RunFacts(run_id=run_id, content=content, recipe=recipe, predictions=predictions)
    return card_files(card_content(facts, site), zone)


def place_sheet_files(run_id: str, content: Mapping[str, Any], site: SiteFacts) -> dict[str, str]:
    """`card.html` and `card.json` of a run of places. `content`: the whole of `report.json`, as plain values."""
    return _place_files(content, site, run_id=run_id, what="Trust sheet", judged_on=content["judged_on"])


def backtest_files(
    task: str, content: Mapping[str, Any], site: SiteFacts, *, recipe_fingerprint: str, judged_on: str
) -> dict[str, str]:
    """The same of a backtest of places. `content`: its report."""
    whole = {
        "task": task, "report": content, "recipe_fingerprint": recipe_fingerprint,
        "attrition": content.get("attrition", ()),
    }  # fmt: skip
    return _place_files(whole, site, run_id=None, what="Backtest", judged_on=judged_on)


def _place_files(
    content: Mapping[str, Any], site: SiteFacts, *, run_id: str | None, what: str, judged_on: str
) -> dict[str, str]:
    facts = PlaceFacts(
        title=f"{what}: crisis contacts by place and shift", site=site.name, task=content["task"], run_id=run_id,
        recipe_fingerprint=content["recipe_fingerprint"], judged_on=judged_on, report=content["report"],
        attrition=content["attrition"], sources=site.sources,
    )  # fmt: skip
    return place_files(place_content(facts))
