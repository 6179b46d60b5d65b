"""`serving/service.toml`: what the service of a site offers, parsed into frozen values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

from crisisrisk.errors import RecipeError, did_you_mean
from crisisrisk.evaluation.monitoring_limits import MonitoringLimits
from crisisrisk.purposes import PURPOSES
from crisisrisk.serving.briefing_declaration import BriefingDeclaration, briefing_problems
from crisisrisk.serving.oidc_declaration import Oidc, oidc_problems, read_oidc
from crisisrisk.serving.tiles import MapDeclaration, map_problems

SCORES_OFF = "scores of people are off at this site"
SWITCH_ON = "serving/service.toml switches them on, naming the clinical safety officer and the impact assessment"

MOST_DAYS = 3650
FEWEST_DAYS, MOST_DAYS_KEPT = 365, 36_525
MOST_IDLE_MINUTES, MOST_HOURS_SIGNED_IN = 60, 12


@dataclass(frozen=True, kw_only=True)
class PersonScores:
    """Whether scores of people are offered. Off unless it is switched on *and* both names are filled in."""

    on: bool = False
    clinical_safety_officer: str = ""
    impact_assessment: str = ""

    @property
    def missing(self) -> tuple[str, ...]:
        """What keeps them off; empty when they are offered."""
        wanted = {
            "on = true": self.on,
            "clinical_safety_officer": bool(self.clinical_safety_officer.strip()),
            "impact_assessment": bool(self.impact_assessment.strip()),
        }
        return tuple(name for name, given in wanted.items() if not given)


@dataclass(frozen=True, kw_only=True)
class Freshness:
    """When an answer is too old to give, and when a silent agency is named."""

    score_valid_days: float = 7
    stale_after_hours: float = 168
    late_after_hours: float = 24
    late_after_hours_by_source: Mapping[str, float] = field(default_factory=dict)

    def late_after(self, source: str) -> float:
        """Hours of silence, beyond the time a source takes to settle, after which it is late."""
        return self.late_after_hours_by_source.get(source, self.late_after_hours)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """How much one request may send and ask for, and how much may be asked at once."""

    body_bytes: int = 65_536
    body_seconds: float = 10
    list_length: int = 5_000
    shift_days: int = 31
    at_once: int = 4
    """Requests answered at a time; more only slow each other down on a few cores."""
    waiting: int = 16
    wait_seconds: float = 0.1
    requests_a_second: float = 50
    """Of one key, on average; `burst` of them at once."""
    burst: int = 100


@dataclass(frozen=True, kw_only=True)
class AuditSettings:
    """Where the audit trail's key and witness are, beside the site's folder, and how many days looks are kept."""

    key_file: str = "keys/audit.key"
    witness_file: str = "audit/witness.log"
    kept_days: Mapping[str, int] = field(default_factory=dict)

    def days(self) -> Mapping[str, int]:
        """By purpose how long a look is kept."""
        return {name: self.kept_days.get(name, purpose.kept_days) for name, purpose in PURPOSES.items()}


@dataclass(frozen=True, kw_only=True)
class IdentitySettings:
    """Where the key is, beside the site's folder, that names, birth dates and numbers are encrypted with."""

    key_file: str = "keys/identities.key"


@dataclass(frozen=True, kw_only=True)
class Privacy:
    """Who is alerted to looks that need a second one, and to which. Without a name nobody is opened in an emergency."""

    officer: str = ""
    emergency_a_week: int = 5
    """How many emergency accesses of a user within seven days may have an alert that is not closed."""
    people_a_day: int = 60
    """Beyond so many different people that one user looks at on a day there is an alert, and no more than that."""

    @property
    def named(self) -> bool:
        """Whether somebody is there to look."""
        return bool(self.officer.strip())


@dataclass(frozen=True, kw_only=True)
class SignIn:
    """How long somebody stays signed in to the pages, and where the key is that signs the cookies."""

    key_file: str = "keys/sign-in.key"
    idle_minutes: float = 30
    longest_hours: float = 8
    demo_page: bool = False
    """Whether `serve` is an issuer too, with a page that has a button for each role. Only an invented site may."""
    oidc: Oidc | None = None
    """Whose tokens are accepted beside keys of the service."""

    @property
    def idle(self) -> timedelta:
        """How long after it was last used a session ends."""
        return timedelta(minutes=self.idle_minutes)

    @property
    def longest(self) -> timedelta:
        """How long after it began a session ends in any case."""
        return timedelta(hours=self.longest_hours)


@dataclass(frozen=True, kw_only=True)
class Updating:
    """What a change of model does to the numbers shown."""

    keep_higher_days: float = 0
    """For so long after a promotion the higher of the old and the new model's number is shown; 0: never."""


