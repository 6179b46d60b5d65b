"""The training recipe: what is predicted, for whom or where, how it is split, fitted and judged."""

# ruff: noqa: RUF009 -- `setting` is dataclasses.field with a meaning and limits: no value is shared between instances.

import hashlib
import json
import tomllib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Self

from crisisrisk.cohorts import UNKNOWN_AGES
from crisisrisk.errors import RecipeError, did_you_mean
from crisisrisk.evaluation.gate import GateLimits
from crisisrisk.evaluation.groupings import MEANINGS
from crisisrisk.tables.core import MODES
from crisisrisk.training.recipe_checks import check_cohort, check_grid, check_levels, check_offset, check_outcome
from crisisrisk.training.settings import (
    NameLists,
    Problem,
    as_plain,
    known_keys,
    raise_problems,
    read_settings,
    setting,
)

SUBJECTS = ("person", "place")
CALIBRATIONS = ("platt", "isotonic", "venn_abers", "best")
DIRECTIONS = {"increasing": 1, "decreasing": -1}


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What is predicted: which events are a contact with a crisis service, and over what stretch of time."""

    meaning: str = setting("contact with a crisis service", meaning="what the outcome is, in plain words")
    sources: tuple[str, ...] = setting((), meaning="sources whose every event counts")
    codes: NameLists = setting((), meaning="for a source, the only codes that count: { source = [codes] }")
    outcomes: NameLists = setting((), meaning="for a source, the only `outcome` values that count")
    crisis_flag: bool = setting(False, meaning="events that their agency flagged with `is_crisis` count too")
    origins: tuple[str, ...] = setting(
        (), meaning="only events of these origins count (empty: of any)", only_for="place"
    )
    modes: tuple[str, ...] = setting(
        (), meaning=f"only events made in these ways count (empty: in any): {', '.join(MODES)}", only_for="place"
    )
    doors: NameLists = setting(
        (),
        meaning="ways into crisis services, each with its sources, or single codes written `source:code`: "
        "{ door = [names] }; results are split by them (left out: by source)",
    )
    only_doors: tuple[str, ...] = setting((), meaning="only events by these doors count (empty: by any)")
    most_per_person: int = setting(
        0, meaning="most that one person counts in a cell within `per_days` (0: however often)", at_least=0,
        only_for="place",
    )  # fmt: skip
    per_days: int = setting(28, meaning="days of `most_per_person`", above=0, at_most=366, only_for="place")
    duplicate_minutes: int = setting(
        0, meaning="reports of two sources so many minutes apart at most are one incident, in one place and not of two "
        "different people (0: never)", at_least=0, at_most=1440, only_for="place",
    )  # fmt: skip
    duplicate_metres: int = setting(
        0, meaning="and so many metres apart at most, where both have coordinates; else, or at 0, in the same cell",
        at_least=0, only_for="place",
    )  # fmt: skip
    duplicates: str = setting(
        "every", meaning="which reports near an incident are merged into it: every one of another source, or one of "
        "each source and all that name its person", choices=("every", "one_each"), only_for="place",
    )  # fmt: skip
    most_times_usual: float = setting(
        0.0, meaning="a day on which a source sent more than so many times its usual is flagged and not learned "
        "(0: never)", at_least=0, only_for="place",
    )  # fmt: skip
    team_initiated: str = setting(
        "exclude", meaning="contacts that a team itself set out to make count nowhere, or each by the inverse of how "
        "much of the teams' time was spent in its cell before it, from the deployments table",
        choices=("exclude", "weight"), only_for="place",
    )  # fmt: skip
    most_weight: float = setting(
        20.0, meaning="greatest weight of such a contact; one counts with the chance of its weight ÷ this", at_least=1,
        at_most=1000, only_for="place",
    )  # fmt: skip
    visit_days: int = setting(
        91, meaning="days before a contact whose deployments say how often teams were there", above=0, at_most=3650,
        only_for="place",
    )  # fmt: skip
    treatment_affected: tuple[str, ...] = setting(
        (), meaning="outcome sources whose number a team's own presence changes, such as s136: the report warns, and "
        "shows the outcome with and without them", only_for="place",
    )  # fmt: skip
    horizon_days: int = setting(
        28, meaning="days ahead in which the outcome is looked for", above=0, at_most=3650, only_for="person"
    )
    gap_days: int = setting(
        0, meaning="days left between the date of the list and the horizon", at_least=0, only_for="person"
    )
    stable_gap_days: int = setting(
        7, meaning="an episode starts with a crisis event at least this many days after the one before", at_least=0,
        only_for="person",
    )  # fmt: skip
    death: str = setting(
        "censor", meaning="a death inside the horizon drops the row, counts as the outcome, or as none",
        choices=("censor", "composite", "negative"), only_for="person",
    )  # fmt: skip
    moved: str = setting(
        "censor", meaning="an observation that ends inside the horizon, such as a move away, drops the row, or counts "
        "as no outcome", choices=("censor", "negative"), only_for="person",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Away:
    """A stretch of time in which someone is out of reach and out of the cohort, such as custody."""

    name: str = setting(meaning="what it is, in letters, digits and _: `in_custody`")
    sources: tuple[str, ...] = setting(meaning="events that begin it")
    codes: tuple[str, ...] = setting((), meaning="only these codes of theirs (empty: any)")
    ended_by: tuple[str, ...] = setting((), meaning="sources whose events end it, beside the event's own `ended_at`")
    longest_open_days: int = setting(365, meaning="days after which one that nothing ended is over", above=0)


@dataclass(frozen=True, kw_only=True)
class Cohort:
    """Who is eligible, as of each date."""

    minimum_history_days: int = setting(0, meaning="days that someone must have been known", at_least=0)
    seen_within_days: int | None = setting(
        None, meaning="someone must have an event that occurred this recently (left out: ever)", above=0
    )
    outcome_within_days: int | None = setting(
        None, meaning="someone must have had an outcome event this recently (left out: not asked)", above=0
    )
    minimum_age: int = setting(18, meaning="youngest age in years; 0 for data without years of birth", at_least=0)
    unknown_age: str = setting(
        "leave_out", meaning="where a minimum age is asked, people of unknown year of birth, who may be younger, are "
        "left out, or kept", choices=UNKNOWN_AGES,
    )  # fmt: skip
    hospital_sources: tuple[str, ...] = setting(
        ("mh_admission",), meaning="events that begin a stay in hospital, to `ended_at` or a discharge"
    )
    discharge_sources: tuple[str, ...] = setting(("mh_discharge",), meaning="events that end a stay in hospital")
    longest_open_stay_days: int = setting(
        365, meaning="days after which a hospital stay that nothing ended is over", above=0
    )
    excluded_while: tuple[Away, ...] = setting((), meaning="stays away, such as custody, during which nobody is listed")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """At which moments predictions are made."""

    first_day: date | None = setting(None, meaning="first local day (left out: the first the data allow)")
    last_day: date | None = setting(None, meaning="last local day (left out: the last with a whole horizon)")
    warm_up_days: int = setting(182, meaning="days of history before the first prediction", at_least=0)
    every: str = setting(
        "1 week", meaning="time between two dates of one person: days, weeks or months; months stand on their first "
        "day", only_for="person",
    )  # fmt: skip
    weekday: str = setting(
        "mon", meaning="weekday of a grid of whole weeks", choices=("mon", "tue", "wed", "thu", "fri", "sat", "sun"),
        only_for="person",
    )  # fmt: skip
    at: str = setting("00:00", meaning="local time of day of each date", only_for="person")
    issue_hours: tuple[int, ...] = setting(
        (24,), meaning="hours before a shift that its forecast is made; of several, such as [24, 1, 168], the trees "
        "are fitted at the first, and intervals and figures are there for each", at_least=0, at_most=672,
        only_for="place",
    )  # fmt: skip
    cells: tuple[str, ...] = setting(
        (), meaning="levels of cells that `backtest` judges beside the site's own, such as `h3:7`, `squares:1000`, "
        "`squares:1000+500+500` (a shifted origin, metres east and north) or `areas`", only_for="place",
    )  # fmt: skip

    @property
    def longest_issue_hours(self) -> int:
        """The longest of the issue times: nothing known later may shape a model that is judged at all of them."""
        return max(self.issue_hours)


@dataclass(frozen=True, kw_only=True)
class Split:
    """Which rows fit the model, which stop and calibrate it, which judge it.

    The validation block of people is itself cut in two, with a horizon between: its earlier part stops the trees, its
    later part calibrates them and says how wide the range of a score is.
    """

    kind: str = setting(
        "time", meaning="`time`: train earlier, test later; `person`: for data without calendar dates",
        choices=("time", "person"),
    )  # fmt: skip
    validation_days: int = setting(84, meaning="days of the block that stops and calibrates", above=0)
    test_days: int = setting(84, meaning="days of the last block, which judges", above=0)
    gap_days: int = setting(0, meaning="days left free between blocks, beyond the horizon", at_least=0)
    validation_share: float = setting(
        0.15, meaning="share of people, for kind `person`", above=0, at_most=0.5, only_for="person"
    )
    test_share: float = setting(
        0.25, meaning="share of people, for kind `person`", above=0, at_most=0.5, only_for="person"
    )
    origins: int = setting(12, meaning="how many rolling origins `backtest` takes, the last ones of the data", above=0)
    origin_every_days: int = setting(7, meaning="days between two origins", above=0)
    refit_every_origins: int = setting(1, meaning="origins between two fits of the model", above=0)


@dataclass(frozen=True, kw_only=True)
class ModelSettings:
    """How LightGBM is fitted. Seeds and threads are fixed: the same data give the same model."""

    rounds: int = setting(400, meaning="most trees", above=0)
    early_stopping_rounds: int = setting(30, meaning="stop when validation has not improved for so many trees", above=0)
    learning_rate: float = setting(0.05, meaning="shrinkage of each tree", above=0, at_most=1)
    num_leaves: int = setting(15, meaning="leaves of a tree", at_least=2)
    min_data_in_leaf: int = setting(100, meaning="fewest rows in a leaf", above=0)
    feature_fraction: float = setting(0.7, meaning="share of features that each tree may use", above=0, at_most=1)
    bagging_fraction: float = setting(0.8, meaning="share of rows that each tree sees", above=0, at_most=1)
    lambda_l2: float = setting(1.0, meaning="ridge penalty on leaf values", at_least=0)
    max_bin: int = setting(63, meaning="most bins of a feature", at_least=2, at_most=255)
    seed: int = setting(20260101, meaning="seed of everything random", at_least=0)
    threads: int = setting(2, meaning="threads; part of what makes a fit repeatable", above=0)
    negatives_per_positive: int | None = setting(
        None,
        meaning="rows without the outcome to fit on, for each with it, weighted to stand for all (left out: all rows)",
        above=0,
        only_for="person",
    )
    most_rows: int | None = setting(
        None,
        meaning="cells and shifts to fit on at most: all with an event, and of those without as many as that leaves, "
        "weighted to stand for all (left out: all)",
        above=0,
        only_for="place",
    )
    monotone: NameLists = setting(
        (),
        meaning="columns that may only raise or only lower the risk: "
        "{ increasing = [names], decreasing = [names] }; a name may end in *",
    )
    calibration: str = setting(
        "platt",
        meaning="how scores become probabilities; `best`: whichever of the three has the least log loss on people "
        "whom it was not fitted on",
        choices=CALIBRATIONS,
        only_for="person",
    )
    interval_level: float = setting(
        0.9, meaning="how often the range of a score is to hold how often the outcome comes at such a score",
        at_least=0.5, at_most=0.99, only_for="person",
    )  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Offset:
    """The simple forecast that a place model starts from.

    Mean rate × level of the last eight weeks × factor of the shift × share of the cell.
    """

    lookback_days: int = setting(
        365,
        meaning="days of the mean rate and of the factors; in a cell's share an event of that age counts half",
        above=0,
    )
    prior_events: float | None = setting(
        None,
        meaning="how strongly cells are drawn to the larger place around them, in events (left out: estimated from the "
        "same history)",
        above=0,
    )
    profiles: int = setting(
        0,
        meaning="kinds of week that cells are mixtures of, learned from the counts of all cells; each cell's mix is "
        "followed from shift to shift, in place of the forecast by lookback (0: none is learned)",
        at_least=0,
    )
    recent: bool = setting(
        False,
        meaning="between kinds of week and trees a regression of how busy cells were of late beside what their kinds "
        "of week expect; only with `profiles`",
    )


@dataclass(frozen=True, kw_only=True)
class Groups:
    """Which groups of features a place model does without, and whether what each is worth is found out."""

    without: tuple[str, ...] = setting(
        (),
        meaning="groups that are left out: columns of events that share a reason (`nearby_crisis`), or `weekday`, "
        "as the dictionary of features heads them; a name may end in *",
    )
    if_clustered: tuple[str, ...] = setting(
        (),
        meaning="groups of contacts that are no crises, such as `signal_*`, which stay only if they cluster with the "
        "outcome: in the same cell in the week before it, beyond what cell and week explain, on the training block",
    )
    most_clustered: int = setting(2, meaning="most of them that stay, the strongest", above=0)
    worth: bool = setting(
        False, meaning="refit without each group in turn and report what it is worth on validation: a fit for each"
    )


@dataclass(frozen=True, kw_only=True)
class Report:
    """How results are shown."""

    list_length: int = setting(25, meaning="people that a team looks at in a week", above=0, only_for="person")
    bootstrap_samples: int = setting(200, meaning="resamples behind an interval", above=0)
    valid_hours: int = setting(168, meaning="hours after which a score or a forecast has expired", above=0)
    thin_history_days: int = setting(
        182, meaning="a history is thin that has been known for fewer days", at_least=0, only_for="person"
    )
    thin_history_contacts: int = setting(3, meaning="or that has fewer contacts", at_least=0, only_for="person")


@dataclass(frozen=True, kw_only=True)
class Subgroups:
    """By what people's results are broken down, each value as known at the date of the list."""

    columns: tuple[str, ...] = setting(
        ("sex", "age_band", "ethnicity", "deprivation", "record_density", "known_for"),
        meaning=f"any of: {', '.join(MEANINGS)}",
    )
    most_groups: int = setting(12, meaning="values of a column that are shown; the rest are put together", above=1)


