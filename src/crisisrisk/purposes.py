"""What people's records are used for here: who may ask, whose objection binds and how long a look is kept follow.

A use is declared with one of these purposes, never without: a route of the service that has none keeps the service
from starting.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, get_args

Reach = Literal[
    "version", "data_status", "models", "reload_models", "places", "true_counts", "plan", "own_people", "names",
    "detentions", "usefulness", "emergency_access", "look_up", "unallocated", "doubtful_links", "data_queries", "audit",
    "alerts", "safety_concerns",
]  # fmt: skip
"""What a role may reach. `true_counts`, `names` and `detentions` let more be shown where another reach leads: counts
without disclosure control; names, birth dates and NHS numbers beside pseudonyms; detentions among contacts."""
REACHES: tuple[Reach, ...] = get_args(Reach)

OBJECTIONS = frozenset({"national", "local", "scoring"})
"""The kinds in the table `opt_outs`."""

EIGHT_YEARS = 2922


@dataclass(frozen=True, kw_only=True)
class Purpose:
    """One purpose.

    `reaches`: what a role must reach to ask for it, one of these as the route says; empty where every key may.
    `names_people`: its answers may name people, so every one of them is audited. `objections`: the kinds that bind.
    `kept_days`: how long a look is kept, where the site says nothing else.
    """

    name: str
    meaning: str
    reaches: frozenset[Reach] = frozenset()
    names_people: bool = False
    objections: frozenset[str] = frozenset()
    kept_days: int = EIGHT_YEARS
    one_by_one: bool = False
    """Whether its answers are about people who were asked for singly, and no list that a team or role is given."""

    def bound_by(self, kind: str | None) -> bool:
        """Whether an objection of a kind binds. One that says nothing of what it is to, or nothing known, does."""
        return kind not in OBJECTIONS - self.objections


OPERATION = Purpose(name="operation", meaning="whether the service is well; no key, nobody's records")
STATUS = Purpose(
    name="status", meaning="what runs, which models answer and how fresh the data are",
    reaches=frozenset({"version", "data_status", "models", "reload_models"}),
)  # fmt: skip
CRISIS_RESPONSE = Purpose(
    name="crisis_response", meaning="where crisis contacts are likely: places, never people",
    reaches=frozenset({"places", "plan"}),
)  # fmt: skip
DIRECT_CARE = Purpose(
    name="direct_care", meaning="the care of a person by their own team", reaches=frozenset({"own_people"}),
    # The national opt-out is about planning and research, and does not stand between a person and their own care.
    names_people=True, objections=frozenset({"local", "scoring"}),
)  # fmt: skip
CALLER_CARE = Purpose(
    name="caller_care", meaning="the care of a person who is on the line now", reaches=frozenset({"look_up"}),
    names_people=True, objections=frozenset({"local", "scoring"}), one_by_one=True,
)  # fmt: skip
EMERGENCY = Purpose(
    name="emergency", meaning="the care of a person of another team, in an emergency",
    reaches=frozenset({"emergency_access"}), names_people=True, objections=frozenset({"local", "scoring"}),
    one_by_one=True,
)  # fmt: skip
ALLOCATION = Purpose(
    name="allocation", meaning="finding a team for people who are with none", reaches=frozenset({"unallocated"}),
    names_people=True, objections=frozenset({"local", "scoring"}),
)  # fmt: skip
LINKAGE = Purpose(
    # Objections are found by the same links: one that bound here would keep others from binding.
    name="linkage", meaning="whether two records are of one person", reaches=frozenset({"doubtful_links"}),
    names_people=True,
)  # fmt: skip
USEFULNESS = Purpose(
    name="usefulness", meaning="how useful its list was to a team: counts, never people",
    reaches=frozenset({"usefulness"}), objections=frozenset({"local", "scoring"}),
)  # fmt: skip
PLANNING = Purpose(
    name="planning", meaning="planning of services, and fitting and judging models",
    objections=OBJECTIONS,
)  # fmt: skip
AUDIT = Purpose(
    name="audit", meaning="who looked at whom and why", reaches=frozenset({"audit", "alerts"}), names_people=True
)  # fmt: skip
SAFETY = Purpose(
    name="safety", meaning="what somebody found unsafe, and what was done about it",
    reaches=frozenset({"safety_concerns"}), names_people=True,
)  # fmt: skip

DATA_QUALITY = Purpose(
    name="data_quality", meaning="whether single records are right, without whose they are",
    # The rows are of single people: every look is kept, although none of them is named.
    reaches=frozenset({"data_queries"}), names_people=True,
)  # fmt: skip

PURPOSES: Mapping[str, Purpose] = {
    purpose.name: purpose
    for purpose in (
        OPERATION, STATUS, CRISIS_RESPONSE, DIRECT_CARE, CALLER_CARE, EMERGENCY, ALLOCATION, LINKAGE, USEFULNESS,
        PLANNING, AUDIT, SAFETY, DATA_QUALITY,
    )
}  # fmt: skip
