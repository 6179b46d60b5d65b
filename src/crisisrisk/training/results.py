"""What a training run or a backtest found, for whoever prints it or reads its JSON."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from crisisrisk.evaluation.issue_time_rows import issue_times_text
from crisisrisk.evaluation.place_affected import affected_text
from crisisrisk.evaluation.place_levels import levels_text
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.training.exposures import exposures_in_words
from crisisrisk.training.place_roster import roster_text

# For each subject the metrics of a short table.
SHOWN = {
    "person": ("auprc", "auroc", "precision_at_k", "recall_at_k", "sensitivity_at_85_specificity", "brier"),
    "place": ("deviance", "log_score", "rps", "calibration_ratio", "capture"),
}


@dataclass(frozen=True, kw_only=True)
class TrainedRun:
    """One training run. `report` is the whole of it, as its file in MLflow has it."""

    run_id: str
    model: str
    subject: str
    recipe_fingerprint: str
    rows: int
    features: int
    trees: int
    prevalence: float
    metrics: Mapping[str, Any]
    baselines: Mapping[str, Mapping[str, Any]]
    report: Mapping[str, Any]
    attrition: Sequence[Mapping[str, Any]]
    attrition_text: str
    judged_on: str
    seconds: float
    peak_memory_mb: float

    @property
    def best_baseline(self) -> str:
        """The simple rule that did best: of places by deviance, of people by AUPRC."""
        if self.subject == "place":
            return min(self.baselines, key=lambda name: float(self.baselines[name]["deviance"]))
        return max(self.baselines, key=lambda name: float(self.baselines[name]["auprc"]))

    def as_json(self) -> dict[str, Any]:
        """The fields of `train --json`."""
        content = {
            "run_id": self.run_id,
            "model": self.model,
            "recipe_fingerprint": self.recipe_fingerprint,
            "rows": self.rows,
            "features": self.features,
            "trees": self.trees,
            "prevalence": self.prevalence,
            "metrics": self.metrics,
            "baselines": self.baselines,
            "attrition": list(self.attrition),
            "outcome": self.report.get("outcome"),
            "listable": self.report.get("listable"),
            "suspicions": list(self.report.get("suspicions", ())),
            "signals": list(self.report.get("signals", ())),
            "seconds": round(self.seconds, 1),
            "peak_memory_mb": round(self.peak_memory_mb),
        }
        return dict(plain_values(content))

    def as_text(self) -> str:
        """A few lines for a terminal."""
        head = (
            f"{self.model}  run {self.run_id[:8]}  ·  {self.rows:,} rows, {self.features} features, {self.trees} trees"
        )
        table = comparison(self.subject, self.metrics, self.baselines)
        ending = f"{self.seconds:.0f} s · {self.peak_memory_mb:.0f} MB"
        times = _below(issue_times_text(self.report.get("issue_times", ())))
        said = [
            *listable_text(self.report.get("listable")), *times, *self._notes(), *self._places(), *self._suspicions(),
        ]  # fmt: skip
        return "\n".join([head, self.judged_on, "", self.attrition_text, "", table, *said, "", ending])

    def _notes(self) -> list[str]:
        """What was done otherwise than asked, because the data are few, and what of them an earlier model changed.

        Of places what the model is worth beside the best baseline.
        """
        fitting = self.report.get("fitting", {})
        exposures = fitting.get("exposures", {})
        followed = [exposures_in_words(exposures)] if exposures.get("training_rows_after") else []
        worth = [self.report["verdict"]] if "verdict" in self.report else []
        notes = [*worth, *fitting.get("calibration", {}).get("notes", []), *followed]
        return ["", *(f"note: {note}" for note in notes)] if notes else []

    def _places(self) -> list[str]:
        return [
            *signals_text(self.report.get("signals", ())), *flagged_text(self.report.get("flagged_days", ())),
            *affected_text(self.report.get("treatment_affected")),
        ]  # fmt: skip

    def _suspicions(self) -> list[str]:
        doubts = self.report.get("suspicions", ())
        return ["", *doubts] if doubts else []


@dataclass(frozen=True, kw_only=True)
class Backtest:
    """What standing at many moments of the past found. `content` is the whole report, plain."""

    subject: str
    model_name: str
    content: Mapping[str, Any]
    seconds: float
    files: Sequence[str] = ()
    """Where the report was written."""
    run_id: str | None = None
    """The run in MLflow that holds it."""

    def as_json(self) -> dict[str, Any]:
        """The fields of `backtest --json`."""
        files = {"files": list(self.files)} if self.files else {}
        run = {"run_id": self.run_id} if self.run_id else {}
        return {"task": self.model_name, **run, **self.content, **files, "seconds": round(self.seconds, 1)}

    def as_text(self) -> str:
        """A few lines for a terminal."""
        counted = {
            "person": ("slices", "rows", "people", "outcomes"),
            "place": ("origins", "cells", "shifts", "events"),
        }
        sizes = " · ".join(f"{self.content[name]:,} {name}" for name in counted[self.subject])
        table = comparison(self.subject, self.content["model"], self.content["baselines"])
        levels = ["", levels_text(self.content["levels"])] if "levels" in self.content else []
        times = _below(issue_times_text(self.content.get("issue_times", ())))
        roster = roster_text(self.content.get("roster"))
        said = [
            *flagged_text(self.content.get("flagged_days", ())), *affected_text(self.content.get("treatment_affected")),
        ]  # fmt: skip
        worth = [str(self.content["verdict"]), str(self.content["origins_told"]), ""] if self.files else []
        head = f"{self.model_name}  backtest  ·  {sizes}"
        written = [f"report: {path}" for path in self.files]
        written += [f"in MLflow: run {self.run_id[:8]}"] if self.run_id else []
        return "\n".join(
            [head, *worth, "", table, *times, *roster, *levels, *said, "", *written, f"{self.seconds:.0f} s"]
        )


def _below(text: str) -> list[str]:
    """A part of a page with an empty line before it; nothing for no text."""
    return ["", text] if text else []


def signals_text(signals: Sequence[Mapping[str, Any]]) -> list[str]:
    """The signals that stayed, as lines for a terminal; nothing where none did."""
    said = [
        f"  {', '.join(one['sources'])}: {one['lift']:.2f} times as often before a crisis contact as by chance"
        for one in signals if one["kept"]
    ]  # fmt: skip
    return ["", "signals that are read:", *said] if said else []


def flagged_text(days: Sequence[Mapping[str, Any]]) -> list[str]:
    """Days of far more records than usual, for a terminal."""
    said = [f"  {one['day']}  {one['source']}: more than {one['limit']:,} records" for one in days]
    return ["", "flagged, and not learned:", *said] if said else []


def listable_text(listable: Mapping[str, Any] | None) -> list[str]:
    """The same table among those on a team's caseload, whom a list can hold; nothing where that is everybody."""
    if listable is None:
        return []
    sizes = f"{listable['rows']:,} rows of {listable['people']:,} people on a caseload, whom a list can hold:"
    return ["", sizes, comparison("person", listable["model"], listable["baselines"])]


def comparison(subject: str, model: Mapping[str, Any], baselines: Mapping[str, Mapping[str, Any]]) -> str:
    """The model beside its baselines, as aligned lines."""
    names = SHOWN[subject]
    rows = [("model", model), *baselines.items()]
    width = max(len(name) for name, _ in rows)
    head = " " * width + "".join(f"{name.replace('sensitivity_at_85_specificity', 'sens@85'):>18}" for name in names)
    lines = [
        f"{name:<{width}}" + "".join(f"{_number(values.get(metric)):>18}" for metric in names) for name, values in rows
    ]
    return "\n".join([head, *lines])


def _number(value: Any) -> str:
    return "–" if value is None or value != value else f"{value:.4f}"
