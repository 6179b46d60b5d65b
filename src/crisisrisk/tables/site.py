"""A site: one deployment's folder and its `crisisrisk.toml`, parsed into frozen values."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from crisisrisk.errors import CrisisRiskError, SiteError, TimeError
from crisisrisk.tables.calendar_settings import (
    BENEFIT_KEYS,
    CALENDAR_KEYS,
    POINT_KEYS,
    BenefitDay,
    CalendarSettings,
    PointSettings,
    payday_rules,
    point_kinds,
)
from crisisrisk.tables.cell_settings import CellSettings
from crisisrisk.tables.configuration_reader import Reader
from crisisrisk.tables.mobile_teams import POSITION_KEYS, MobileTeam, PositionSettings, need_of, teams_of
from crisisrisk.tables.opt_out_settings import NationalOptOut, national_opt_out
from crisisrisk.tables.work_settings import (
    InboxSettings,
    RetentionSettings,
    WorkSettings,
    inbox_settings,
    retention_settings,
    work_settings,
)
from crisisrisk.timeline import ShiftPattern, shift_pattern, time_of_day

CONFIGURATION = "crisisrisk.toml"


@dataclass(frozen=True, kw_only=True)
class Source:
    """One kind of record that reaches the site. A source is data: sites add their own."""

    name: str
    agency: str
    singular: str
    plural: str
    settled_after_hours: float | None = None
    """The newest records are only complete this long after they became known; None where the site does not say."""


@dataclass(frozen=True, kw_only=True)
class Team:
    """A community team, and how many people it can look at in a week."""

    id: str
    name: str
    list_length: int = 25


@dataclass(frozen=True, kw_only=True)
class PeopleSettings:
    """Whom scores are for. With a service for children, people from `youngest_age` on are eligible too."""

    child_service: bool = False
    youngest_age: int = 0
    caseload_sums_assessment: str = ""
    """The impact assessment of sums of people's risk by home in forecasts of places; empty where there is none."""

    def minimum_age(self, asked: int) -> int:
        """The minimum age that a recipe asks for, lowered where the site cares for children."""
        return min(asked, self.youngest_age) if self.child_service else asked


@dataclass(frozen=True, kw_only=True)
class Site:
    """Everything `crisisrisk.toml` says, and where things are in the folder."""

    path: Path
    name: str
    time_zone: ZoneInfo
    shifts: tuple[ShiftPattern, ...]
    sources: Mapping[str, Source]
    teams: Mapping[str, Team] = field(default_factory=dict)
    cells: CellSettings = field(default_factory=CellSettings)
    calendar: CalendarSettings = field(default_factory=CalendarSettings)
    points: PointSettings = field(default_factory=PointSettings)
    country: str = "GB"
    subdivision: str | None = None
    clock: str = "system"
    people: PeopleSettings = field(default_factory=PeopleSettings)
    national_opt_out: NationalOptOut = field(default_factory=NationalOptOut)
    mobile_teams: tuple[MobileTeam, ...] = ()
    positions: PositionSettings = field(default_factory=PositionSettings)
    work: WorkSettings = field(default_factory=WorkSettings)
    inbox: InboxSettings | None = None
    retention: RetentionSettings = field(default_factory=RetentionSettings)
    buckets: int = 64
    pseudonym_key_file: Path | None = None
    signing_key_file: Path | None = None
    """The secret half of the key that signs models; None: `keys/signing.key`. A service alone needs none."""
    database_url: str = ""
    mlflow_tracking_uri: str = ""

    @property
    def declared(self) -> frozenset[str]:
        """What of days, points and its caseload the site declares: columns about anything else are not known."""
        sums = {"caseload_sums"} if self.people.caseload_sums_assessment.strip() else set()
        return self.calendar.declared | self.points.declared | sums

    @property
    def named_files(self) -> tuple[Path, ...]:
        """The files beside the configuration that features are made from."""
        named = (self.calendar.school_holidays, self.calendar.happenings, self.points.file)
        return tuple(path for path in named if path is not None)

    @property
    def data(self) -> Path:
        """Checked Parquet tables."""
        return self.path / "data"

    @property
    def quarantine(self) -> Path:
        """Refused rows and files, with reasons."""
        return self.path / "quarantine"

    @property
    def models(self) -> Path:
        """Verified bundles."""
        return self.path / "models"

    @property
    def model_keys(self) -> Path:
        """The public halves of the keys whose signatures on models are trusted here."""
        return self.path / "serving" / "model_keys.toml"

    @property
    def state(self) -> Path:
        """What this machine remembers of the models that answered."""
        return self.path / "state"

    @property
    def signing_key(self) -> Path:
        """Where the secret half of the key that signs models is, or will be."""
        return self.signing_key_file or self.path / "keys" / "signing.key"

    @property
    def backups(self) -> Path:
        """Copies of the operational database."""
        return self.path / "backups"

    @property
    def reports(self) -> Path:
        """Files for people to read."""
        return self.path / "reports"


