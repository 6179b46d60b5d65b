"""Let a trained model answer, take it back, say which ones there are."""

import os
import pwd
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

from crisisrisk.commands.promotion import Tell, read_candidate, refuse_unless, require_acceptable, run_checks
from crisisrisk.commands.settling import begin_change, is_unsettled, settle, settle_all
from crisisrisk.errors import GateError, ModelError, UsageError
from crisisrisk.evaluation.card.render import JSON
from crisisrisk.models import registry
from crisisrisk.models.bundle import Bundle, Promotion, load_bundle, load_signed_bundle, write_bundle
from crisisrisk.models.bundle_files import read_signature
from crisisrisk.models.champions import (
    Change,
    bundle_folder,
    changes,
    set_champion_bundle,
    sign_history,
    signed_changes,
    signed_version,
)
from crisisrisk.models.signing import SigningKey, read_trusted_keys, signing_key
from crisisrisk.models.tracking_store import WAIT_SECONDS
from crisisrisk.scoring.release import write_whole
from crisisrisk.tables.site import Site

ROLLBACK_WAIT_SECONDS = 1.0
"""How long a rollback waits for a registry that is busy: the model answers already."""


@dataclass(frozen=True, kw_only=True)
class Promoted:
    """The model that answers from now on. `accepted`: the checks that it answers in spite of."""

    name: str
    version: int
    run_id: str
    bundle: Path
    checks: tuple[str, ...]
    reason: str
    accepted: tuple[str, ...] = ()
    registry_lags: str = ""
    """Why the registry's alias does not yet name this version; the service follows the site's pointer alone."""

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {
            "model": self.name,
            "version": self.version,
            "run_id": self.run_id,
            "bundle": str(self.bundle),
            "checks": list(self.checks),
            "accepted": list(self.accepted),
            "reason": self.reason,
            "registry_lags": self.registry_lags,
        }

    def as_text(self) -> str:
        """A few lines for a terminal."""
        checks = [f"  {check}" for check in self.checks]
        lags = f"  note: the MLflow alias lags behind: {self.registry_lags}; the next `crisisrisk model list` moves it"
        return "\n".join(
            [
                f"{self.name} v{self.version} answers now (run {self.run_id[:8]})",
                *checks,
                f"  {self.bundle}",
                *([lags] if self.registry_lags else []),
            ]
        )


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Who lets a model answer, and why; with the checks that they answer for although they failed."""

    reason: str
    by: str
    accepted: tuple[str, ...] = ()
    because: str = ""


def promote(
    site: Site, run_id: str, decision: Decision, *, recipe: Path | None = None, tell: Tell = lambda _: None
) -> Promoted:
    """Run every check of the gate on a run; make a verified bundle of it, register it, and let it answer.

    `recipe`: the declared training recipe, where its name does not find it. Raises GateError without a reason or a
    name, NotPromotedError naming every check that failed.
    """
    _require_reason(decision.reason, decision.by)
    require_acceptable(decision.accepted, decision.because)
    run = registry.find_run(site.mlflow_tracking_uri, run_id)
    candidate = read_candidate(site, run.run_id)
    checks = run_checks(site, candidate, recipe=recipe, tell=tell)
    refuse_unless(checks, run.run_id, decision.accepted, _standing(site, candidate.bundle.manifest.name))
    failed = {check.name for check in checks if not check.passed}
    promotion = Promotion(
        by=decision.by.strip(), account=_who(), at=_now(), reason=decision.reason.strip(),
        checks=tuple(map(str, checks)),
        accepted=tuple(name for name in decision.accepted if name in failed),
        because=decision.because.strip() if failed else "",
    )  # fmt: skip
    return _let_answer(site, candidate.bundle, promotion)


def _standing(site: Site, name: str) -> str:
    made = changes(site.models, name)
    return f"the champion (v{made[-1].version}) still answers" if made else "no model answers yet"


def _let_answer(site: Site, candidate: Bundle, promotion: Promotion) -> Promoted:
    """Register, write the bundle, change the pointer, move the alias: the pointer is what the service follows."""
    name, run_id, key = candidate.manifest.name, candidate.manifest.run_id, signing_key(site)
    signed_changes(site.models, name)  # a history that somebody else wrote is not gone on with
    settle(site, name)
    version = _registered(site, candidate, promotion, key)
    change = Change(version=version, by=promotion.by, at=promotion.at, reason=promotion.reason)
    set_champion_bundle(site.models, name, change, key)
    _keep_sheet(site, name, run_id)
    return Promoted(
        name=name,
        version=version,
        run_id=run_id,
        bundle=bundle_folder(site.models, name, version),
        checks=promotion.checks,
        reason=promotion.reason,
        accepted=promotion.accepted,
        registry_lags=_settled_after(site, name),
    )


def _keep_sheet(site: Site, name: str, run_id: str) -> None:
    """The run's own trust sheet goes into the site's reports, where the service finds it; `card` writes it again."""
    path = site.reports / f"{name}-{run_id[:8]}.json"
    if path.exists():
        return
    with suppress(ModelError, UsageError, OSError):  # it answers, with a sheet or without
        with registry.run_artifacts(site.mlflow_tracking_uri, run_id, "") as folder:
            sheet = (folder / JSON).read_text(encoding="utf-8")
        site.reports.mkdir(parents=True, exist_ok=True)
        write_whole(path, sheet)


def _registered(site: Site, candidate: Bundle, promotion: Promotion, key: SigningKey) -> int:
    """A new version with its bundle, or neither: what stops this here is undone at once, what kills it next time."""
    name, token = candidate.manifest.name, uuid4().hex
    begin_change(site, name, token)
    try:
        version = _next_version(site, candidate, promotion.reason, token)
        promoted = candidate.promoted(version=version, promotion=promotion)
        write_bundle(bundle_folder(site.models, name, version), promoted, key)
    except BaseException:
        with suppress(ModelError):
            settle(site, name)
        raise
    return version


def _next_version(site: Site, candidate: Bundle, reason: str, token: str) -> int:
    """Register the next version. A registry that was made anew counts from 1: numbers of earlier bundles are passed."""
    uri, name, run_id = site.mlflow_tracking_uri, candidate.manifest.name, candidate.manifest.run_id
    version = registry.register(uri, name=name, run_id=run_id, description=reason, token=token)
    while bundle_folder(site.models, name, version).exists():
        registry.unregister(uri, name=name, version=version)
        version = registry.register(uri, name=name, run_id=run_id, description=reason, token=token)
    return version


def _require_reason(reason: str, by: str) -> None:
    if not reason.strip() or not by.strip():
        raise GateError(
            "CR-GATE-001", "a promotion or a rollback needs a reason and a name",
            wanted="--reason with a sentence, --by with the name of who decides",
            hint="both are kept with the model, for whoever asks later why it answers",
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
    settle_all(site)
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


def rollback(site: Site, name: str, *, reason: str, by: str) -> Promoted:
    """Let the version answer that answered before. Raises UsageError when there was none.

    The pointer is moved first, whatever the MLflow store is doing; its alias follows at once or when it can.
    """
    _require_reason(reason, by)
    made = signed_changes(site.models, name)
    earlier = [change.version for change in made if change.version != made[-1].version]
    if not earlier:
        raise UsageError(
            "CR-USE-001", f'there is no earlier model of "{name}" to go back to', where=str(site.models),
            hint="see: crisisrisk model list",
        )  # fmt: skip
    change = Change(version=earlier[-1], by=by.strip(), at=_now(), reason=reason.strip())
    folder = bundle_folder(site.models, name, change.version)
    run_id, key = signed_version(site.models, name, change.version, made=made).manifest.run_id, signing_key(site)
    if not is_unsettled(site, name):  # what an earlier change left is not forgotten
        begin_change(site, name)
    set_champion_bundle(site.models, name, change, key)
    return Promoted(
        name=name,
        version=change.version,
        run_id=run_id,
        bundle=folder,
        checks=(),
        reason=change.reason,
        registry_lags=_settled_after(site, name, wait_seconds=ROLLBACK_WAIT_SECONDS),
    )


def _settled_after(site: Site, name: str, *, wait_seconds: float = WAIT_SECONDS) -> str:
    """Let the registry follow the pointer; "" or, in words, why it lags behind."""
    try:
        settle(site, name, wait_seconds=wait_seconds)
    except ModelError as problem:
        return problem.problem
    return ""


@dataclass(frozen=True, kw_only=True)
class SignedHistory:
    """A model whose bundles and changes somebody vouched for."""

    name: str
    version: int
    """The one that answers."""
    changes: int
    key: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for `--json`."""
        return {"model": self.name, "version": self.version, "changes": self.changes, "key": self.key}

    def as_text(self) -> str:
        """One line for a terminal."""
        return f"{self.name}: {self.changes} changes signed with {self.key}; v{self.version} answers"