@dataclass(frozen=True, kw_only=True)
class Updating:
    """What becomes of rows that an earlier model's scores have already changed, where the `exposures` table has any."""

    helped_rows: str = setting(
        "drop", meaning="rows of people whom a score led to help: left out of training and validation, or kept",
        choices=("drop", "keep"),
    )  # fmt: skip
    helping_actions: tuple[str, ...] = setting(("acted_on",), meaning="actions of `exposures` that are help")
    lasts_days: int = setting(28, meaning="days for which help changes what follows", at_least=0)


@dataclass(frozen=True, kw_only=True)
class Gate:
    """What a candidate must keep to before it may answer, as the site's own recipe says, within limits of ours."""

    data_age_days: float = setting(
        60.0, meaning="most days between the end of a candidate's data and the site's clock", above=0, at_most=366
    )
    resamples: int = setting(200, meaning="resamples behind the interval of each comparison", at_least=20)
    slope_at_least: float = setting(
        0.8, meaning="least calibration slope of everyone", at_least=0.5, at_most=1, only_for="person"
    )
    slope_at_most: float = setting(
        1.2, meaning="greatest calibration slope of everyone", at_least=1, at_most=2, only_for="person"
    )
    expected_over_observed: float = setting(
        1.25, above=1, at_most=2, only_for="person",
        meaning="most that expected ÷ observed outcomes may be, by the nearer end of its interval; at least 1 ÷ this",
    )  # fmt: skip
    subgroup_slope_at_least: float = setting(
        0.7,
        meaning="least calibration slope of a large subgroup, by the nearer end of its interval",
        at_least=0.4,
        at_most=1,
        only_for="person",
    )
    subgroup_slope_at_most: float = setting(
        1.4,
        meaning="greatest calibration slope of a large subgroup, likewise",
        at_least=1,
        at_most=2.5,
        only_for="person",
    )
    subgroup_expected_over_observed: float = setting(
        1.25, meaning="as `expected_over_observed`, of a large subgroup", above=1, at_most=2, only_for="person"
    )
    large_people: int = setting(
        100, meaning="people from which a subgroup is large", above=0, at_most=1000, only_for="person"
    )
    large_outcomes: int = setting(
        100, meaning="rows with the outcome from which a subgroup is large", above=0, at_most=1000, only_for="person"
    )
    loss_to_champion: float = setting(
        0.1, meaning="most that may be lost of the champion's AUPRC and recall, or added to its deviance, as a share",
        at_least=0, at_most=0.25,
    )  # fmt: skip
    audit_trials: int = setting(
        12, meaning="moments at which the leakage audit rewrites the future", at_least=4, only_for="person"
    )

    @property
    def limits(self) -> GateLimits:
        """As the gate reads them."""
        return GateLimits(
            resamples=self.resamples,
            slope=(self.slope_at_least, self.slope_at_most),
            expected_over_observed=(1 / self.expected_over_observed, self.expected_over_observed),
            subgroup_slope=(self.subgroup_slope_at_least, self.subgroup_slope_at_most),
            subgroup_expected_over_observed=(
                1 / self.subgroup_expected_over_observed, self.subgroup_expected_over_observed,
            ),
            large_people=self.large_people,
            large_outcomes=self.large_outcomes,
            loss_to_champion=self.loss_to_champion,
        )  # fmt: skip