def find_site(option: str | None, environ: Mapping[str, str], current: Path) -> Path:
    """The site folder: `--site`, else `CRISISRISK_SITE`, else the current folder if it is one."""
    chosen = option or environ.get("CRISISRISK_SITE")
    if chosen:
        return Path(chosen)
    if (current / CONFIGURATION).is_file():
        return current
    raise SiteError(
        "CR-SITE-001",
        "no site was named and this folder is not one",
        where=str(current),
        wanted=f"a folder with a {CONFIGURATION}",
        hint="say --site DIR, set CRISISRISK_SITE, or make one with: crisisrisk init DIR",
    )


def read_site(path: Path) -> Site:
    """Parse a site's configuration. Raises SiteError naming the key that is wrong."""
    file = path / CONFIGURATION
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise SiteError(
            "CR-SITE-001",
            "this folder is not a site",
            where=str(path),
            wanted=f"a {CONFIGURATION} in it",
            hint="make one with: crisisrisk init DIR",
        ) from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as problem:
        raise SiteError("CR-SITE-001", f"the file is not valid TOML: {problem}", where=str(file)) from None
    return _site_from(content, path, Reader(file))


def read_configuration(text: str) -> Site:
    """A site from the text of a configuration alone, as if its folder were the current one."""
    return _site_from(tomllib.loads(text), Path(), Reader(Path(CONFIGURATION)))


_TOP = {
    "name": str, "time_zone": str, "country": str, "subdivision": str, "clock": str, "buckets": int,
    "pseudonym_key_file": str, "signing_key_file": str, "database_url": str, "mlflow_tracking_uri": str,
    "people": dict, "cells": dict, "calendar": dict, "points": dict, "shift": list, "source": dict, "team": list,
    "mobile_team": list, "positions": dict, "work": dict, "inbox": dict, "retention": dict,
    "national_opt_out": dict,
}  # fmt: skip


