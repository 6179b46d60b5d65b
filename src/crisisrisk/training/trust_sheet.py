"""From what a run leaves behind to its trust sheet: the same at training and whenever it is asked again."""

from collections.abc import Mapping
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.evaluation.card.content import RunFacts, SiteFacts, card_content
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