# For each table of the file its settings, and the only subject that has it.
SECTIONS: Mapping[str, tuple[type, str | None]] = {
    "outcome": (Outcome, None),
    "cohort": (Cohort, "person"),
    "grid": (Grid, None),
    "split": (Split, None),
    "model": (ModelSettings, None),
    "offset": (Offset, "place"),
    "groups": (Groups, "place"),
    "report": (Report, None),
    "subgroups": (Subgroups, "person"),
    "updating": (Updating, "person"),
    "gate": (Gate, None),
}


@dataclass(frozen=True, kw_only=True)
class TrainingRecipe:
    """A whole training recipe. It holds no data; `fingerprint` tells two recipes apart."""

    name: str
    subject: str
    features: str
    """File name of the feature recipe, in the site's `features/` folder or among the shipped ones."""
    outcome: Outcome
    cohort: Cohort
    grid: Grid
    split: Split
    model: ModelSettings
    offset: Offset
    groups: Groups
    report: Report
    subgroups: Subgroups
    updating: Updating
    gate: Gate

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces."""
        return json.dumps(as_plain(self), sort_keys=True, separators=(",", ":"), ensure_ascii=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The recipe that `to_json` wrote. Raises RecipeError when it is not one."""
        try:
            content = json.loads(text)
            return cls._from_plain(content, where="recipe.json")
        except (ValueError, KeyError, TypeError) as problem:
            raise RecipeError(
                "CR-TRAIN-001", "the stored training recipe cannot be read", where="recipe.json", found=str(problem)
            ) from None

    @classmethod
    def _from_plain(cls, content: dict[str, Any], *, where: str) -> Self:
        problems: list[Problem] = []
        subject = content["subject"]
        tables = {name: _from_json_table(content.get(name, {})) for name in SECTIONS}
        sections: dict[str, Any] = {
            name: read_settings(
                kind, _only_known(kind, tables[name], subject), where=name, subject=subject, problems=problems
            )
            for name, (kind, _) in SECTIONS.items()
        }
        raise_problems(problems, where=where)
        return cls(name=content["name"], subject=subject, features=content["features"], **sections)

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the canonical JSON, in hex."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _from_json_table(table: dict[str, Any]) -> dict[str, Any]:
    """JSON has neither dates, tuples nor absent keys; TOML tables do."""
    present = {key: value for key, value in table.items() if value is not None}
    for key in ("first_day", "last_day"):
        if key in present:
            present[key] = date.fromisoformat(present[key])
    for key in ("codes", "outcomes", "doors", "monotone"):
        if key in present:
            present[key] = dict(present[key])
    return present


