"""The trust sheet of a run of people, again from what the run left behind."""

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crisisrisk.commands.people_runs import people_run
from crisisrisk.errors import UsageError
from crisisrisk.evaluation.card.content import SiteFacts
from crisisrisk.evaluation.card.render import HTML, JSON, MARKDOWN
from crisisrisk.scoring.release import write_whole
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.site import Site
from crisisrisk.training.trust_sheet import sheet_files

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

    `out`: one file, of the kind that its ending says; without it HTML, Markdown and JSON go into the site's reports.
    Raises UsageError for a run of places, and for another ending.
    """
    kind = None if out is None else KINDS.get(out.suffix.lower())
    if out is not None and kind is None:
        raise UsageError("CR-USE-001", "--out is of no kind that a trust sheet has", found=out.name,
                         wanted="a name that ends in .html, .md or .json")  # fmt: skip
    run = people_run(site, run_id)
    files = sheet_files(run.run_id, run.content, run.recipe, run.predictions, site_facts(site), site.time_zone)
    if out is not None and kind is not None:
        write_whole(out, files[kind])
        return Card(run_id=run.run_id, task=run.content["task"], files=(out,))
    return Card(run_id=run.run_id, task=run.content["task"], files=write_report(site, run.run_id, run.content, files))


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
    )
