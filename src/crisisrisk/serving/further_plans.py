"""The second and the third plan of an answer: chosen by themselves, and known again by where everybody stands."""

from collections.abc import Mapping, Sequence
from typing import Any

from crisisrisk.database.plans import StoredOverride, StoredPlan, posts_of
from crisisrisk.serving.problems import too_much

ORDINALS: Mapping[int, str] = {1: "first", 2: "second", 3: "third"}
CHOSEN = "the {ordinal} plan was chosen: {name}"


def further_plan(plan: StoredPlan, which: int) -> Mapping[str, Any]:
    """One of the plans of an answer, counted from 1. Raises NoAnswerError where it has fewer."""
    plans: Sequence[Mapping[str, Any]] = plan.answer["plans"]
    if which > len(plans):
        raise too_much("which", f"at most {len(plans)}: so many plans were made")
    return plans[which - 1]


def chosen(plan: StoredPlan, which: int) -> str:
    """Why a coordinator's change of a plan is none of their own: it is what another plan says."""
    return CHOSEN.format(ordinal=ORDINALS[which], name=further_plan(plan, which)["name"])


def further_in_use(plan: StoredPlan | None, override: StoredOverride | None) -> int | None:
    """Which plan of the answer, counted from 1, a change puts in place of the first; None where it is none of them."""
    if plan is None or override is None:
        return None
    stand = set(override.posts)
    for which, other in enumerate(plan.answer["plans"][1:], start=2):
        if set(posts_of(other["posts"])) == stand and override.reason == chosen(plan, which):
            return which
    return None