def _only_known(kind: type, table: dict[str, Any], subject: str) -> dict[str, Any]:
    return {key: value for key, value in table.items() if key in known_keys(kind, subject)}


def read_training_recipe(path: Path, *, sources: Collection[str]) -> TrainingRecipe:
    """Parse a training recipe. Raises RecipeError that names every problem at once."""
    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError("CR-TRAIN-001", "there is no such training recipe", where=str(path)) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError("CR-TRAIN-001", f"the file is not valid TOML: {problem}", where=str(path)) from None
    return parse_training_recipe(content, sources=sources, where=str(path))


def parse_training_recipe(content: Mapping[str, Any], *, sources: Collection[str], where: str) -> TrainingRecipe:
    """A training recipe from parsed TOML. `sources`: the names that the site knows."""
    problems: list[Problem] = []
    subject = content.get("subject")
    if subject not in SUBJECTS:
        problems.append(Problem("subject", f"is {subject!r}", wanted='"person" or "place"', found=repr(subject)))
        raise_problems(problems, where=where)
    subject = str(subject)
    _read_top(content, subject, problems)
    sections: dict[str, Any] = {
        name: read_settings(kind, content.get(name, {}), where=name, subject=subject, problems=problems)
        for name, (kind, only_for) in SECTIONS.items()
        if only_for in (None, subject) or name not in content
    }
    if isinstance(sections.get("outcome"), Outcome):
        check_outcome(sections["outcome"], sources, problems)
    if isinstance(sections.get("cohort"), Cohort):
        check_cohort(sections["cohort"], Cohort(), sources, problems)
    if isinstance(sections.get("grid"), Grid):
        check_grid(sections["grid"], problems)
        check_levels(sections["grid"], problems)
    if isinstance(sections.get("offset"), Offset):
        check_offset(sections["offset"], problems)
    if isinstance(sections.get("model"), ModelSettings):
        _check_directions(sections["model"], problems)
    if isinstance(sections.get("subgroups"), Subgroups):
        _check_subgroups(sections["subgroups"], problems)
    if isinstance(sections.get("split"), Split) and isinstance(sections.get("grid"), Grid):
        _check_times(subject, sections["grid"], sections["split"], problems)
    raise_problems(problems, where=where)
    return TrainingRecipe(name=content["name"], subject=subject, features=content["features"], **sections)


