"""A model as a folder that proves itself: every byte is checked before it is read, and read before it is loaded.

    model.txt         LightGBM's text            calibration.json  numbers (people only)
    distribution.json how counts scatter, in numbers (places only)
    issue_times.json  the same for each further issue time, in numbers (places only, where there are any)
    formula.json      numbers, in place of model.txt where a simple rule answers
    features.json     the feature recipe         task.json         what the model answers
    training.json     the training recipe        phrases.json      the words around an answer
    manifest.json     names, versions, and the SHA-256 and size of each of these
    manifest.sha256   the SHA-256 of manifest.json
    manifest.sig      who let it answer: a signature over that digest (promoted bundles only)

Digests show damage and careless changes; whoever may write here may replace all of them. The signature shows the rest.
"""

import json
import platform
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from crisisrisk import __version__
from crisisrisk.errors import CrisisRiskError, ModelError
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.models.bundle_files import (
    MANIFEST,
    SIDECAR,
    SIGNATURE,
    damaged,
    digest,
    read_file,
    read_signature,
    require_only,
    write_file,
)
from crisisrisk.models.calibration import Calibration
from crisisrisk.models.formula import Formula
from crisisrisk.models.issue_time import IssueTime, issue_times_from_json, issue_times_to_json
from crisisrisk.models.model_text import check_model_text
from crisisrisk.models.phrases import PhraseBook
from crisisrisk.models.place_distribution import PlaceDistribution
from crisisrisk.models.place_rules.rules import PlaceRule
from crisisrisk.models.risk_model import PlaceModel, RiskModel, rule_model
from crisisrisk.models.signing import BUNDLE, SigningKey, TrustedKeys
from crisisrisk.models.task import SUBJECTS, Task
from crisisrisk.models.trees import Trees

