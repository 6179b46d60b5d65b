"""What plans like one reached when past shifts were played again, as the site's own replays say."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.positioning.past_plans import FORECAST
from crisisrisk.positioning.question import TARGETS

CAUTIOUS = (
    "told with caution: every team counts as away equally often wherever it stands, and whoever must wait for one "
    "counts as missed; on the night somewhat more are usually reached"
)
"""Why the coverage of a plan is below what a replay of it realises."""
CAUTIOUS_ON_PAPER = "somewhat more are usually reached, as whoever must wait for a team counts as missed"
"""The same where there is little room."""


@dataclass(frozen=True, kw_only=True)
class Realised:
    """What the forecast's plans reached in a replay: shares of the contacts that came, by target in minutes."""

    first: str
    last: str
    shifts: int
    teams: int
    share: Mapping[float, float]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        share = {f"{minutes:g}": value for minutes, value in self.share.items()}
        return {"from": self.first, "to": self.last, "shifts": self.shifts, "teams": self.teams, "share": share}

    def as_text(self) -> str:
        """In a sentence."""
        reached = " and ".join(
            f"{100 * share:.0f} in 100 within {minutes:g} min" for minutes, share in self.share.items()
        )
        alike = f"{self.teams} {'team' if self.teams == 1 else 'teams'} all alike"
        return f"in the replay of {self.shifts:,} shifts from {self.first} to {self.last}, with {alike}: {reached}"


def realised_in(reports: Path, *, shift: str, teams: int, target: float) -> Realised | None:
    """The replay that ends last, of that shift alone, with as many teams and plans for the same target; else None.

    `reports`: the site's folder. A file that cannot be read is no replay.
    """
    found = [
        Realised(
            first=str(said["from"]), last=str(said["to"]), shifts=int(said["shifts"]), teams=teams,
            share={minutes: share for minutes, share in _shares(said) if share is not None},
        )
        for said in _replays(reports)
        if said.get("teams") == {shift: teams} and said.get("target_minutes") == target
    ]  # fmt: skip
    told = [one for one in found if one.share]
    return max(told, key=lambda one: (one.last, one.shifts), default=None)


def _replays(reports: Path) -> Iterator[Mapping[str, Any]]:
    for file in sorted(reports.glob("replay-*.json")):
        try:
            said = json.loads(file.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if isinstance(said, dict) and {"from", "to", "shifts", "plans"} <= said.keys():
            yield said


def _shares(said: Mapping[str, Any]) -> Iterator[tuple[float, float | None]]:
    """What the forecast's plans reached, by target; None where it was of too few to be told."""
    plan = said["plans"].get(FORECAST, {})
    for minutes in TARGETS:
        share = plan.get(f"covered_{minutes:.0f}")
        yield minutes, share if isinstance(share, int | float) else None
