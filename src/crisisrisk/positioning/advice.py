"""What needs no team, or another than a nurse: advice by telephone, and approved mental health professionals (AMHP)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from crisisrisk.positioning.crews import Crew
from crisisrisk.positioning.ground import Ground, Need
from crisisrisk.positioning.posts import Places
from crisisrisk.positioning.worth import Worth

TELEPHONE, AMHP_ASSESSMENT, AMHP = "telephone_advice", "amhp_assessment", "amhp"
NOT_RECORDED = "not_recorded"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What control-room advice alone would cover: contacts that are advice by telephone as a rule; None if not known.

    `not_recorded`: the share of which no agency says how it is made. `advises`: teams on duty that can only advise for
    a time, as their one member would go alone.
    """

    contacts: float | None
    share: float | None
    not_recorded: float
    advises: tuple[str, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {
            "contacts": self.contacts, "share": self.share, "not_recorded": self.not_recorded,
            "advises": list(self.advises),
        }  # fmt: skip

    def as_text(self) -> str:
        """In a line."""
        only = f"; only by telephone for a time: {', '.join(self.advises)}" if self.advises else ""
        if self.share is None or self.contacts is None:
            return f"control-room advice alone: not known, nothing that is forecast is recorded as advice{only}"
        silent = f"; of {100 * self.not_recorded:.0f} in 100 nobody says how they are made" if self.not_recorded else ""
        covered = f"{100 * self.share:.0f} in 100 ({self.contacts:.1f} contacts)"
        return f"control-room advice alone would cover {covered}{silent}{only}"


@dataclass(frozen=True, kw_only=True)
class AmhpCover:
    """Mental Health Act assessments expected, and the share of all contacts that finds a free AMHP in time, None where
    not known.

    `teams`: those on duty that declare the skill `amhp`.
    """

    expected: float | None
    teams: tuple[str, ...]
    covered: float | None

    def as_json(self) -> dict[str, Any]:
        """Plain values."""
        return {"expected": self.expected, "teams": list(self.teams), "covered": self.covered}

    def as_text(self, target: float) -> str:
        """In a line."""
        assessments = "not known" if self.expected is None else f"{self.expected:.1f} expected"
        due = f"; Mental Health Act assessments: {assessments}"
        if self.covered is None:
            return f'AMHP cover: not known, no team on duty declares the skill "{AMHP}"{due}'
        share = f"{100 * self.covered:.0f} in 100 find a free AMHP within {target:g} min"
        return f"AMHP cover: {share} ({', '.join(self.teams)}){due}"


def advice_of(modes: Mapping[str, float], crews: Sequence[Crew]) -> Advice:
    """`modes`: the expected contacts made in each way, empty where nothing is known of that."""
    total, contacts = sum(modes.values()), modes.get(TELEPHONE)
    return Advice(
        contacts=contacts,
        share=None if contacts is None or not total else contacts / total,
        not_recorded=modes.get(NOT_RECORDED, 0.0) / total if total else 1.0,
        advises=tuple(crew.name for crew in crews if crew.advises),
    )


def amhp_cover(
    modes: Mapping[str, float], ground: Ground, crews: Sequence[Crew], places: Places, *, target: float
) -> AmhpCover:
    """How much of what is expected finds a free team with an AMHP in time, were all of it assessments."""
    teams = tuple(crew.name for crew in crews if AMHP in crew.skills)
    covered = None
    if teams and ground.expected.sum() > 0:
        asked = replace(ground, needs=(Need(skills=(AMHP,), share=1.0),))
        worth = Worth(asked, target, ground.stretches(crews, len(places)))
        covered = worth.of(crews, places) / float(ground.expected.sum())
    return AmhpCover(expected=modes.get(AMHP_ASSESSMENT), teams=teams, covered=covered)
