"""What a replay found: for a terminal, as JSON, and as a file that may leave."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from crisisrisk.commands.replay_nights import PastNights
from crisisrisk.disclosure import released_count, released_share
from crisisrisk.positioning.past_plans import FORECAST, LAST_MONTH, RESIDENTS, TRUE
from crisisrisk.positioning.plan import Wish
from crisisrisk.positioning.question import TARGETS, Counts
from crisisrisk.positioning.replay import Played, difference
from crisisrisk.training.past_forecasts import Days

FEWEST_TO_TELL = 8
FEWEST_WEEKS = 8
"""Weeks that are drawn again for an interval: from fewer it would be much too narrow, from one it is a point."""
CEILING = (
    "perfect foresight knows every contact of the night, when, where and how long it lasts, and is the best found by "
    "moving one team at a time from every other plan; teams stay where they stand and the nearest free one goes"
)


@dataclass(frozen=True, kw_only=True, eq=False)
class Compared:
    """The nights under one plan. `moves_a_night`: teams that stood elsewhere than at their base."""

    played: Played
    moves_a_night: float


@dataclass(frozen=True, kw_only=True, eq=False)
class Told:
    """What a replay says of all nights. `plans`: by name; `beside`: how much more the forecast plan covers than each.

    `reachable`: by target the share of contacts that some site reaches in time, with a free team at every one.
    """

    first: str
    last: str
    nights: int
    contacts: int
    plans: Mapping[str, Mapping[str, Any]]
    beside: Mapping[str, Mapping[str, Any]]
    reachable: Mapping[str, float]
    travel: str
    service: str
    missing: tuple[str, ...]


def compared(nights: PastNights, found: Mapping[str, Compared]) -> Told:
    """The table of a replay."""
    weeks, forecast = nights.weeks(), found[FORECAST].played
    days = [nights.local_day(one) for one in (0, len(nights) - 1)]
    return Told(
        first=days[0],
        last=days[1],
        nights=len(nights),
        contacts=len(forecast.night),
        plans={name: {**one.played.as_json(), "moves_a_night": one.moves_a_night} for name, one in found.items()},
        beside={
            name: {f"covered_{target:.0f}": beside_forecast(forecast, one.played, target, weeks) for target in TARGETS}
            for name, one in found.items()
            if name != FORECAST
        },
        reachable={f"covered_{target:.0f}": nights.reachable(target) for target in TARGETS},
        travel=nights.travel_said,
        service=nights.service_said,
        missing=_missing(nights, found),
    )


def beside_forecast(forecast: Played, other: Played, minutes: float, weeks: Counts) -> dict[str, float | None]:
    """How much more the forecast plan covers; without an interval where there are too few weeks for one."""
    found: dict[str, float | None] = asdict(difference(forecast, other, minutes=minutes, block=weeks))
    return found if len(np.unique(weeks)) >= FEWEST_WEEKS else {**found, "lower": None, "upper": None}


def share_of_true(plans: Mapping[str, Mapping[str, Any]]) -> float | None:
    """The forecast plan's cover as a share of that of the plan from the true intensity; None where nobody knows it."""
    key = f"covered_{TARGETS[0]:.0f}"
    true = float(plans[TRUE][key]) if TRUE in plans else 0.0
    return float(plans[FORECAST][key]) / true if true else None


def _missing(nights: PastNights, found: Mapping[str, Compared]) -> tuple[str, ...]:
    why = {
        RESIDENTS: "nobody says how many live where",
        LAST_MONTH: "a month before one of the nights had no contact",
        TRUE: "it is known of an invented city only",
    }
    return tuple(f"{name}: {reason}" for name, reason in why.items() if name not in found)


