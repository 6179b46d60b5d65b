"""A model that was fitted and judged, as files: whatever fails while it is kept, it need not be made again."""

import json
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from crisisrisk.errors import CrisisRiskError
from crisisrisk.evaluation.judged import FILE, read_judged, write_judged
from crisisrisk.evaluation.slices import plain_values
from crisisrisk.models.bundle import load_bundle, write_bundle
from crisisrisk.training.keeping import Finished, Recipes, SheetSettings, candidate
from crisisrisk.training.progress import Progress

STAGE = "finished"
BUNDLE, CONTENT, SHOWN = "bundle", "content.json", "shown.npy"
PLAIN = ("attrition", "attrition_text", "judged_on", "rows", "prevalence", "cut_off_us", "data_digest", "complete_to",
         "latency_hours", "cells_level")  # fmt: skip
"""The fields that are JSON as they are."""


def keep_finished(progress: Progress, recipes: Recipes, finished: Finished) -> None:
    """Write everything that keeping a run needs; it appears whole or not at all."""
    folder = progress.path(STAGE)
    if folder is None or folder.exists():
        return
    staged = folder.with_suffix(".part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir()
    write_bundle(staged / BUNDLE, candidate("", recipes, finished))
    if finished.judged is not None:
        write_judged(staged, finished.judged)
    np.save(staged / SHOWN, finished.shown, allow_pickle=False)
    (staged / CONTENT).write_text(json.dumps(_content(finished), ensure_ascii=False), encoding="utf-8")
    staged.rename(folder)


def _content(finished: Finished) -> dict[str, Any]:
    before = finished.cells_known_before
    return {
        **plain_values({name: getattr(finished, name) for name in (*PLAIN, "report")}),
        "cells_known_before": None if before is None else before.isoformat(),
    }


def kept_finished(progress: Progress, sheet: SheetSettings) -> Finished | None:
    """The finished model that an earlier command could not keep; None where there is none that can be read.

    `sheet`: what a trust sheet says of the site now.
    """
    folder = progress.path(STAGE)
    if folder is None or not folder.is_dir():
        return None
    try:
        return _read(folder, sheet)
    except (CrisisRiskError, OSError, ValueError, KeyError, TypeError):
        shutil.rmtree(folder)  # damaged: made again
        return None


def _read(folder: Path, sheet: SheetSettings) -> Finished:
    content = json.loads((folder / CONTENT).read_text(encoding="utf-8"))
    before = content["cells_known_before"]
    bundle = load_bundle(folder / BUNDLE)
    return Finished(
        **{name: content[name] for name in PLAIN},
        model=bundle.model,
        caseload=bundle.task.caseload,
        echo=bundle.task.echo,
        profiles=bundle.task.profiles,
        recent=bundle.task.recent,
        late_feeds=bundle.task.late_feeds,
        report=content["report"],
        shown=np.load(folder / SHOWN, allow_pickle=False),
        cells_known_before=None if before is None else datetime.fromisoformat(before),
        judged=read_judged(folder) if (folder / FILE).is_file() else None,
        sheet=sheet,
    )