@dataclass(frozen=True, kw_only=True)
class ListOrder:
    """How people of whom the same "n in 100" is said are ordered among each other."""

    random_ties: bool = False
    random_ties_seed: int = 0

    @property
    def seed(self) -> int | None:
        """What the order is drawn by; None where it is not drawn."""
        return self.random_ties_seed if self.random_ties else None


@dataclass(frozen=True, kw_only=True)
class ServiceDeclaration:
    """Everything that service.toml says. A model that is not named is the one of its kind promoted last."""

    person_model: str | None = None
    place_model: str | None = None
    docs_page: bool = False
    person_scores: PersonScores = field(default_factory=PersonScores)
    freshness: Freshness = field(default_factory=Freshness)
    limits: Limits = field(default_factory=Limits)
    audit: AuditSettings = field(default_factory=AuditSettings)
    identities: IdentitySettings = field(default_factory=IdentitySettings)
    privacy: Privacy = field(default_factory=Privacy)
    briefing: BriefingDeclaration = field(default_factory=BriefingDeclaration)
    map: MapDeclaration = field(default_factory=MapDeclaration)
    sign_in: SignIn = field(default_factory=SignIn)
    updating: Updating = field(default_factory=Updating)
    lists: ListOrder = field(default_factory=ListOrder)
    monitoring: MonitoringLimits = field(default_factory=MonitoringLimits)


_NUMBER = (int, float)
_SECTIONS: Mapping[str, Mapping[str, tuple[type, ...]]] = {
    "": {
        "docs_page": (bool,), "models": (dict,), "person_scores": (dict,), "freshness": (dict,), "limits": (dict,),
        "audit": (dict,), "identities": (dict,), "privacy": (dict,), "sign_in": (dict,), "updating": (dict,),
        "lists": (dict,), "monitoring": (dict,), "briefing": (dict,), "map": (dict,),
    },
    "models": {"person": (str,), "place": (str,)},
    "person_scores": {"on": (bool,), "clinical_safety_officer": (str,), "impact_assessment": (str,)},
    "freshness": {
        "score_valid_days": _NUMBER, "stale_after_hours": _NUMBER, "late_after_hours": _NUMBER,
        "late_after_hours_by_source": (dict,),
    },
    "limits": {
        "body_bytes": (int,), "body_seconds": _NUMBER, "list_length": (int,), "shift_days": (int,), "at_once": (int,),
        "waiting": (int,), "wait_seconds": _NUMBER, "requests_a_second": _NUMBER, "burst": (int,),
    },
    "audit": {"key_file": (str,), "witness_file": (str,), "kept_days": (dict,)},
    "identities": {"key_file": (str,)},
    "privacy": {"officer": (str,), "emergency_a_week": (int,), "people_a_day": (int,)},
    "briefing": {"handling": (str,)},
    "map": {"tiles": (str,), "attribution": (str,)},
    "sign_in": {
        "key_file": (str,), "idle_minutes": _NUMBER, "longest_hours": _NUMBER, "demo_page": (bool,), "oidc": (dict,),
    },
    "updating": {"keep_higher_days": _NUMBER},
    "lists": {"random_ties": (bool,), "random_ties_seed": (int,)},
    "monitoring": {
        "weeks": (int,), "fewest_outcomes": (int,), "auroc_at_least": _NUMBER, "calibration_slope": (list,),
        "expected_over_observed": (list,), "score_shift_at_most": _NUMBER,
    },
}  # fmt: skip
_NAMES = {bool: "true or false", str: "text", dict: "a table", list: "two numbers", int: "a number", float: "a number"}


def read_service(path: Path) -> ServiceDeclaration:
    """Parse a service.toml. Every problem is collected, then RecipeError is raised once."""
    content = read_toml(path, "CR-SERVE-001")
    problems = [problem for section in _SECTIONS for problem in _problems(content, section)]
    problems = problems or [
        *_limits(content),
        *_audit(content),
        *_sign_in(content),
        *_updating(content),
        *_monitoring(content),
        *briefing_problems(content.get("briefing", {})),
        *map_problems(content.get("map", {})),
    ]
    raise_problems(problems, path, "CR-SERVE-001")
    models = content.get("models", {})
    return ServiceDeclaration(
        person_model=models.get("person"),
        place_model=models.get("place"),
        docs_page=content.get("docs_page", False),
        person_scores=PersonScores(**content.get("person_scores", {})),
        freshness=Freshness(**content.get("freshness", {})),
        limits=Limits(**content.get("limits", {})),
        audit=AuditSettings(**content.get("audit", {})),
        identities=IdentitySettings(**content.get("identities", {})),
        privacy=Privacy(**content.get("privacy", {})),
        briefing=BriefingDeclaration(**content.get("briefing", {})),
        map=MapDeclaration(**content.get("map", {})),
        sign_in=_read_sign_in(content.get("sign_in", {})),
        updating=Updating(**content.get("updating", {})),
        lists=ListOrder(**content.get("lists", {})),
        monitoring=MonitoringLimits(**_with_pairs(content.get("monitoring", {}))),
    )