def _read_top(content: Mapping[str, Any], subject: str, problems: list[Problem]) -> None:
    known = ["name", "subject", "features"] + [
        name for name, (_, only_for) in SECTIONS.items() if only_for in (None, subject)
    ]
    for key in content:
        if key in SECTIONS and key not in known:
            problems.append(Problem(key, f'does not exist for subject "{subject}"'))
        elif key not in known:
            problems.append(Problem(key, "unknown key", hint=did_you_mean(key, known)))
    for key in ("name", "features"):
        if not isinstance(content.get(key), str) or not content[key]:
            problems.append(Problem(key, "is missing", wanted="text", found=repr(content.get(key))))
    if isinstance(content.get("name"), str) and not str(content["name"]).isidentifier():
        problems.append(
            Problem("name", f"is {content['name']!r}", wanted="letters, digits and _", found=content["name"])
        )


def _check_directions(model: ModelSettings, problems: list[Problem]) -> None:
    for direction, _ in model.monotone:
        if direction not in DIRECTIONS:
            hint = did_you_mean(direction, list(DIRECTIONS))
            problems.append(Problem(f"model.monotone.{direction}", "unknown key", hint=hint))


def monotone_constraints(model: ModelSettings, names: Sequence[str]) -> tuple[int, ...]:
    """For each column 1 where it may only raise what is predicted, -1 only lower, 0 both; () where nothing is asked.

    Raises RecipeError for a name that no column has, and for a column that is asked to do both.
    """
    if not model.monotone:
        return ()
    found = dict.fromkeys(names, 0)
    problems: list[Problem] = []
    for direction, wanted in model.monotone:
        where, sign = f"model.monotone.{direction}", DIRECTIONS[direction]
        for pattern in wanted:
            matching = _columns_named(pattern, names)
            if not matching:
                hint = did_you_mean(pattern, list(names))
                problems.append(Problem(where, f'no column is named "{pattern}"', found=pattern, hint=hint))
            if torn := next((name for name in matching if found[name] == -sign), None):
                problems.append(Problem(where, f'"{torn}" is asked to increase and to decrease', found=torn))
            found.update(dict.fromkeys(matching, sign))
    raise_problems(problems, where="[model] of the training recipe")
    return tuple(found.values())