@dataclass(frozen=True, kw_only=True)
class ReplayReport:
    """One replay. `by`: whose forecasts they were; `left_out`: shifts that the data cannot answer for.

    `again`: an invented city's nights drawn again, as `replay_again` found it.
    """

    name: str
    days: Days
    teams: Mapping[str, int]
    wish: Wish
    by: str
    issue_hours: float
    left_out: int
    told: Told
    again: Mapping[str, Any] | None = None
    seconds: float
    files: tuple[str, ...] = ()

    def as_json(self) -> dict[str, Any]:
        """The fields of `replay --json`."""
        files = {"files": list(self.files)} if self.files else {}
        return {**self.found(), **files, "seconds": round(self.seconds, 1)}

    def found(self) -> dict[str, Any]:
        """The same without where it was written and how long it took."""
        told = self.told
        return {
            "site": self.name, "from": told.first, "to": told.last, "shift": self.days.shift, "shifts": told.nights,
            "contacts": told.contacts, "teams": dict(self._teams()), "target_minutes": self.wish.target,
            "forecast_by": self.by, "issue_hours": self.issue_hours, "shifts_left_out": self.left_out,
            "plans": {name: dict(one) for name, one in told.plans.items()},
            "forecast_less": {name: dict(one) for name, one in told.beside.items()},
            "share_of_true": self.share_of_true, "drawn_again": self.again, "reachable": dict(told.reachable),
            "service": told.service, "travel": told.travel, "not_compared": list(told.missing), "ceiling": CEILING,
        }  # fmt: skip

    def released(self) -> dict[str, Any]:
        """The same as a file may hold it: counts rounded, no share of a few contacts, nothing of one night."""
        content, contacts = self.found(), self.told.contacts
        content["contacts"] = released_count(contacts)
        content["plans"] = {name: _released(one, contacts) for name, one in self.told.plans.items()}
        if contacts < FEWEST_TO_TELL or any(None in one.values() for one in content["plans"].values()):
            content["forecast_less"], content["share_of_true"], content["drawn_again"] = {}, None, None
        content["reachable"] = {
            name: released_share(round(share * contacts), contacts) for name, share in self.told.reachable.items()
        }
        return content

    def _teams(self) -> dict[str, int]:
        return {name: teams for name, teams in self.teams.items() if self.days.shift in (None, name)}

    @property
    def share_of_true(self) -> float | None:
        """The forecast plan's cover as a share of that of the plan made from the true intensity."""
        return share_of_true(self.told.plans)

    def as_text(self) -> str:
        """A table for a terminal, the forecast plan first."""
        told = self.told
        teams = ", ".join(f"{teams} teams ({name})" for name, teams in self._teams().items())
        played = f"{told.nights:,} shifts from {told.first} to {told.last}, {told.contacts:,} contacts"
        head, left = f"{self.name}: {played}; {teams}", f"{self.left_out} shifts on flagged days, or not yet known"
        said = [
            f"forecasts: {self.by}; issued {self.issue_hours:g} hours before each shift",
            *([f"left out: {left}"] if self.left_out else []),
            f"service: {told.service}", f"travel: {told.travel}",
            *(f"not compared · {text}" for text in told.missing),
            f"a free team at every site would reach {told.reachable['covered_15']:.1%} within 15 min, "
            f"{told.reachable['covered_30']:.1%} within 30; {CEILING}",
            *(f"written: {file}" for file in self.files),
            "Coverage of the past is no promise for tonight. Live calls come first.",
        ]  # fmt: skip
        return "\n".join([head, "", *self._table(), "", *self._again(), *said, f"{self.seconds:.0f} s"])

    def _again(self) -> list[str]:
        """What the nights of an invented city say when they are drawn again."""
        if self.again is None:
            return []
        lines = [f"the same nights drawn {self.again['draws']} times from the city's truth:"]
        for name, one in self.again["plans"].items():
            beside = self.again["forecast_less"].get(name, {}).get("covered_15")
            lines.append(f"{name:<28} {one['covered_15']:>7.1%} {one['covered_30']:>7.1%}  {_points(beside)}".rstrip())
        return [*lines, ""]

    def _table(self) -> list[str]:
        lines = [
            f"{'plan':<28} {'15 min':>7} {'30 min':>7}  {'forecast plan: more within 15 min':<43}"
            f"{'travel':>7} {'90 %':>6} {'queued':>7} {'moved':>6}"
        ]
        for name, one in self.told.plans.items():
            beside = self.told.beside.get(name, {}).get("covered_15")
            lines.append(
                f"{name:<28} {one['covered_15']:>7.1%} {one['covered_30']:>7.1%}  {_points(beside):<43}"
                f"{_minutes(one['mean_travel']):>7} {_minutes(one['travel_90']):>6} {one['queued']:>7,} "
                f"{one['moves_a_night']:>6.1f}"
            )
        return lines


def _points(beside: Mapping[str, Any] | None) -> str:
    if beside is None:
        return ""
    mean = f"{100 * beside['mean']:+.1f} points"
    if beside["lower"] is None:
        return f"{mean} (too few weeks for a range)"
    return f"{mean} ({100 * beside['lower']:+.1f} to {100 * beside['upper']:+.1f})"


def _minutes(value: float | None) -> str:
    return "–" if value is None else f"{value:.1f}"


def _released(plan: Mapping[str, Any], contacts: int) -> dict[str, Any]:
    """One plan without small counts."""
    few = contacts < FEWEST_TO_TELL
    shares = {name: value for name, value in plan.items() if name.startswith("covered_")}
    return {
        "contacts": released_count(contacts),
        **{name: released_share(round(np.nan_to_num(value) * contacts), contacts) for name, value in shares.items()},
        **{name: None if few else plan[name] for name in ("mean_travel", "travel_90")},
        "queued": released_count(plan["queued"]),
        "moves_a_night": plan["moves_a_night"],
    }
