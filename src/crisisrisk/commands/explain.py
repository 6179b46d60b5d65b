"""Explain one person's score, and what changed since a date."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.commands.person_scores import require_person_scores
from crisisrisk.commands.score import likely_in_100, moment_to_stand_at, range_caveat, range_in_words
from crisisrisk.errors import UsageError
from crisisrisk.models.bundle import Bundle
from crisisrisk.scoring.answering import Answering, answered_at, answering
from crisisrisk.scoring.changes import AGEING, MODEL, NEW_CONTACTS, Changes
from crisisrisk.scoring.directions import DOWN, NOT_KNOWN, UP
from crisisrisk.scoring.explaining import Explanation, NotScored, explain_person
from crisisrisk.scoring.former import FORMER
from crisisrisk.scoring.pseudonyms import pseudonym_of
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

CAUSES = {NEW_CONTACTS: "new contacts", AGEING: "older contacts fading", MODEL: "the model"}
_HEADINGS = {UP: "Pushing it up", DOWN: "Pulling it down, so why not higher", NOT_KNOWN: "Not known"}


@dataclass(frozen=True, kw_only=True)
class ExplainResult:
    """One person's score explained, or why there is none."""

    as_of: datetime
    answering: Answering
    zone: ZoneInfo
    answer: Explanation | NotScored

    @property
    def model(self) -> Bundle:
        """Whose number it is; the one that answers where there is no number."""
        return self.answering.now if isinstance(self.answer, NotScored) else self.answer.model

    def as_json(self) -> dict[str, Any]:
        """The fields of `explain --json`."""
        manifest = self.model.manifest
        told = {"state": self.answer.state} if isinstance(self.answer, NotScored) else self.answer.as_json()
        return {
            "as_of": self.as_of.isoformat(), "horizon_days": self.model.task.horizon_days,
            "outcome": self.model.task.outcome,
            "model": {"name": manifest.name, "version": manifest.version, "run_id": manifest.run_id},
            "higher_of": list(self.answering.versions), **told, "caveats": self._caveats(),
        }  # fmt: skip

    def _caveats(self) -> list[str]:
        """What must be said with the number."""
        phrases = self.model.phrases.caveats
        if isinstance(self.answer, NotScored):
            return [phrases["outcome"]]
        thin = [phrases["thin_history"]] if self.answer.thin_history else []
        ranged = FORMER if self.answering.former else range_caveat(self.model)
        return [phrases["outcome"], ranged, *thin]

    def as_text(self) -> str:
        """The explanation, for a terminal."""
        if isinstance(self.answer, NotScored):
            state = self.answer.state or ""
            return f"No score as of {self._day(self.as_of)}: {self.model.phrases.states.get(state, state)}"
        lines = [*self._opening(self.answer), *self._reasons(self.answer), *self._sums(self.answer)]
        return "\n".join([*lines, *self._movement(self.answer)])

    def _opening(self, answer: Explanation) -> list[str]:
        task, manifest = self.model.task, self.model.manifest
        return [
            f"{answer.person_id}   as of {self._day(self.as_of)} · {manifest.name} v{manifest.version}",
            f"About {likely_in_100(answer.probability)} in 100 people{self._range(answer)} with a history like this "
            f"had a {task.outcome} in the next {task.horizon_days} days.",
            *self._caveats(),
        ]

    def _range(self, answer: Explanation) -> str:
        """In brackets, as in a list: " (13 to 24, thin history)"."""
        return range_in_words(answer.lower, answer.upper, thin=answer.thin_history)

    def _reasons(self, answer: Explanation) -> list[str]:
        lines = []
        for direction, heading in _HEADINGS.items():
            said = answer.told(direction)
            lines += ["", heading, *(f"  · {text}" for text in said)] if said else []
        return lines

    def _sums(self, answer: Explanation) -> list[str]:
        worded = answer.log_odds - answer.expected_value - answer.everything_else
        return [
            "",
            f"In log-odds  {answer.expected_value:.2f} anyone · {worded:+.2f} the reasons above · "
            f"{answer.everything_else:+.2f} everything else = {answer.log_odds:.2f} before calibration",
        ]

    def _movement(self, answer: Explanation) -> list[str]:
        if answer.changes is None:
            if answer.state_then == "scored":
                return []
            words = self.model.phrases.states.get(answer.state_then, answer.state_then)
            return ["", f"What changed cannot be said: no score then ({words})"]
        moved = answer.changes
        details = [f"  · {CAUSES[part.cause]}: {reason['text']}" for part in moved.parts for reason in part.reasons]
        return ["", f"Since {self._day(moved.since)}   {movement_in_words(moved)}", *details]

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%a %-d %b %Y %H:%M}"


def movement_in_words(moved: Changes) -> str:
    """ "7 to 18 in 100: +9 new contacts · −1 older contacts fading · +3 the model"."""
    parts = " · ".join(f"{_signed(part.points)} {CAUSES[part.cause]}" for part in moved.parts)
    return f"{likely_in_100(moved.before)} to {likely_in_100(moved.after)} in 100: {parts}"


def _signed(points: int) -> str:
    return f"{'−' if points < 0 else '+' if points > 0 else '±'}{abs(points)}"


def explain(site: Site, person_id: str, *, as_of: datetime | None, since: datetime | None) -> ExplainResult:
    """Explain one person's score as of a moment (the site's clock by default). The beginning of a pseudonym will do.

    Raises ServiceError while the site has scores of people switched off, UsageError for nobody known or for a
    beginning that several people share.
    """
    days = require_person_scores(site).updating.keep_higher_days
    now = answering(site, keep_higher_days=days)
    snapshot = Store(site).snapshot()
    moment = moment_to_stand_at(snapshot, as_of)
    if since is not None and since >= moment:
        raise UsageError(
            "CR-USE-001", "the date to compare with does not lie before the moment", found=since.isoformat(),
            wanted=f"before {moment.isoformat()}",
        )  # fmt: skip
    then = now if since is None else answered_at(site, now.now, since, keep_higher_days=days)
    person_id = pseudonym_of(snapshot, person_id)
    answer = explain_person(now.models, then.models, snapshot, site, person_id, as_of=moment, since=since)
    if isinstance(answer, NotScored) and answer.state is None:
        raise UsageError(
            "CR-USE-001", "nobody of that pseudonym was known at that moment", found=moment.isoformat(),
            hint="a pseudonym as `crisisrisk score` prints it; an NHS number is never typed here",
        )  # fmt: skip
    return ExplainResult(as_of=moment, answering=now, zone=site.time_zone, answer=answer)