def _columns_named(pattern: str, names: Sequence[str]) -> list[str]:
    if pattern.endswith("*"):
        return [name for name in names if name.startswith(pattern[:-1])]
    return [name for name in names if name == pattern]


def _check_subgroups(subgroups: Any, problems: list[Problem]) -> None:
    for column in subgroups.columns:
        if column not in MEANINGS:
            hint = did_you_mean(column, list(MEANINGS))
            problems.append(Problem("subgroups.columns", f'unknown column "{column}"', found=column, hint=hint))


def _check_times(subject: str, grid: Any, split: Any, problems: list[Problem]) -> None:
    if subject == "place" and split.kind == "person":
        problems.append(Problem("split.kind", 'is "person"', wanted='"time" for subject "place"', found="person"))
    if split.validation_share + split.test_share > 0.8:
        problems.append(Problem("split", "validation_share and test_share leave under a fifth to train on"))
    if grid.first_day and grid.last_day:
        days = (grid.last_day - grid.first_day).days
        if days < 0:
            problems.append(Problem("grid.last_day", "is before first_day", found=str(grid.last_day)))
        elif split.kind == "time" and days <= split.validation_days + split.test_days:
            blocks = f"{split.validation_days} + {split.test_days}"
            problems.append(Problem("split", f"nothing is left to train on: {days} days of grid, {blocks} held out"))