FORMAT = 3
MODEL, FORMULA, CALIBRATION, DISTRIBUTION = "model.txt", "formula.json", "calibration.json", "distribution.json"
ISSUE_TIMES = "issue_times.json"
IN_EVERY_BUNDLE = ("features.json", "phrases.json", "task.json", "training.json")


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """Who let a model answer, when and why."""

    by: str
    """The name that was given."""
    at: str
    reason: str
    account: str = ""
    """The account that ran the command."""
    checks: tuple[str, ...] = ()
    """What was checked, with its numbers."""
    accepted: tuple[str, ...] = ()
    """The checks that failed and were accepted all the same."""
    because: str = ""
    """Why they were."""


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a bundle says of itself."""

    name: str
    subject: str
    version: int
    """In the registry; 0 before a promotion."""
    run_id: str
    recipe_fingerprint: str
    feature_names: tuple[str, ...]
    trees: int
    training_cut_off: str
    """ISO 8601, UTC: nothing known at or after it shaped the model."""
    data_digest: str
    made_at: str
    versions: Mapping[str, str]
    baseline: str | None = None
    """Which simple rule the model is; None for trees."""
    other_issue_hours: tuple[int, ...] = ()
    """Of places: the issue times beside the one that the trees were fitted at, in hours."""
    promotion: Promotion | None = None

    def learned_after(self, as_of: datetime) -> bool:
        """Whether what became known at or after a moment may have shaped it: what it says as of then proves nothing."""
        return as_of < datetime.fromisoformat(self.training_cut_off)

    @property
    def contents(self) -> tuple[str, ...]:
        """The files that prove themselves by the manifest."""
        model = MODEL if self.baseline is None else FORMULA
        spread = CALIBRATION if self.subject == "person" else DISTRIBUTION
        times = (ISSUE_TIMES,) if self.other_issue_hours else ()
        return tuple(sorted((*IN_EVERY_BUNDLE, model, spread, *times)))


@dataclass(frozen=True, kw_only=True)
class Bundle:
    """A model with everything that scoring needs, and nothing that training needs."""

    manifest: Manifest
    model: RiskModel | PlaceModel
    task: Task
    features: FeatureRecipe
    """Exactly the model's columns, in the model's order."""
    training_recipe: str
    """Canonical JSON, for the record."""
    phrases: PhraseBook

    @property
    def risk_model(self) -> RiskModel:
        """The model of people. Raises ModelError when this bundle is about places."""
        if not isinstance(self.model, RiskModel):
            raise _wrong_subject(self.manifest, "person")
        return self.model

    @property
    def place_model(self) -> PlaceModel:
        """The model of places. Raises ModelError when this bundle is about people."""
        if not isinstance(self.model, PlaceModel):
            raise _wrong_subject(self.manifest, "place")
        return self.model

    @property
    def issue_times(self) -> tuple[IssueTime, ...]:
        """Of places: how it answers at each of its issue times, the one that the trees were fitted at first."""
        return self.place_model.issue_times(self.task.issue_hours)

    def promoted(self, *, version: int, promotion: Promotion) -> "Bundle":
        """The same bundle under its version in the registry, with why it answers."""
        return replace(self, manifest=replace(self.manifest, version=version, promotion=promotion))


def _wrong_subject(manifest: Manifest, wanted: str) -> ModelError:
    return ModelError(
        "CR-MODEL-003", "the model is about something else", where=f"{manifest.name} v{manifest.version}",
        wanted=wanted, found=manifest.subject,
    )  # fmt: skip


def software_versions() -> dict[str, str]:
    """The versions that a model was made with."""
    from importlib.metadata import version

    packages = {name: version(name) for name in ("lightgbm", "numpy", "pyarrow")}
    return {"crisisrisk": __version__, "python": platform.python_version(), **packages}


# Writing


def write_bundle(folder: Path, bundle: Bundle, key: SigningKey | None = None) -> Path:
    """Write a bundle as a new folder: it appears whole or not at all. Raises ModelError when the folder exists.

    `key`: signs it. What nobody let answer yet has no signature.
    """
    if folder.exists():
        raise ModelError("CR-MODEL-001", "a bundle is never written over", where=str(folder))
    staged = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(staged, ignore_errors=True)
    staged.mkdir(parents=True)
    try:
        contents = _contents(bundle)
        manifest = _manifest_bytes(bundle.manifest, contents)
        files = {**contents, MANIFEST: manifest, SIDECAR: _sidecar(manifest)}
        if key is not None:
            files[SIGNATURE] = _signature(manifest, key)
        for name, content in files.items():
            write_file(staged / name, content)
        staged.rename(folder)
    finally:
        shutil.rmtree(staged, ignore_errors=True)
    return folder


def sign_bundle(folder: Path, key: SigningKey) -> str:
    """Sign a bundle that verifies, in place of any signature that it has. Returns its manifest's digest."""
    load_bundle(folder)
    manifest = read_file(folder, MANIFEST)
    staged = folder.with_name(f".{folder.name}.sig")
    write_file(staged, _signature(manifest, key))
    staged.replace(folder / SIGNATURE)
    return digest(manifest)


def _signature(manifest: bytes, key: SigningKey) -> bytes:
    return f"{key.sign(BUNDLE, digest(manifest).encode())}\n".encode()


def _contents(bundle: Bundle) -> dict[str, bytes]:
    texts = {
        "features.json": bundle.features.to_json(),
        "phrases.json": bundle.phrases.to_json(),
        "task.json": bundle.task.to_json(),
        "training.json": bundle.training_recipe,
    }
    scorer = bundle.model.scorer
    rule = bundle.model.rule if isinstance(bundle.model, PlaceModel) else None
    if rule is not None:
        texts[FORMULA] = rule.to_json()
    elif isinstance(scorer, Formula):
        texts[FORMULA] = scorer.to_json()
    elif isinstance(scorer, Trees):
        texts[MODEL] = scorer.text
    if isinstance(bundle.model, RiskModel):
        texts[CALIBRATION] = bundle.model.calibration.to_json()
    else:
        texts[DISTRIBUTION] = bundle.model.distribution.to_json()
        if bundle.model.other_times:
            texts[ISSUE_TIMES] = issue_times_to_json(bundle.model.other_times)
    return {name: text.encode() for name, text in sorted(texts.items())}


