"""Keys of the service: make one, list them, end one; the database that they are in; and the key that signs models."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from crisisrisk.database.engine import open_engine
from crisisrisk.database.keys import KeyRecord, all_keys, end_key, make_key
from crisisrisk.database.upgrade import current_engine, upgrade
from crisisrisk.errors import UsageError, did_you_mean
from crisisrisk.models.signing import make_signing_key
from crisisrisk.serving.roles import Role
from crisisrisk.serving.settings import read_settings
from crisisrisk.tables.site import Site

LONGEST = timedelta(days=366)
LONGEST_WORKER = 100


@dataclass(frozen=True)
class KeyLine:
    """One key, without its secret."""

    record: KeyRecord

    @property
    def key_id(self) -> str:
        return self.record.key_id

    @property
    def expires_at(self) -> datetime:
        return self.record.expires_at

    def as_json(self) -> dict[str, Any]:
        return {
            "key_id": self.record.key_id,
            "role": self.record.role,
            "team": self.record.team,
            "worker": self.record.worker_id,
            "created_at": self.record.created_at.isoformat(timespec="seconds"),
            "expires_at": self.record.expires_at.isoformat(timespec="seconds"),
            "revoked_at": self.record.revoked_at and self.record.revoked_at.isoformat(timespec="seconds"),
        }


@dataclass(frozen=True)
class MadeKey(KeyLine):
    """A new key, with the secret that is shown this once."""

    secret: str

    def as_json(self) -> dict[str, Any]:
        return {**super().as_json(), "key": self.secret}


def create_key(site: Site, *, role: str, team: str | None, valid_for: timedelta, worker: str | None = None) -> MadeKey:
    """Make a key. Raises UsageError for an unknown role, and for a team that the role needs, or has no use for.

    `worker`: the care coordinator whose key it is, as the caseloads name workers.
    """
    _check(site, read_settings(site, {}).roles, role=role, team=team, worker=worker)
    if not timedelta() < valid_for <= LONGEST:
        raise UsageError(
            "CR-ACCESS-001", "a key cannot work that long", found=str(valid_for), wanted=f"up to {LONGEST.days} days"
        )
    made = make_key(current_engine(site.database_url), role=role, team=team, valid_for=valid_for, worker_id=worker)
    return MadeKey(made.record, made.secret)


def list_keys(site: Site) -> Sequence[KeyLine]:
    """Every key there is, oldest first."""
    return [KeyLine(record) for record in all_keys(current_engine(site.database_url))]


def revoke_key(site: Site, key_id: str) -> KeyLine:
    """End a key at once. Raises UsageError for an unknown one."""
    return KeyLine(end_key(current_engine(site.database_url), key_id))


@dataclass(frozen=True)
class MadeSigningKey:
    """A new key that signs models, without its secret half."""

    key_id: str
    file: str
    trusted_in: str

    def as_json(self) -> dict[str, Any]:
        return {"key_id": self.key_id, "file": self.file, "trusted_in": self.trusted_in}


def make_model_key(site: Site, *, replace: bool) -> MadeSigningKey:
    """Make the key that signs the site's models, and trust it. Raises DataError where one is there, unless replaced."""
    key = make_signing_key(site, replace=replace)
    return MadeSigningKey(key.id, str(site.signing_key), str(site.model_keys))


def upgrade_database(site: Site) -> str:
    """Apply the migrations that are missing. Returns the revision reached."""
    return upgrade(open_engine(site.database_url))


def _check(site: Site, roles: Mapping[str, Role], *, role: str, team: str | None, worker: str | None) -> None:
    if role not in roles:
        raise UsageError("CR-ACCESS-001", f'unknown role "{role}"', hint=did_you_mean(role, list(roles)))
    if roles[role].needs_team and team is None:
        raise UsageError(
            "CR-ACCESS-001", f"a key of the role {role} belongs to a team", wanted="--team T",
            hint=f"teams of this site: {', '.join(sorted(site.teams)) or 'none is in crisisrisk.toml'}",
        )  # fmt: skip
    if team is not None and not roles[role].needs_team:
        raise UsageError("CR-ACCESS-001", f"a key of the role {role} has no team", found=f"--team {team}")
    if worker is not None and not roles[role].needs_team:
        raise UsageError("CR-ACCESS-001", f"a key of the role {role} has no people of its own", found="--worker")
    if worker is not None and not (worker.strip() and worker.isprintable() and len(worker) <= LONGEST_WORKER):
        raise UsageError(
            "CR-ACCESS-001", "the worker cannot be used", wanted=f"up to {LONGEST_WORKER} characters, as in caseloads"
        )
    if team is not None and team not in site.teams:
        raise UsageError("CR-ACCESS-001", f'unknown team "{team}"', hint=did_you_mean(team, list(site.teams)))