def read_toml(path: Path, code: str) -> dict[str, Any]:
    """A TOML file as it is. Raises RecipeError with `code` when it is missing or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RecipeError(
            code, "the file is missing", where=str(path), hint="`crisisrisk init` writes one; copy it from a new site"
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise RecipeError(code, f"the file is not valid TOML: {problem}", where=str(path)) from None


def raise_problems(problems: list[tuple[str, str]], path: Path, code: str) -> None:
    """Raise one RecipeError for all problems, each a text and its hint."""
    if problems:
        texts, hints = zip(*problems, strict=True)
        hint = " · ".join(hint for hint in hints if hint)
        raise RecipeError(code, "; ".join(texts), where=str(path), hint=hint or None)


def _problems(content: Mapping[str, Any], section: str) -> list[tuple[str, str]]:
    known = _SECTIONS[section]
    table = content if not section else content.get(section, {})
    if not isinstance(table, dict):
        return []  # said by the check of the table above it
    name = f"{section}." if section else ""
    found = [(f'unknown key "{name}{key}"', did_you_mean(key, list(known))) for key in table if key not in known]
    for key, kinds in known.items():
        if key in table and type(table[key]) not in kinds:
            found.append((f"{name}{key} is {table[key]!r}, wanted {_NAMES[kinds[0]]}", ""))
    return found


def _limits(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Numbers that are no limit at all."""
    freshness = dict(content.get("freshness", {}))
    by_source = freshness.pop("late_after_hours_by_source", {})
    tables = {
        "freshness": freshness,
        "freshness.late_after_hours_by_source": by_source,
        "limits": content.get("limits", {}),
        "privacy": {name: value for name, value in content.get("privacy", {}).items() if name != "officer"},
    }
    return [
        (f"{name}.{key} is {value!r}, wanted a number above 0", "")
        for name, table in tables.items()
        for key, value in table.items()
        if type(value) not in _NUMBER or not 0 < value < float("inf")
    ]


def _audit(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Purposes that there are not, and times that are too short to answer anybody's question."""
    days = content.get("audit", {}).get("kept_days", {})
    return [
        (f'unknown purpose "audit.kept_days.{name}"', did_you_mean(name, list(PURPOSES)))
        for name in days
        if name not in PURPOSES
    ] + [
        (f"audit.kept_days.{name} is {value!r}, wanted whole days from {FEWEST_DAYS} to {MOST_DAYS_KEPT}", "")
        for name, value in days.items()
        if type(value) is not int or not FEWEST_DAYS <= value <= MOST_DAYS_KEPT
    ]


def _sign_in(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Times that would keep a screen open that somebody left."""
    most = {"idle_minutes": MOST_IDLE_MINUTES, "longest_hours": MOST_HOURS_SIGNED_IN}
    said = content.get("sign_in", {})
    return [
        (f"sign_in.{name} is {said[name]!r}, wanted a number above 0 and up to {top}", "")
        for name, top in most.items()
        if name in said and not 0 < said[name] <= top
    ] + oidc_problems(said.get("oidc"))


def _read_sign_in(table: Mapping[str, Any]) -> SignIn:
    return SignIn(**{**table, "oidc": read_oidc(table.get("oidc"))})


def _updating(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    days = content.get("updating", {}).get("keep_higher_days", 0)
    seed = content.get("lists", {}).get("random_ties_seed", 0)
    found = []
    if not 0 <= days <= MOST_DAYS:
        found.append((f"updating.keep_higher_days is {days!r}, wanted a number from 0 to {MOST_DAYS}", ""))
    if not 0 <= seed < 2**63:
        found.append((f"lists.random_ties_seed is {seed!r}, wanted a number from 0 to 2^63 - 1", ""))
    return found


def _monitoring(content: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Limits that nothing could keep to, or that are no pair of numbers."""
    limits = content.get("monitoring", {})
    numbers = {name: value for name, value in limits.items() if not isinstance(value, list)}
    return [
        (f"monitoring.{name} is {value!r}, wanted a number above 0", "")
        for name, value in numbers.items()
        if not 0 < value < float("inf")
    ] + [
        (f"monitoring.{name} is {value!r}, wanted two numbers, the lower one first", "")
        for name, value in limits.items()
        if isinstance(value, list) and not _is_pair(value)
    ]


def _with_pairs(table: Mapping[str, Any]) -> dict[str, Any]:
    return {name: tuple(value) if isinstance(value, list) else value for name, value in table.items()}


def _is_pair(value: list[Any]) -> bool:
    return len(value) == 2 and all(type(one) in _NUMBER for one in value) and 0 <= value[0] < value[1] < float("inf")
