"""Results of the leakage audit, kept by what was audited: the same columns on the same data need no second one."""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.tables.site import Site
from crisisrisk.training.recipe import TrainingRecipe

FOLDER = "feature-audits"
_SHOWN = 16


@dataclass(frozen=True, kw_only=True)
class AuditRecord:
    """One audit of a site's features, cohort and outcome."""

    fingerprint: str
    data_digest: str
    trials: int
    passed: bool
    findings: tuple[str, ...]
    """What did not pass, in words."""
    at: str


def audited_fingerprint(training: TrainingRecipe, features: FeatureRecipe) -> str:
    """What an audit is about: the columns, who is eligible and what the outcome is; not how a model is fitted."""
    whole = json.loads(training.to_json())
    about = {name: whole[name] for name in ("outcome", "cohort", "grid")}
    return hashlib.sha256(f"{json.dumps(about, sort_keys=True)} {features.fingerprint}".encode()).hexdigest()


def keep_audit(site: Site, record: AuditRecord) -> Path:
    """Keep a record among the site's reports, in place of an earlier one of the same."""
    path = _path(site, record.fingerprint, record.data_digest)
    path.parent.mkdir(parents=True, exist_ok=True)
    staged = path.with_suffix(".part")
    staged.write_text(json.dumps(asdict(record), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return staged.replace(path)


def kept_audit(site: Site, fingerprint: str, data_digest: str) -> AuditRecord | None:
    """The record of exactly these columns on exactly these data; None where there is none that can be read."""
    try:
        content = json.loads(_path(site, fingerprint, data_digest).read_text(encoding="utf-8"))
        record = AuditRecord(**{**content, "findings": tuple(content["findings"])})
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return record if (record.fingerprint, record.data_digest) == (fingerprint, data_digest) else None


def _path(site: Site, fingerprint: str, data_digest: str) -> Path:
    return site.reports / FOLDER / f"{fingerprint[:_SHOWN]}-{data_digest[:_SHOWN]}.json"
