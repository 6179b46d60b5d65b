"""A number as text for somebody's own notes: with its day, its range, what it is about, and that it decides nothing."""

from collections.abc import Sequence
from datetime import datetime

from crisisrisk.scoring.ordering import in_100
from crisisrisk.serving.answers import ReasonGiven
from crisisrisk.serving.pages.page import Local
from crisisrisk.serving.risk_answers import RiskReasons

Late = Sequence[tuple[str, datetime]]
"""What agencies record, and since when they are silent."""


def notes_of(why: RiskReasons, local: Local, *, caveats: Sequence[str], late: Late) -> str:
    """Lines without a name: the record that they are put into has it. `caveats`: but for what `late` says in words."""
    known = why.lower is not None and why.upper is not None
    ranged = f", range {in_100(why.lower or 0):g} to {in_100(why.upper or 0):g}" if known else ", range not known"
    silent = "; ".join(f"{name} (since {local.moment(since)})" for name, since in late)
    lines = [
        f"{local.date(why.as_of)} {local.time(why.as_of)}: about {why.likely_in_100:g} in 100 people with a history "
        f"like this had a {why.outcome} in the next {why.horizon_days:g} days{ranged}.",
        *_told("Pushing it up", why.up), *_told("Pulling it down", why.down), *_told("Not known", why.not_known),
        *([f"Late, and not in this number: {silent}."] if silent else []), *caveats,
        "A number decides nothing: the decision is the team's.",
        f"crisisrisk, model {why.model.name} version {why.model.version}, reference {why.reference}.",
    ]  # fmt: skip
    return "\n".join(lines)


def _told(heading: str, reasons: Sequence[ReasonGiven]) -> list[str]:
    return [f"{heading}: {'; '.join(one.text for one in reasons)}."] if reasons else []
