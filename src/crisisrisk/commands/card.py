"""The trust sheet of a run, again from what the run left behind."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.commands.people_runs import people_run, read_report
from crisisrisk.errors import UsageError
from crisisrisk.evaluation.card.content import SiteFacts
from crisisrisk.evaluation.card.render import HTML, JSON, MARKDOWN
from crisisrisk.models import registry
from crisisrisk.scoring.release import write_whole
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.site import Site
from crisisrisk.training.trust_sheet import place_sheet_files, sheet_files

KINDS = {".html": HTML, ".htm": HTML, ".md": MARKDOWN, ".json": JSON}


@dataclass(frozen=True, kw_only=True)
class Card:
    """A trust sheet that was written."""

    run_id: str
    task: str
    files: tuple[Path, ...]

    def as_json(self) -> dict[str, Any]:
        """The fields of `card --json`."""
        return {"run_id": self.run_id, "task": self.task, "files": [str(path) for path in self.files]}


def card(site: Site, run_id: str, *, out: Path | None = None) -> Card:
    """Write the sheet of a run by its id or the beginning of it.

    `out`: one file, of the kind that its ending says; without it HTML and JSON, of people Markdown too, go into the
    site's reports. Raises UsageError for an ending that the sheet does not have.
    """
    kind = None if out is None else KINDS.get(out.suffix.lower())
    if out is not None and kind is None:
        raise UsageError("CR-USE-001", "--out is of no kind that a trust sheet has", found=out.name,
                         wanted="a name that ends in .html, .md or .json")  # fmt: skip
    sheet = _sheet_of(site, run_id)
    if out is not None and kind is not None:
        if kind not in sheet.files:
            raise UsageError("CR-USE-001", "a run of places has no such sheet", found=out.name,
                             wanted="a name that ends in .html or .json")  # fmt: skip
        write_whole(out, sheet.files[kind])
        return Card(run_id=sheet.run_id, task=sheet.content["task"], files=(out,))
    written = write_report(site, sheet.run_id, sheet.content, sheet.files)
    return Card(run_id=sheet.run_id, task=sheet.content["task"], files=written)


@dataclass(frozen=True)
class _Sheet:
    run_id: str
    content: Mapping[str, Any]
    files: Mapping[str, str]


def _sheet_of(site: Site, run_id: str) -> _Sheet:
    """The files of a run by name, from its own artefacts."""
    found = registry.find_run(site.mlflow_tracking_uri, run_id).run_id
    with registry.run_artifacts(site.mlflow_tracking_uri, found, "") as folder:
        content = read_report(folder, found)
    if content["subject"] == "place":
        return _Sheet(found, content, place_sheet_files(found, content, site_facts(site)))
    run = people_run(site, found)
    files = sheet_files(run.run_id, run.content, run.recipe, run.predictions, site_facts(site), site.time_zone)
    return _Sheet(run.run_id, run.content, files)


def write_report(site: Site, run_id: str, content: Mapping[str, Any], files: Mapping[str, str]) -> tuple[Path, ...]:
    """The three files in the site's reports, named by the task and the run; HTML first."""
    site.reports.mkdir(parents=True, exist_ok=True)
    written = []
    for name, text in files.items():
        path = site.reports / f"{content['task']}-{run_id[:8]}{Path(name).suffix}"
        write_whole(path, text)
        written.append(path)
    return tuple(written)


def site_facts(site: Site) -> SiteFacts:
    """What the site's configuration says of itself and of who answers for it."""
    declared = read_settings(site, os.environ).service.person_scores
    return SiteFacts(
        name=site.name,
        clinical_safety_officer=declared.clinical_safety_officer,
        impact_assessment=declared.impact_assessment,
        person_scores_on=declared.on,
        sources={name: source.plural for name, source in site.sources.items()},
        agencies=tuple(sorted({source.agency for source in site.sources.values()})),
        teams={name: team.name for name, team in site.teams.items()},
    )