def sign(site: Site, name: str, *, reason: str, by: str) -> SignedHistory:
    """Vouch for a model as it lies in the models folder: sign its bundles and its changes again, and note who did.

    For models from before there were signatures, for another key, and for a backup that was restored. No signature is
    asked of what lies there, so whoever calls this must know where it came from. Every bundle must be whole.
    """
    _require_reason(reason, by)
    key = signing_key(site)
    change = Change(version=1, by=by.strip(), at=_now(), reason=reason.strip())
    made = sign_history(site.models, name, change, key)
    return SignedHistory(name=name, version=made[-1].version, changes=len(made), key=key.id)


@dataclass(frozen=True, kw_only=True)
class VerifiedBundle:
    """A bundle whose every byte is as promoted, and whose model has a possible structure."""

    bundle: Path
    name: str
    version: int
    run_id: str
    trees: int
    features: int
    signed_by: str
    """The id of the trusted key that signed it; "" where nobody asked."""

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
            "signed_by": self.signed_by,
        }

    def as_text(self) -> str:
        """One line for a terminal."""
        signed = f"signed with {self.signed_by}" if self.signed_by else "no signature was asked for"
        return f"fine: {self.name} v{self.version}, {self.trees} trees, {self.features} features, {signed}"


def verify(bundle: Path, *, site: Site | None = None) -> VerifiedBundle:
    """Check a bundle's signature by the keys that the site trusts, its digests and its structure.

    Without a site the signature is left out. Raises ModelError at the first difference.
    """
    trusted = None if site is None else read_trusted_keys(site.model_keys)
    manifest = (load_bundle(bundle) if trusted is None else load_signed_bundle(bundle, trusted)).manifest
    return VerifiedBundle(
        bundle=bundle,
        name=manifest.name,
        version=manifest.version,
        run_id=manifest.run_id,
        trees=manifest.trees,
        features=len(manifest.feature_names),
        signed_by="" if trusted is None else read_signature(bundle).partition(" ")[0],
    )
