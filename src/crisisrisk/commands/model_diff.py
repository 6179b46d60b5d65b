"""What another model would change: who enters and who leaves each team's list, and which reasons moved them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from crisisrisk.commands.person_scores import require_person_scores
from crisisrisk.commands.score import likely_in_100, moment_to_stand_at
from crisisrisk.errors import UsageError
from crisisrisk.models import registry
from crisisrisk.models.bundle import Bundle, load_bundle, load_signed_bundle
from crisisrisk.models.champions import bundle_folder, champion, trusted_keys
from crisisrisk.scoring.lists import Standing, TeamLists, team_lists
from crisisrisk.scoring.pseudonyms import shown
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

MOST_REASONS = 3
LEAST_MOVEMENT = 0.01
"""Log-odds that a group of reasons must have moved somebody by to be named."""

Tell = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A group of reasons, and by how much more it adds now, in log-odds."""

    group: str
    by: float

    def __str__(self) -> str:
        return f"{self.group.replace('_', ' ')} {self.by:+.2f}"


@dataclass(frozen=True, kw_only=True)
class Move:
    """Somebody who enters or leaves a list. A probability is None where the model does not score them."""

    person_id: str
    before: float | None
    after: float | None
    because: tuple[Moved, ...]


@dataclass(frozen=True, kw_only=True)
class TeamDiff:
    """One team's list."""

    team: str
    length: int
    stays: int
    enters: tuple[Move, ...]
    leaves: tuple[Move, ...]


@dataclass(frozen=True, kw_only=True)
class ModelDiff:
    """Two models on the people of one moment."""

    as_of: datetime
    before: str
    after: str
    teams: tuple[TeamDiff, ...]

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {**asdict(self), "as_of": self.as_of.isoformat()}

    def as_text(self) -> str:
        """Team by team, for a terminal."""
        lines = [f"{self.before} → {self.after}, as of {self.as_of:%-d %b %Y %H:%M} UTC"]
        for team in self.teams:
            changed = len(team.enters)
            lines.append(f"{team.team}: {team.stays} of {team.length} stay, {changed} enter, {len(team.leaves)} leave")
            lines += [_line("+", move) for move in team.enters]
            lines += [_line("−", move) for move in team.leaves]
        return "\n".join(lines)


def _line(sign: str, move: Move) -> str:
    chances = " → ".join("not scored" if one is None else likely_in_100(one) for one in (move.before, move.after))
    because = " · ".join(map(str, move.because))
    return f"  {sign} {shown(move.person_id)}  {chances} in 100   {because}".rstrip()


def diff(
    site: Site, first: str, second: str, *, name: str | None = None, as_of: datetime | None = None, tell: Tell
) -> ModelDiff:
    """The lists of two models, each a version such as `3` or a run, at the site's clock or another moment.

    `name`: the registered model whose versions are meant; the one that answers about people by default.
    Raises ServiceError while the site has scores of people switched off: the lists name people and their scores.
    """
    require_person_scores(site)
    models = [_bundle(site, which, name) for which in (first, second)]
    snapshot = Store(site).snapshot()
    moment = moment_to_stand_at(snapshot, as_of)
    lists = []
    for which, model in zip((first, second), models, strict=True):
        tell(f"scoring everyone with {which} …")
        lists.append(team_lists(model, snapshot, site, as_of=moment))
    before, after = lists
    teams = sorted({*before.listed, *after.listed})
    return ModelDiff(
        as_of=moment, before=_called(models[0]), after=_called(models[1]),
        teams=tuple(_team(team, before, after) for team in teams),
    )  # fmt: skip


def _called(model: Bundle) -> str:
    manifest = model.manifest
    version = f"v{manifest.version}" if manifest.version else f"run {manifest.run_id[:8]}"
    return f"{manifest.name} {version}"


def _bundle(site: Site, which: str, name: str | None) -> Bundle:
    """The verified bundle of a version or a run. Raises UsageError for one that does not exist or is about places."""
    number = which.removeprefix("v")
    if number.isascii() and number.isdigit():
        folder = bundle_folder(site.models, name or champion(site.models, "person").manifest.name, int(number))
        if folder.is_dir():
            return _of_people(load_signed_bundle(folder, trusted_keys(site.models)), which)
    run = registry.find_run(site.mlflow_tracking_uri, which)
    with registry.run_artifacts(site.mlflow_tracking_uri, run.run_id, registry.BUNDLE) as folder:
        return _of_people(load_bundle(folder), which)


def _of_people(model: Bundle, which: str) -> Bundle:
    if model.manifest.subject != "person":
        raise UsageError(
            "CR-USE-001", "lists are of people", found=f"{which}: a model of {model.manifest.subject}",
            wanted="two models of people", hint="see: crisisrisk model list",
        )  # fmt: skip
    return model


def _team(team: str, before: TeamLists, after: TeamLists) -> TeamDiff:
    was, will_be = before.listed.get(team, ()), after.listed.get(team, ())
    return TeamDiff(
        team=team, length=len(will_be), stays=len(set(was) & set(will_be)),
        enters=_moves([one for one in will_be if one not in set(was)], before, after),
        leaves=_moves([one for one in was if one not in set(will_be)], before, after),
    )  # fmt: skip


def _moves(people: Sequence[str], before: TeamLists, after: TeamLists) -> tuple[Move, ...]:
    found = []
    for person in people:
        one, other = before.standing.get(person), after.standing.get(person)
        found.append(
            Move(
                person_id=person, before=_chance(one), after=_chance(other),
                because=moved_groups(one, other),
            )
        )  # fmt: skip
    return tuple(found)


def _chance(standing: Standing | None) -> float | None:
    return None if standing is None else standing.probability


def moved_groups(before: Standing | None, after: Standing | None) -> tuple[Moved, ...]:
    """The groups of reasons that moved somebody most; none where one of the models does not score them."""
    if before is None or after is None:
        return ()
    by = {group: _of(after.groups, group) - _of(before.groups, group) for group in {*before.groups, *after.groups}}
    order = sorted(by, key=lambda group: (-abs(by[group]), group))[:MOST_REASONS]
    return tuple(Moved(group=group, by=round(by[group], 3)) for group in order if abs(by[group]) >= LEAST_MOVEMENT)


def _of(groups: Mapping[str, float], group: str) -> float:
    return groups.get(group, 0.0)
