"""Who objects to planning: what training, judging, sums over the caseload and exports leave out."""

from collections.abc import Iterable
from dataclasses import dataclass

from crisisrisk.purposes import PLANNING
from crisisrisk.scoring.registers import opted_out_at
from crisisrisk.tables.checked_people import permitted_people
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Snapshot


@dataclass(frozen=True)
class PlanningObjections:
    """`registered`: who objects by the table `opt_outs`. `permitted`: who alone may be used; None: anybody."""

    registered: frozenset[str]
    permitted: frozenset[str] | None

    def among(self, people: Iterable[str]) -> frozenset[str]:
        """Those of some people who are left out, and everyone who is registered."""
        return self.registered if self.permitted is None else self.registered | (frozenset(people) - self.permitted)


def planning_objections(snapshot: Snapshot, site: Site, as_of_us: int) -> PlanningObjections:
    """The objections to planning that hold at a moment, as known then, and the list of those without the national one.

    Raises DataError where the site declares that the national opt-out applies and its list is missing or too old.
    """
    registered = opted_out_at(snapshot.table("opt_outs"), as_of_us, purpose=PLANNING)
    return PlanningObjections(registered, permitted_people(site))