def _manifest_bytes(manifest: Manifest, contents: Mapping[str, bytes]) -> bytes:
    files = {name: {"sha256": digest(content), "bytes": len(content)} for name, content in contents.items()}
    whole = {"format": FORMAT, **asdict(manifest), "files": files}
    return (json.dumps(whole, indent=1, sort_keys=True, ensure_ascii=False) + "\n").encode()


def _sidecar(manifest: bytes) -> bytes:
    return f"{digest(manifest)}  {MANIFEST}\n".encode()


# Loading: the signature first, digests second, structure third, the model last


def load_bundle(folder: Path) -> Bundle:
    """A bundle that is whole, whoever made it. Raises ModelError before a byte of a changed file is used."""
    return _loaded(folder, read_file(folder, MANIFEST))


def load_signed_bundle(folder: Path, trusted: TrustedKeys) -> Bundle:
    """A bundle that somebody whom the site trusts let answer. Raises ModelError before an unsigned byte is parsed."""
    manifest = read_file(folder, MANIFEST)
    trusted.require(read_signature(folder), BUNDLE, digest(manifest).encode(), where=str(folder))
    return _loaded(folder, manifest)


def manifest_digest(folder: Path) -> str:
    """What names a bundle to the bit: the SHA-256 of its manifest, which holds that of every other file."""
    return digest(read_file(folder, MANIFEST))


def _loaded(folder: Path, manifest_bytes: bytes) -> Bundle:
    manifest, texts = _verified(folder, manifest_bytes)
    try:
        return _bundle(manifest, texts, folder)
    except ModelError:
        raise
    except (CrisisRiskError, ValueError, KeyError, TypeError, AttributeError, LookupError, ArithmeticError,
            RecursionError) as problem:  # fmt: skip
        raise damaged(folder, "a file", f"it is not of the form that it should be ({type(problem).__name__})") from None


def _bundle(manifest: Manifest, texts: Mapping[str, str], folder: Path) -> Bundle:
    features = FeatureRecipe.from_json(texts["features.json"])
    task = Task.from_json(texts["task.json"])
    _require_agreement(manifest, features, task, folder)
    model = _model(manifest, texts, folder)
    return Bundle(
        manifest=manifest,
        model=model,
        task=task,
        features=features,
        training_recipe=texts["training.json"],
        phrases=PhraseBook.from_json(texts["phrases.json"]),
    )


def _model(manifest: Manifest, texts: Mapping[str, str], folder: Path) -> RiskModel | PlaceModel:
    """The structure of what scores is checked before it is used."""
    if manifest.baseline is not None and manifest.subject == "place":
        rule = PlaceRule.from_json(texts[FORMULA])
        if rule.name != manifest.baseline or manifest.feature_names:
            raise damaged(folder, FORMULA, "it is not the rule that the manifest names")
        return rule_model(rule, PlaceDistribution.from_json(texts[DISTRIBUTION]), _other_times(manifest, texts, folder))
    if manifest.baseline is not None:
        formula = Formula.from_json(texts[FORMULA])
        if formula.feature_names != manifest.feature_names:
            raise damaged(folder, FORMULA, "its columns are not the manifest's")
        return RiskModel(formula, Calibration.from_json(texts[CALIBRATION]))
    check_model_text(texts[MODEL], feature_names=manifest.feature_names, trees=manifest.trees, subject=manifest.subject)
    trees = Trees(texts[MODEL], manifest.feature_names, manifest.trees)
    if manifest.subject == "place":
        distribution = PlaceDistribution.from_json(texts[DISTRIBUTION])
        return PlaceModel(trees, distribution, other_times=_other_times(manifest, texts, folder))
    return RiskModel(trees, Calibration.from_json(texts[CALIBRATION]))


def _other_times(manifest: Manifest, texts: Mapping[str, str], folder: Path) -> tuple[IssueTime, ...]:
    times = issue_times_from_json(texts[ISSUE_TIMES]) if manifest.other_issue_hours else ()
    if tuple(one.hours for one in times) != manifest.other_issue_hours:
        raise damaged(folder, ISSUE_TIMES, "its issue times are not the manifest's")
    return times


