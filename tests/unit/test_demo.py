"""What the demo says besides what it runs."""

from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from tests.lib.place_sites import RECIPE, calls, place_site

from crisisrisk.commands.demo import answering_run, last_monday
from crisisrisk.models.champions import champion
from crisisrisk.training.toml_text import toml_text

LONDON = ZoneInfo("Europe/London")


@pytest.mark.parametrize(
    ("moment", "monday"),
    [
        (datetime(2026, 11, 22, 6, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),
        (datetime(2026, 11, 23, 0, 0, 1, tzinfo=UTC), datetime(2026, 11, 23, tzinfo=UTC)),
        (datetime(2026, 11, 23, tzinfo=UTC), datetime(2026, 11, 16, tzinfo=UTC)),  # that very moment is not before
        (datetime(2026, 6, 14, 23, 30, tzinfo=UTC), datetime(2026, 6, 14, 23, tzinfo=UTC)),  # Monday in London already
        (datetime(2026, 10, 26, tzinfo=UTC), datetime(2026, 10, 18, 23, tzinfo=UTC)),  # the clocks went back between
    ],
)
def test_last_monday_is_the_local_start_of_the_one_before(moment: datetime, monday: datetime) -> None:
    assert last_monday(moment, LONDON) == monday


def test_where_trees_earn_nothing_the_best_simple_rule_answers(tmp_path: Path) -> None:
    """Four calls a day at the same hours and place: nothing is left for trees to learn."""
    site = place_site(tmp_path, calls(90))
    recipe = site.path / "training" / "place_crisis_shift.toml"
    recipe.parent.mkdir(exist_ok=True)
    recipe.write_text(toml_text(RECIPE), encoding="utf-8")
    told: list[str] = []
    run, promoted = answering_run(site, "place", tell=told.append)
    answers = champion(site.models, "place").manifest
    assert answers.baseline is not None
    assert (answers.run_id, answers.version) == (run.run_id, promoted.version)
    assert f"the simple rule {answers.baseline} answers in its place …" in "\n".join(told)