def _site_from(content: dict[str, Any], path: Path, read: Reader) -> Site:
    top = read.table(content, "top", _TOP)
    for required in ("name", "time_zone", "shift", "source"):
        if required not in top:
            raise read.wrong(required, f'a value for "{required}"', None)
    plain = {key: top[key] for key in ("country", "subdivision", "clock", "buckets", "database_url") if key in top}
    if top.get("clock", "system") not in ("system", "data"):
        raise read.wrong("clock", '"system" or "data"', top["clock"])
    if not 1 <= top.get("buckets", 64) <= 256:
        raise read.wrong("buckets", "1 to 256", top["buckets"])
    root = path.resolve()
    shifts = _shifts(top["shift"], read)
    return Site(
        path=root,
        name=top["name"],
        time_zone=_zone(top["time_zone"], read),
        shifts=shifts,
        sources={name: _source(name, value, read) for name, value in top["source"].items()},
        teams={team.id: team for team in (_team(value, read) for value in top.get("team", []))},
        people=_people(top.get("people", {}), read),
        national_opt_out=national_opt_out(top.get("national_opt_out", {}), read),
        mobile_teams=_mobile_teams(top.get("mobile_team", []), shifts, read),
        positions=_positions(top.get("positions", {}), read, root),
        cells=_cells(top.get("cells", {}), read, root),
        calendar=_calendar(top.get("calendar", {}), read, root),
        points=_points(top.get("points", {}), read, root),
        work=work_settings(top.get("work", {}), read),
        inbox=inbox_settings(top.get("inbox"), read, root),
        retention=retention_settings(top.get("retention", {}), read),
        pseudonym_key_file=_beside(root, top.get("pseudonym_key_file")),
        signing_key_file=_beside(root, top.get("signing_key_file")),
        mlflow_tracking_uri=_tracking_uri(root, top.get("mlflow_tracking_uri")),
        **{"database_url": f"sqlite:///{root / 'crisisrisk.db'}", **plain},
    )


def _beside(root: Path, name: str | None) -> Path | None:
    return None if name is None else (root / name).resolve()


def _tracking_uri(root: Path, configured: str | None) -> str:
    """MLflow's own default follows the current directory, so the store is always named in full."""
    if configured and "://" in configured:
        return configured
    return f"sqlite:///{(root / (configured or 'mlruns')).resolve() / 'mlflow.db'}"


def _zone(name: str, read: Reader) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise read.wrong("time_zone", "a zone name such as Europe/London", name) from None


def _shifts(entries: list[Any], read: Reader) -> tuple[ShiftPattern, ...]:
    known = {"name": str, "starts": str, "ends": str, "weekdays": list, "teams": int, "cells_per_team": int}
    patterns = []
    for number, entry in enumerate(entries, 1):
        values = read.table(entry, f"shift {number}", known)
        if missing := [key for key in ("name", "starts", "ends") if key not in values]:
            raise read.wrong(f"shift {number}", f'a "{missing[0]}"', values)
        try:
            patterns.append(shift_pattern(**values))
        except TimeError as problem:
            raise read.wrong(f"shift {number}", problem.wanted or "a shift", problem.problem) from None
    names = [pattern.name for pattern in patterns]
    if len(set(names)) != len(names) or not names:
        raise read.wrong("shift", "at least one shift, each with its own name", names)
    return tuple(patterns)


def _source(name: str, value: Any, read: Reader) -> Source:
    known: dict[str, type | tuple[type, ...]] = {
        "agency": str,
        "singular": str,
        "plural": str,
        "settled_after_hours": (int, float),
    }
    values = read.table(value, f"source.{name}", known)
    if missing := [key for key in ("agency", "singular", "plural") if key not in values]:
        raise read.wrong(f"source.{name}", f'a "{missing[0]}"', values)
    return Source(name=name, **values)


def _team(value: Any, read: Reader) -> Team:
    values = read.table(value, "team", {"id": str, "name": str, "list_length": int})
    if "id" not in values or values.get("list_length", 1) < 1:
        raise read.wrong("team", "an id, and a list_length above 0", values)
    return Team(**{"name": values["id"], **values})


def _mobile_teams(entries: list[Any], shifts: tuple[ShiftPattern, ...], read: Reader) -> tuple[MobileTeam, ...]:
    """Strictly, and with no shift that is not one of the site's."""
    try:
        teams = teams_of(entries)
    except CrisisRiskError as problem:
        raise _within("mobile_team", problem, read) from None
    names = [shift.name for shift in shifts]
    for team in teams:
        if unknown := [name for name in team.shifts if name not in names]:
            raise read.wrong(f"mobile_team {team.name}", f"shifts of the site: {', '.join(names)}", unknown[0])
    return teams