def _verified(folder: Path, manifest_bytes: bytes) -> tuple[Manifest, dict[str, str]]:
    """The manifest and the texts of the files, every byte of both checked. Each file is read once."""
    if read_file(folder, SIDECAR) != _sidecar(manifest_bytes):
        raise damaged(folder, MANIFEST, "its digest differs")
    manifest, files = _read_manifest(manifest_bytes, folder)
    require_only(folder, {MANIFEST, SIDECAR, SIGNATURE, *files})
    texts = {}
    for name, stated in files.items():
        content = read_file(folder, name)
        if {"bytes": len(content), "sha256": digest(content)} != stated:
            raise damaged(folder, name, "its digest differs")
        try:
            texts[name] = content.decode()
        except UnicodeDecodeError:
            raise damaged(folder, name, "it is not text") from None
    return manifest, texts


def _read_manifest(content: bytes, folder: Path) -> tuple[Manifest, dict[str, Any]]:
    try:
        whole = json.loads(content)
        files, form = whole.pop("files"), whole.pop("format")
        promotion = whole.pop("promotion")
        manifest = Manifest(
            **{
                **whole,
                "feature_names": tuple(whole["feature_names"]),
                "promotion": _promotion(promotion),
                "other_issue_hours": tuple(whole.get("other_issue_hours", ())),
            }
        )
        fine = form == FORMAT and manifest.subject in SUBJECTS
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        raise damaged(folder, MANIFEST, "it cannot be read") from None
    if not fine:
        raise damaged(folder, MANIFEST, "it is of a format that this version does not know")
    if not _is_of_the_types(manifest):
        raise damaged(folder, MANIFEST, "a value in it is not of the type that it should be")
    if not isinstance(files, dict) or tuple(sorted(files)) != manifest.contents:
        raise damaged(folder, MANIFEST, "it does not name the files of a bundle")
    return manifest, files


def _is_of_the_types(manifest: Manifest) -> bool:
    """Whether every value is what `Manifest` says that it is: a JSON text may hold anything."""
    texts = (manifest.name, manifest.run_id, manifest.recipe_fingerprint, manifest.training_cut_off,
             manifest.data_digest, manifest.made_at, *manifest.feature_names)  # fmt: skip
    numbers = (manifest.version, manifest.trees, *manifest.other_issue_hours)
    return (
        all(type(text) is str for text in texts)
        and all(type(number) is int and number >= 0 for number in numbers)
        and isinstance(manifest.versions, dict)
        and (manifest.baseline is None or type(manifest.baseline) is str)
        # LightGBM's text parts the names by blanks.
        and all(name.isprintable() and " " not in name and name for name in manifest.feature_names)
        and len(set(manifest.feature_names)) == len(manifest.feature_names)
        and (manifest.promotion is None or all(type(one) is str for one in asdict(manifest.promotion).values()
                                               if not isinstance(one, tuple)))
    )  # fmt: skip


def _promotion(content: dict[str, Any] | None) -> Promotion | None:
    return (
        None
        if content is None
        else Promotion(**{**content, "checks": tuple(content["checks"]), "accepted": tuple(content["accepted"])})
    )


def _require_agreement(manifest: Manifest, features: FeatureRecipe, task: Task, folder: Path) -> None:
    """The parts of a bundle are about the same thing. A difference names the columns."""
    if features.names != manifest.feature_names:
        missing = [name for name in manifest.feature_names if name not in features.names]
        extra = [name for name in features.names if name not in manifest.feature_names]
        raise ModelError(
            "CR-MODEL-003", "the bundle's feature recipe does not make the columns that its model reads",
            where=str(folder), wanted=", ".join(missing) or "the manifest's order",
            found=", ".join(extra) or "another order",
        )  # fmt: skip
    if (task.name, task.subject, features.subject) != (manifest.name, manifest.subject, manifest.subject):
        raise damaged(folder, "task.json", "it is about another model than the manifest")
