"""The words of a feature's value: true of none, of one, of a share, of a trend, and of what is not known."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from math import isnan

from crisisrisk.features.specs import FeatureSpec, Phrases, phrases_of, window_in_words

ALIKE = 0.05
"""Ratios and differences closer than this to the usual are worded as the usual: one decimal is shown."""

_USUAL = "this person's usual"
_UNITS = ("days", "months", "minutes", "episodes", "sources", "agencies", "places", "changes", "people", "hours")
_ONE = {"agencies": "agency", "people": "person"}
_EXACT = ("sum", "mean_value", "largest", "smallest", "latest_value", "usual_hour", "trend", "slope", "above_usual",
          "last_gap_against_usual", "silence_against_usual", "not_followed_up_unlike_before", "decayed_count",
          "area_km2", "nearest_point_km")  # fmt: skip
"""Their words depend on more than the whole number; so do those of every share."""


@dataclass(frozen=True)
class _Said:
    """What the words of one value are made of."""

    spec: FeatureSpec
    value: float
    singular: str
    plural: str
    others: str

    @property
    def window(self) -> str:
        """The lookback, after "here" where the feature is about a cell."""
        return f"{self.here}{window_in_words(self.spec.lookback_days)}"

    @property
    def here(self) -> str:
        return "here " if " here" in self.spec.reason else ""

    @property
    def no(self) -> str:
        """ "no crisis contacts in the last 28 days"."""
        return f"no {self.plural} {self.window}"


_Words = Callable[[_Said], str]


def words_of(spec: FeatureSpec, value: float, phrases: Mapping[str, Phrases]) -> str:
    """The reason of a feature in words, tied to its value: "3 missed appointments in the last 28 days"."""
    named = phrases_of(spec, phrases)
    said = _Said(spec, value, named.singular, named.plural, _others(spec, phrases))
    return number_apart(number_apart(_worded(said), named.plural), named.singular)


def number_apart(text: str, name: str) -> str:
    """ "2 × 999 calls": beside a name that begins with a figure a number would be read with it, as 2,999 calls."""
    return re.sub(rf"(?<=\d) {re.escape(name)}", f" × {name}", text) if name[:1].isdigit() else text


def _worded(said: _Said) -> str:
    spec, value = said.spec, said.value
    if isnan(value):
        return _NOT_KNOWN.get(spec.aggregation, _not_recorded)(said)
    if value == 0 and spec.aggregation in _NONE:
        return _NONE[spec.aggregation](said)
    if spec.aggregation in _BY_VALUE:
        return _BY_VALUE[spec.aggregation](said)
    return _counted(said)


def depends_on_whole_numbers(spec: FeatureSpec) -> bool:
    """Whether two values between the same whole numbers, both above 0, are worded alike."""
    return spec.aggregation not in _EXACT and not spec.aggregation.startswith("share_")


def fact_in_words(spec: FeatureSpec) -> str:
    """What a fact of a person is called: "age"."""
    return spec.reason.replace("{count}", "").replace("  ", " ").strip()


def _others(spec: FeatureSpec, phrases: Mapping[str, Phrases]) -> str:
    """What the events are held against; without a short name, "other contacts"."""
    named = [phrases[source].plural for source in spec.other_sources if source in phrases]
    return " or ".join(named) if 0 < len(named) <= 2 and len(named) == len(spec.other_sources) else "other contacts"


# Whole numbers


def _reason(said: _Said, count: object) -> str:
    return said.spec.reason.format(count=count, singular=said.singular, plural=said.plural)


def _counted(said: _Said) -> str:
    """The reason with its count: "no" for 0, in the singular for 1, "less than a day" between."""
    count = int(said.value)
    text = _reason(said, count).replace("1 different ", "1 ") if count == 1 else _reason(said, count)
    if count == 0:
        return _none_of(said, text)
    if count != 1:
        return text
    for unit in _UNITS:
        text = re.sub(rf"(?<![\d.])1 {unit}\b", f"1 {_ONE.get(unit, unit[:-1])}", text)
    return re.sub(rf"(?<![\d.])1 {re.escape(said.plural)}", f"1 {said.singular}", text)


def _in_last_episode(said: _Said) -> str:
    """The number last: what is counted has a name for several alone."""
    if said.value == 0:
        return _counted(said)
    return f"{_reason(said, '').strip()}: {int(said.value)}"


def _none_of(said: _Said, text: str) -> str:
    if said.value == 0 and text.startswith("0 ") and said.spec.aggregation != "days_since_leaving":
        return f"no {text[2:]}"
    for unit in ("day", "month", "minute"):
        text = re.sub(rf"(?<![\d.])0 {unit}s\b", f"less than a {unit}", text)
    return text


def _to_one_decimal(said: _Said) -> str:
    shown = f"{said.value:.1f}".removesuffix(".0")
    text = _reason(said, "0" if shown == "-0" else shown)
    return text.replace(" 1 minutes", " 1 minute").replace("1 minutes of", "1 minute of")


# Flags


def _any(said: _Said) -> str:
    default = said.spec.reason.startswith("{plural}")
    return _reason(said, 1).replace(said.plural, f"at least one {said.singular}", 1) if default else _reason(said, 1)


def _flag(words_if_set: str, words_if_not: str) -> _Words:
    return lambda said: words_if_set if said.value else words_if_not


# Shares, trends and what is held against a person's usual


def _in_100(share: float) -> str:
    """A share between none and all, never rounded to either."""
    return f"{min(99, max(1, round(100 * share)))} in 100"


def _share(said: _Said) -> str:
    part = "none" if said.value == 0 else "all" if said.value >= 1 else _in_100(said.value)
    if not said.spec.reason.startswith("share of {plural} "):
        return f"{_reason(said, part)}: {part}"
    rest = said.spec.reason.removeprefix("share of {plural} ").format(singular=said.singular, plural=said.plural)
    return f"all {said.plural} {rest}" if part == "all" else f"{part} of the {said.plural} {rest}"


def _share_against(said: _Said) -> str:
    if said.value == 0:
        return f"{said.no}, but {said.others}"
    if said.value >= 1:
        return f"{said.plural} {said.window}, and no {said.others}"
    return f"{_in_100(said.value)} of {said.plural} and {said.others} {said.window} were {said.plural}"


def _usual_hour(said: _Said) -> str:
    last = f"the last {said.singular} at"
    if said.value == 0:
        return f"{last} an hour unlike this person's others"
    near = "all" if said.value >= 1 else _in_100(said.value)
    return f"{last} an hour near that of {near} of this person's others"


def _times(ratio: float, usual: str) -> str:
    if abs(ratio - 1) < ALIKE:
        return f"about {usual}"
    return f"under a tenth of {usual}" if ratio < 0.1 else f"{ratio:.1f} times {usual}"


def _last_gap(said: _Said) -> str:
    return f"time between the last two {said.plural}: {_times(said.value, _USUAL)}"


def _silence(said: _Said) -> str:
    return f"time since the last {said.singular}: {_times(said.value, _USUAL)}"


def _trend(said: _Said) -> str:
    short, long = said.spec.short_days, said.spec.lookback_days
    if said.value == 0:
        return f"no {said.plural} {said.here}{window_in_words(short)}, but some in the last {long}"
    against = _times(said.value, f"that of the last {long}")
    return f"rate of {said.plural} {said.here}{window_in_words(short)}: {against}"


def _slope(said: _Said) -> str:
    level = abs(said.value) < 1e-6
    way = "level" if level else "rising" if said.value > 0 else "falling"
    return f"{said.plural} {way} by the week over the last {said.spec.lookback_days} days"


def _above_usual(said: _Said) -> str:
    window = window_in_words(said.spec.short_days)
    if abs(said.value) < ALIKE:
        return f"about as many {said.plural} {window} as this person's usual"
    more = "more" if said.value > 0 else "fewer"
    return f"{abs(said.value):.1f} {more} {said.plural} {window} than this person's usual"


def _weighted(said: _Said) -> str:
    shown = "under 0.1" if said.value < ALIKE else f"{said.value:.1f}"
    return f"{said.plural} {said.window} not followed up, weighted by how often this person attends: {shown}"


def _decayed(said: _Said) -> str:
    """Without its number: it is one of a cell, and the small counts of cells are not told."""
    return f"next to no recent {said.plural} {said.here}".rstrip() if said.value < ALIKE else _reason(said, 0)


def _distance(said: _Said) -> str:
    return _reason(said, "under 0.1" if said.value < ALIKE else f"{said.value:.1f}")


def _residents(said: _Said) -> str:
    count = int(said.value)
    return "one person lives here" if count == 1 else "nobody lives here" if count == 0 else _reason(said, count)


_SHARES = ("share_out_of_hours", "share_at_weekends", "share_from_0_to_6", "share_from_6_to_12",
           "share_from_12_to_18", "share_from_18_to_24", "share_in_public", "share_late")  # fmt: skip

_BY_VALUE: Mapping[str, _Words] = {
    **dict.fromkeys(_SHARES, _share),
    **dict.fromkeys(("sum", "mean_value", "largest", "smallest", "latest_value"), _to_one_decimal),
    "share_against": _share_against,
    "any": _any,
    "any_at_night": _any,
    "none": lambda said: said.no,
    "last_episode_graver": _in_last_episode,
    "now": lambda said: _reason(said, 1),
    "on_caseload": lambda said: _reason(said, 1),
    "is_female": _flag("recorded as female", "recorded as a sex other than female"),
    "is_male": _flag("recorded as male", "recorded as a sex other than male"),
    "usual_hour": _usual_hour,
    "last_gap_against_usual": _last_gap,
    "silence_against_usual": _silence,
    "trend": _trend,
    "slope": _slope,
    "above_usual": _above_usual,
    "not_followed_up_unlike_before": _weighted,
    "decayed_count": _decayed,
    "area_km2": lambda said: f"{_reason(said, 0)}: {said.value:.1f} km²",
    "population": _residents,
    "nearest_point_km": _distance,
}


def _no(said: _Said) -> str:
    return said.no


def _not_in_one(said: _Said) -> str:
    return f"no {said.singular} at present, as far as is known"


_NONE: Mapping[str, _Words] = {
    **dict.fromkeys(("any", "distinct_days", "distinct_sources", "distinct_agencies", "most_in_24_hours",
                     "most_in_7_days", "longest_stay", "decayed_count"), _no),
    "distinct_places": lambda said: f"no known place of {said.plural} {said.window}",
    "any_at_night": lambda said: f"no {said.plural} at night {said.window}",
    "none": lambda said: f"at least one {said.singular} {said.window}",
    "now": _not_in_one,
    "on_caseload": lambda said: "on no team's caseload",
    "not_followed_up_unlike_before": lambda said: f"no {said.plural} {said.window} left open, unlike this person",
    "bank_holiday": lambda said: "not a bank holiday",
    "day_before_bank_holiday": lambda said: "not the day before a holiday",
    "school_holiday": lambda said: "no school holiday",
    "days_since_payday": lambda said: "payday",
    "days_since_benefit_day": lambda said: "a day on which benefits are paid",
}  # fmt: skip
"""What is said of 0 where a count in front does not say it."""


def _none_so_far(said: _Said) -> str:
    return f"no {said.singular} {said.window}"


def _no_episode(said: _Said) -> str:
    return f"no episode of {said.plural} so far"


def _fewer_than_two(said: _Said) -> str:
    return f"fewer than two {said.plural} {said.window}"


def _no_usual(said: _Said) -> str:
    return f"too few {said.plural} {said.window} to know this person's usual"


def _no_value(said: _Said) -> str:
    return f"no value of {said.plural} {said.window}"


def _not_recorded(said: _Said) -> str:
    if said.spec.sources:
        return f"{said.plural} {said.window}: not known"
    return f"{fact_in_words(said.spec)}: not recorded"


def _kind_not_known(said: _Said) -> str:
    """Of happenings and points: "stations here: not known"."""
    named = said.spec.reason.replace("{count} ", "").format(singular=said.singular, plural=said.plural)
    return f"{named}: not known"


_NOT_KNOWN: Mapping[str, _Words] = {
    **dict.fromkeys(("happenings_here", "happenings_nearby", "happenings_everywhere", "points_here", "points_nearby"),
                    _kind_not_known),
    "nearest_point_km": lambda said: f"distance to the nearest {said.singular}: not known",
    "school_holiday": lambda said: "school holidays: not known",
    "days_since_payday": lambda said: "paydays: not known",
    "days_since_benefit_day": lambda said: "days on which benefits are paid: not known",
    "population": lambda said: "how many people live here: not recorded",
    **dict.fromkeys(("days_since_last", "days_since_first", "days_since_heard"), _none_so_far),
    **dict.fromkeys(("last_episode_days", "last_episode_contacts", "last_episode_sources", "last_episode_graver",
                     "days_since_episode_began"), _no_episode),
    "days_between_episodes": lambda said: f"fewer than two episodes of {said.plural} so far",
    **dict.fromkeys((*_SHARES, "trend", "slope", "above_usual", "mean_days_late"), _no),
    "share_in_public": lambda said: f"no {said.plural} {said.window} with the kind of place noted",
    "share_against": lambda said: f"{said.no}, nor {said.others}",
    **dict.fromkeys(("mean_gap", "shortest_gap", "last_gap", "usual_hour"), _fewer_than_two),
    **dict.fromkeys(("last_gap_against_usual", "silence_against_usual"), _no_usual),
    "days_not_followed_up": lambda said: f"no {said.plural} {said.window} left without follow-up",
    "days_in": _not_in_one,
    "days_since_leaving": lambda said: f"no {said.singular} that has ended, or one that lasts still",
    **dict.fromkeys(("sum", "mean_value", "largest", "smallest", "latest_value"), _no_value),
    "days_on_caseload": lambda said: "on no present caseload, as far as is recorded",
    "is_female": lambda said: "sex: not recorded",
    "is_male": lambda said: "sex: not recorded",
}  # fmt: skip
"""What is said of NaN. Most often it means that nothing of the kind happened, and then that is what is said."""
