"""The tables of a trust sheet as they may be released."""

from collections.abc import Mapping, Sequence
from typing import Any

from crisisrisk.disclosure import SMALLEST, Released, released_count, released_share, remaining
from crisisrisk.evaluation.fairness import METRICS, TOO_FEW
from crisisrisk.evaluation.workload import TeamWorkload, Workload

_PARTS = ("died_after_outcome",)


def cohort_flow(attrition: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Who was dropped by each step and how many were left, recomputed from the rounded numbers."""
    if not attrition:
        return []
    taken: dict[str, list[Released]] = {
        column: [released_count(one[column]) for one in attrition[1:]] for column in ("people", "rows")
    }
    left = {column: remaining(attrition[0][f"{column}_left"], taken[column]) for column in taken}
    first = {column: released_count(attrition[0][f"{column}_left"]) for column in taken}
    flow = [{"meaning": attrition[0]["meaning"], "people": None, "rows": None, "people_left": first["people"],
             "rows_left": first["rows"]}]  # fmt: skip
    for place, step in enumerate(attrition[1:]):
        flow.append({"meaning": step["meaning"], "people": taken["people"][place], "rows": taken["rows"][place],
                     "people_left": left["people"][place], "rows_left": left["rows"][place]})  # fmt: skip
    return flow


def by_door(outcome: Mapping[str, Any]) -> list[dict[str, Any]]:
    """By which ways the outcomes came, and which rows a death or a move inside the horizon touched.

    A part of another count is not among them: the difference would tell a third.
    """
    rows = [(one["door"], one) for one in outcome.get("doors", ())]
    rows += [(one["meaning"], one) for one in outcome.get("competing", ()) if one["event"] not in _PARTS]
    return [{"name": name, "people": released_count(one["people"]), "rows": released_count(one["rows"])}
            for name, one in rows]  # fmt: skip


def by_bin(bins: Mapping[str, Sequence[Any]]) -> list[dict[str, Any]]:
    """People by risk: how many, what was said of them, and how many in 100 it happened to."""
    return [
        {"people": released_count(people), "said": said, "happened": released_share(round(happened * people), people)}
        for people, said, happened in zip(bins["people"], bins["said"], bins["happened"], strict=True)
    ]


def by_week(weekly: Sequence[Mapping[str, Any]], names: Sequence[int]) -> list[dict[str, Any]]:
    """Each date's lists: names, and of them the share with the outcome, by the model and by each simple rule."""
    found = []
    for week, listed in zip(weekly, names, strict=True):
        shares = {name: _share(value, listed) for name, value in week["baselines"].items()}
        found.append({"as_of": week["as_of"], "names": released_count(listed),
                      "precision_at_k": _share(week["precision_at_k"], listed), "baselines": shares})  # fmt: skip
    return found


def _share(value: float | None, whole: int) -> float | None:
    return None if value is None else released_share(round(value * whole), whole)


def by_team(lists: Workload, names: Mapping[str, str]) -> dict[str, Any]:
    """What the lists mean to each team. `names`: what a site calls its teams, by id."""
    return {
        "per_team": lists.per_team,
        "every_crisis": lists.every_crisis,
        "teams": [
            {"name": names.get(team.team, team.team), **_team(team, len(lists.weeks))}
            for team in (*lists.teams, lists.everybody)
        ],
    }


def _team(team: TeamWorkload, weeks: int) -> dict[str, Any]:
    names = round(team.names_a_week * weeks)
    told = team.listed_first >= SMALLEST and team.days_ahead is not None
    return {
        "team": team.team,
        "names_a_week": team.names_a_week,
        "new_a_week": team.new_a_week,
        "repeats_a_week": team.repeats_a_week,
        "useful": None if names == 0 else _share(team.useful, names),
        "crises": released_count(team.crises),
        "listed_first": released_share(team.listed_first, team.crises),
        "days_ahead": team.days_ahead if told else None,
    }


def by_subgroup(grouping: Mapping[str, Any], teams: Mapping[str, str]) -> dict[str, Any]:
    """One grouping: sizes rounded, and no share whose count is 1 to 7. `teams`: what a site calls them, by id."""
    names = teams if grouping["group"] == "team" else {}
    return {
        "group": grouping["group"],
        "meaning": grouping["meaning"],
        "merged": grouping["merged"],
        "values": [{"name": names.get(one["value"], one["value"]), **_value(one)} for one in grouping["values"]],
    }


def _value(one: Mapping[str, Any]) -> dict[str, Any]:
    sizes = {name: released_count(one[name]) for name in ("people", "rows", "outcomes")}
    if "says" in one:
        return {"value": one["value"], **sizes, "says": TOO_FEW}
    wholes = {"selection_rate": one["rows"], "precision_at_k": one["listed"], "recall_at_k": one["outcomes"],
              "sensitivity_at_85_specificity": one["outcomes"],
              "false_alarm_rate": one["rows"] - one["outcomes"], "prevalence": one["rows"]}  # fmt: skip
    return {"value": one["value"], **sizes, **{name: _told(one.get(name), wholes.get(name)) for name in METRICS}}


def _told(found: Mapping[str, float] | None, whole: int | None) -> dict[str, float] | None:
    if found is None or found["value"] is None:
        return None
    if whole is not None and _share(found["value"], whole) is None:
        return None
    return dict(found)
