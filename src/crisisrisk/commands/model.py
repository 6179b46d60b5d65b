"""Let a trained model answer, take it back, say which ones there are."""

import os
import pwd
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from crisisrisk.commands.evaluate import stored_report
from crisisrisk.errors import GateError, ModelError, UsageError
from crisisrisk.models import registry
from crisisrisk.models.bundle import Bundle, Promotion, load_bundle, write_bundle
from crisisrisk.models.champions import Change, bundle_folder, changes, set_champion_bundle
from crisisrisk.tables.site import Site
from crisisrisk.training.results import Check, baseline_checks


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The model that answers from now on."""

    name: str
    version: int
    run_id: str
    bundle: Path
    checks: tuple[str, ...]
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "model": self.name,
            "version": self.version,
            "run_id": self.run_id,
            "bundle": str(self.bundle),
            "checks": list(self.checks),
            "reason": self.reason,
        }

    def as_text(self) -> str:
        """A few lines for a terminal."""
        checks = [f"  {check}" for check in self.checks]
        return "\n".join(
            [f"{self.name} v{self.version} answers now (run {self.run_id[:8]})", *checks, f"  {self.bundle}"]
        )


def promote(site: Site, run_id: str, *, reason: str, accept_below_baseline: bool = False) -> Promoted:
    """Make a verified bundle of a run, register it, and let it answer.

    Raises GateError without a reason, or when a baseline is better and that was not accepted.
    """
    _require_reason(reason)
    run = registry.find_run(site.mlflow_tracking_uri, run_id)
    report = stored_report(site, run.run_id)
    checks = baseline_checks(report["subject"], report["report"]["model"], report["report"]["baselines"])
    _require_better(run.run_id, checks, accepted=accept_below_baseline)
    promotion = Promotion(
        by=_who(), at=_now(), reason=reason.strip(), checks=tuple(map(str, checks)),
        accepted_below_baseline=accept_below_baseline,
    )  # fmt: skip
    with registry.run_artifacts(site.mlflow_tracking_uri, run.run_id, registry.BUNDLE) as folder:
        candidate = load_bundle(folder)
    return _let_answer(site, candidate, promotion)


def _let_answer(site: Site, candidate: Bundle, promotion: Promotion) -> Promoted:
    """Register, write the bundle, change the pointer, move the alias: the pointer is what the service follows."""
    uri, name, run_id = site.mlflow_tracking_uri, candidate.manifest.name, candidate.manifest.run_id
    version = registry.register(uri, name=name, run_id=run_id, description=promotion.reason)
    folder = bundle_folder(site.models, name, version)
    try:
        write_bundle(folder, candidate.promoted(version=version, promotion=promotion))
    except (ModelError, OSError):
        registry.unregister(uri, name=name, version=version)
        raise
    change = Change(version=version, by=promotion.by, at=promotion.at, reason=promotion.reason)
    set_champion_bundle(site.models, name, change)
    registry.set_champion(uri, name=name, version=version)
    return Promoted(
        name=name, version=version, run_id=run_id, bundle=folder, checks=promotion.checks, reason=promotion.reason
    )


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise GateError(
            "CR-GATE-001", "a promotion or a rollback needs a reason", wanted="--reason with a sentence",
            hint="it is kept with the model, for whoever asks later why it answers",
        )  # fmt: skip


def _require_better(run_id: str, checks: Sequence[Check], *, accepted: bool) -> None:
    worse = [check for check in checks if not check.gain > 0]
    if worse and not accepted:
        raise GateError(
            "CR-GATE-002", f"not promoted: {worse[0]}", where=f"run {run_id}",
            wanted=f"a better {worse[0].metric} than each of {len(checks)} baselines",
            found=f"{len(worse)} of them are as good or better",
            hint="the model that answered still answers · --accept-below-baseline promotes it and keeps that on record",
        )  # fmt: skip


def _who() -> str:
    """The account that promotes: taken from the system, not from what the environment says."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"account {os.getuid()}"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")


# Which there are


@dataclass(frozen=True, kw_only=True)
class ModelLine:
    """One registered version, as a list shows it."""

    model: str
    version: int
    run_id: str
    answers: bool
    registered: str
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "model": self.model,
            "version": self.version,
            "run_id": self.run_id,
            "answers": self.answers,
            "registered": self.registered,
            "reason": self.reason,
        }


def list_models(site: Site) -> list[ModelLine]:
    """The registered versions; `answers` is what the site's own pointer says, not the registry's alias."""
    found = []
    for one in registry.registered_versions(site.mlflow_tracking_uri):
        made = changes(site.models, one.name)
        found.append(
            ModelLine(
                model=one.name,
                version=one.version,
                run_id=one.run_id,
                answers=bool(made) and made[-1].version == one.version,
                registered=datetime.fromtimestamp(one.made_at_ms / 1000, UTC).isoformat(timespec="seconds"),
                reason=one.description,
            )
        )
    return found


def rollback(site: Site, name: str, *, reason: str) -> Promoted:
    """Let the version answer that answered before. Raises UsageError when there was none."""
    _require_reason(reason)
    made = changes(site.models, name)
    earlier = [change.version for change in made if change.version != made[-1].version]
    if not earlier:
        raise UsageError(
            "CR-USE-001", f'there is no earlier model of "{name}" to go back to', where=str(site.models),
            hint="see: crisisrisk model list",
        )  # fmt: skip
    change = Change(version=earlier[-1], by=_who(), at=_now(), reason=reason.strip())
    set_champion_bundle(site.models, name, change)
    registry.set_champion(site.mlflow_tracking_uri, name=name, version=change.version)
    folder = bundle_folder(site.models, name, change.version)
    run_id = load_bundle(folder).manifest.run_id
    return Promoted(name=name, version=change.version, run_id=run_id, bundle=folder, checks=(), reason=change.reason)


@dataclass(frozen=True, kw_only=True)
class VerifiedBundle:
    """A bundle whose every byte is as promoted, and whose model has a possible structure."""

    bundle: Path
    name: str
    version: int
    run_id: str
    trees: int
    features: int

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "verified": True,
            "bundle": str(self.bundle),
            "model": self.name,
            "version": self.version,
            "run_id": self.run_id,
            "trees": self.trees,
            "features": self.features,
        }

    def as_text(self) -> str:
        """One line for a terminal."""
        return f"fine: {self.name} v{self.version}, {self.trees} trees, {self.features} features"


def verify(bundle: Path) -> VerifiedBundle:
    """Check a bundle's digests and structure. Raises ModelError at the first difference."""
    manifest = load_bundle(bundle).manifest
    return VerifiedBundle(
        bundle=bundle,
        name=manifest.name,
        version=manifest.version,
        run_id=manifest.run_id,
        trees=manifest.trees,
        features=len(manifest.feature_names),
    )