def _positions(value: Any, read: Reader, root: Path) -> PositionSettings:
    values = dict(read.table(value, "positions", POSITION_KEYS))
    times = {key: values[key] for key in ("lone_working_until", "lone_working_from") if key in values}
    files = {key: _beside(root, values.get(key)) for key in ("barriers", "travel")}
    try:
        made: dict[str, Any] = {key: time_of_day(text) for key, text in times.items()}
        needs = tuple(need_of(entry) for entry in values.get("needs_skills", []))
        return PositionSettings(**{**values, **files, **made, "needs_skills": needs})
    except CrisisRiskError as problem:
        raise _within("positions", problem, read) from None


def _within(where: str, problem: CrisisRiskError, read: Reader) -> SiteError:
    """What was wrong inside a table, as an error of the configuration."""
    return SiteError(
        "CR-SITE-002", f"{where} cannot be used: {problem.problem}", where=str(read.file), wanted=problem.wanted,
        found=problem.found, hint=problem.hint,
    )  # fmt: skip


def _people(value: Any, read: Reader) -> PeopleSettings:
    known = {"child_service": bool, "youngest_age": int, "caseload_sums_assessment": str}
    values = read.table(value, "people", known)
    if "youngest_age" in values and not values.get("child_service", False):
        raise read.wrong("people.youngest_age", "child_service = true beside it", values["youngest_age"])
    if not 0 <= values.get("youngest_age", 0) < 18:
        raise read.wrong("people.youngest_age", "0 to 17", values["youngest_age"])
    return PeopleSettings(**values)


def _cells(value: Any, read: Reader, root: Path) -> CellSettings:
    known: dict[str, type | tuple[type, ...]] = {
        "kind": str, "h3_resolution": int, "square_m": int, "origin_m": list, "least_residents": int,
        "neighbours": str, "boundaries": str,
    }  # fmt: skip
    values = dict(read.table(value, "cells", known))
    if "origin_m" in values:
        if [type(metres) for metres in values["origin_m"]] != [int, int]:
            raise read.wrong("cells.origin_m", "two whole numbers of metres: [east, north]", values["origin_m"])
        values["origin_m"] = tuple(values["origin_m"])
    files = {name: _beside(root, values.get(name)) for name in ("neighbours", "boundaries")}
    try:
        return CellSettings(**{**values, **files})
    except SiteError as problem:
        raise read.wrong("cells", problem.wanted or "", value) from None


def _calendar(value: Any, read: Reader, root: Path) -> CalendarSettings:
    values = read.table(value, "calendar", CALENDAR_KEYS)
    days = []
    for number, entry in enumerate(values.get("benefit_days", []), 1):
        where = f"calendar.benefit_days {number}"
        day = read.table(entry, where, BENEFIT_KEYS)
        if day.keys() != BENEFIT_KEYS.keys() or day["every_days"] < 1:
            raise read.wrong(where, 'a "first" date and "every_days" above 0', entry)
        days.append(BenefitDay(**day))
    try:
        rules = payday_rules(values.get("paydays", []))
    except SiteError as problem:
        raise read.wrong("calendar.paydays", problem.wanted or "", values["paydays"]) from None
    return CalendarSettings(
        school_holidays=_beside(root, values.get("school_holidays")),
        happenings=_beside(root, values.get("happenings")),
        paydays=rules,
        benefit_days=tuple(days),
    )


def _points(value: Any, read: Reader, root: Path) -> PointSettings:
    values = read.table(value, "points", POINT_KEYS)
    if bool(values.get("file")) != bool(values.get("kinds")):
        raise read.wrong("points", 'a "file", and the "kinds" of points in it', value)
    try:
        return PointSettings(file=_beside(root, values.get("file")), kinds=point_kinds(values.get("kinds", [])))
    except SiteError as problem:
        raise read.wrong("points.kinds", problem.wanted or "", values["kinds"]) from None
