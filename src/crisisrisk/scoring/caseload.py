"""The known people of a site, for sums by home in forecasts of places: read whole, and only where it is allowed."""

from crisisrisk.cohorts import CohortRule
from crisisrisk.episodes import EpisodeRule, people_of
from crisisrisk.errors import RecipeError
from crisisrisk.features.caseload import EVENT_COLUMNS, HERE, Caseload, caseload_of
from crisisrisk.scoring.objections import planning_objections
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import CONFIGURATION, Site
from crisisrisk.tables.store import Snapshot
from crisisrisk.timeline import microseconds


def caseload_in(
    snapshot: Snapshot, site: Site, cells: Cells, *, rule: EpisodeRule, cohort: CohortRule, since: int | None = None
) -> Caseload:
    """Everybody whose home is in one of the cells, without those who object as of the site's clock.

    `cohort`: how old they must be, and what a stay in hospital is. `since`: what occurred before is left out. Raises
    RecipeError where the site has not named the assessment that allows it, and DataError where the national opt-out
    applies and nobody can say who objects. Reads the events of every person.
    """
    require_assessment(site)
    buckets = (
        (snapshot.person_events(bucket, EVENT_COLUMNS), snapshot.people_in(bucket))
        for bucket in range(snapshot.buckets)
    )
    now_us = microseconds(snapshot.as_of_now())
    objecting = planning_objections(snapshot, site, now_us).among(people_of(snapshot.table("people")))
    return caseload_of(buckets, rule, cells, site, left_out=objecting, cohort=cohort, since=since)


def require_assessment(site: Site) -> None:
    """Raises RecipeError where the site names no impact assessment of sums over its caseload."""
    if not site.people.caseload_sums_assessment.strip():
        raise RecipeError(
            "CR-FEAT-002", "sums of people's risk by home need an impact assessment that the site names",
            where=f"{CONFIGURATION}, [people] caseload_sums_assessment",
            hint=f"name the assessment there, or take the group of {HERE} out of the features recipe",
        )  # fmt: skip
