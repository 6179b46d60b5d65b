"""How useful its list was to a team: counts of what was said, never people, and no worker apart."""

from collections.abc import Sequence

from fastapi import APIRouter

from crisisrisk.database.usefulness import ScoreVerdict, verdicts_on_forecasts, verdicts_on_scores
from crisisrisk.purposes import USEFULNESS as PURPOSE
from crisisrisk.serving.access import UsefulnessViewer
from crisisrisk.serving.examples import answered
from crisisrisk.serving.routes import API
from crisisrisk.serving.state import ServiceOf
from crisisrisk.serving.usefulness import (
    Counted,
    Month,
    complete_months,
    forecast_counts,
    month_of,
    score_counts,
    stretch,
)
from crisisrisk.serving.usefulness_answers import (
    CAVEATS,
    USEFULNESS,
    ForecastMonth,
    TeamMonth,
    TeamUsefulness,
    Usefulness,
    Verdicts,
)

usefulness = APIRouter(prefix=API, tags=["usefulness"])


@usefulness.get(
    "/usefulness", summary="How useful lists and forecasts were", responses=answered(USEFULNESS, parameters=False)
)
def useful(viewer: UsefulnessViewer, service: ServiceOf) -> Usefulness:
    """By month that is over: of the own team for its lead, of every team for who belongs to none.

    Of people whose objection holds now nothing is counted.
    """
    site, now = service.settings.site, service.now()
    zone, months = site.time_zone, complete_months(now, site.time_zone)
    window = stretch(months, zone)
    teams = {name: team for name, team in site.teams.items() if viewer.team in (None, name)}
    said = verdicts_on_scores(service.engine, window, teams)
    objecting = service.view().opted_out({one.person_id for one in said}, now, PURPOSE)
    kept = [one for one in said if one.person_id not in objecting]
    forecasts = verdicts_on_forecasts(service.engine, window)
    return Usefulness(
        teams=[
            TeamUsefulness(
                team=name, name=teams[name].name,
                months=[
                    _month(month, [v for v in kept if v.team_id == name and month_of(v.made_at, zone) == month])
                    for month in months
                ],
            )
            for name in sorted(teams)
        ],
        forecasts=[
            _forecast(month, forecast_counts(v for v in forecasts if month_of(v.made_at, zone) == month))
            for month in months
        ],
        caveats=CAVEATS,
    )  # fmt: skip


def _month(month: Month, said: Sequence[ScoreVerdict]) -> TeamMonth:
    first, second = ([one for one in said if one.first is step] for step in (True, False))
    return TeamMonth(
        month=_named(month), at_once=_verdicts(score_counts(first)), week_later=_verdicts(score_counts(second))
    )


def _verdicts(counted: Counted) -> Verdicts:
    told = counted.by_verdict or {}
    return Verdicts(
        said=counted.said, agreed=told.get("agree"), disagreed=told.get("disagree"), acted=told.get("acted"),
        useful_in_100=counted.useful_in_100,
    )  # fmt: skip


def _forecast(month: Month, counted: Counted) -> ForecastMonth:
    told = counted.by_verdict or {}
    return ForecastMonth(
        month=_named(month), said=counted.said, useful=told.get("useful"), not_useful=told.get("not_useful"),
        useful_in_100=counted.useful_in_100,
    )  # fmt: skip


def _named(month: Month) -> str:
    return f"{month[0]}-{month[1]:02}"
