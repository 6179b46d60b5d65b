"""Why the ranges of a forecast are wider, in words: which feeds are late, and up to when they are complete."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from crisisrisk.database.scores import RunMeta
from crisisrisk.tables.site import Source

NAMED = 3
MAY_BE_LOW = "What came since is not counted: expected numbers may be too low."


def widened_text(meta: RunMeta, sources: Mapping[str, Source], zone: ZoneInfo | None = None) -> str:
    """A sentence; empty of a forecast whose ranges are as wide as ever.

    `zone`: whose clock moments are told by, else UTC.
    """
    which = complete_only(meta, sources, lambda moment: _told(moment, zone), be="are")
    return f"Ranges are wider: {which}. {MAY_BE_LOW}" if which else ""


def complete_only(
    meta: RunMeta, sources: Mapping[str, Source], moment_told: Callable[[datetime], str], *, be: str
) -> str:
    """“999 calls are complete only to Tue 1 Dec 14:00 and NHS 111 calls only to …”; empty where no range is wider.

    Three by name, of the rest how many.
    """
    late = [
        (sources[name].plural if name in sources else name.replace("_", " "), moment_told(meta.data_complete_to[name]))
        for name in meta.widened_by if name in meta.data_complete_to
    ]  # fmt: skip
    if not late:
        return ""
    (name, moment), *others = late[:NAMED]
    more = [f"{len(late) - NAMED} more"] if len(late) > NAMED else []
    told = [f"{name} {be} complete only to {moment}", *(f"{name} only to {moment}" for name, moment in others), *more]
    return " and ".join([", ".join(told[:-1]), told[-1]]) if others else told[0]


def _told(moment: datetime, zone: ZoneInfo | None) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%MZ}" if zone is None else f"{moment.astimezone(zone):%a %-d %b %H:%M}"
