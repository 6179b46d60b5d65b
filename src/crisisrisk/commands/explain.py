"""Explain one person's score, and what changed since a date."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from crisisrisk.commands.person_scores import require_person_scores
from crisisrisk.commands.score import likely_in_100, moment_to_stand_at
from crisisrisk.errors import UsageError
from crisisrisk.models.bundle import Bundle, load_bundle
from crisisrisk.models.champions import bundle_folder, champion
from crisisrisk.models.champions import changes as model_changes
from crisisrisk.scoring.changes import AGEING, MODEL, NEW_CONTACTS, Changes
from crisisrisk.scoring.explaining import Explanation, NotScored, explain_person
from crisisrisk.scoring.telling import DOWN, NOT_KNOWN, UP
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

CAUSES = {NEW_CONTACTS: "new contacts", AGEING: "older contacts fading", MODEL: "the model"}
_HEADINGS = {UP: "Pushing it up", DOWN: "Pulling it down, so why not higher", NOT_KNOWN: "Not known"}


@dataclass(frozen=True, kw_only=True)
class ExplainResult:
    """One person's score explained, or why there is none."""

    as_of: datetime
    model: Bundle
    zone: ZoneInfo
    answer: Explanation | NotScored

    def as_json(self) -> dict[str, Any]:
        """The fields of `explain --json`."""
        manifest = self.model.manifest
        told = {"state": self.answer.state} if isinstance(self.answer, NotScored) else self.answer.as_json()
        return {
            "as_of": self.as_of.isoformat(), "horizon_days": self.model.task.horizon_days,
            "outcome": self.model.task.outcome,
            "model": {"name": manifest.name, "version": manifest.version, "run_id": manifest.run_id}, **told,
            "caveats": [self.model.phrases.caveats["outcome"]],
        }  # fmt: skip

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
            f"About {likely_in_100(answer.probability)} in 100 people with a history like this had a {task.outcome} "
            f"in the next {task.horizon_days} days.",
            self.model.phrases.caveats["outcome"],
        ]

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
    """Explain one person's score as of a moment (the site's clock by default).

    Raises ServiceError while the site has scores of people switched off, UsageError for nobody known.
    """
    require_person_scores(site)
    now = champion(site.models, "person")
    snapshot = Store(site).snapshot()
    moment = moment_to_stand_at(snapshot, as_of)
    if since is not None and since >= moment:
        raise UsageError(
            "CR-USE-001", "the date to compare with does not lie before the moment", found=since.isoformat(),
            wanted=f"before {moment.isoformat()}",
        )  # fmt: skip
    then = now if since is None else model_at(site, now, since)
    answer = explain_person(now, then, snapshot, site, person_id, as_of=moment, since=since)
    if isinstance(answer, NotScored) and answer.state is None:
        raise UsageError(
            "CR-USE-001", "nobody of that pseudonym was known at that moment", found=moment.isoformat(),
            hint="a pseudonym as `crisisrisk score` prints it; an NHS number is never typed here",
        )  # fmt: skip
    return ExplainResult(as_of=moment, model=now, zone=site.time_zone, answer=answer)


def model_at(site: Site, now: Bundle, moment: datetime) -> Bundle:
    """The version of a model that answered at a moment; the present one where none of them did yet."""
    name = now.manifest.name
    before = [change for change in model_changes(site.models, name) if datetime.fromisoformat(change.at) <= moment]
    if not before or before[-1].version == now.manifest.version:
        return now
    return load_bundle(bundle_folder(site.models, name, before[-1].version))
