"""The published list of person features that the shipped recipe covers, line by line, and the page that shows it.

The list is that of a programme in Birmingham, read in its public code (Icedgarr/crisis_prediction, commit c211d1a,
`src/crisis_prediction/features/`), then what the published list lacks. A pattern names columns: `*` is any text.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase

from crisisrisk.features.aggregations import PERSON
from crisisrisk.features.specs import FeatureRecipe, FeatureSpec, Phrases


@dataclass(frozen=True)
class Item:
    """One line of a list, and the columns of ours that say it."""

    says: str
    patterns: tuple[str, ...]

    def columns(self, names: Collection[str]) -> dict[str, int]:
        """How many of `names` each pattern fits."""
        return {pattern: sum(fnmatchcase(name, pattern) for name in names) for pattern in self.patterns}


_WINDOWS = (*(f"in_{7 * weeks}_days" for weeks in (4, 8, 12, 16, 20, 24)), "ever")

PUBLISHED = (
    Item("crises: sum over 4, 8, 12, 16, 20, 24 weeks and ever",
         tuple(f"any_crisis_count_{window}" for window in _WINDOWS)),
    Item("crises: most in a week, over the same windows",
         tuple(f"any_crisis_most_in_7_days_{window}" for window in _WINDOWS)),
    Item("crises: week by week, lags 4 to 11", tuple(f"any_crisis_count_in_week_{week}_back" for week in range(4, 12))),
    Item("crises: within 4 or 8 weeks; time since the last and the first",
         ("any_crisis_count_in_28_days", "any_crisis_count_in_56_days", "any_crisis_days_since_last",
          "any_crisis_days_since_first")),
    Item("crises: type", ("police_999_count_*", "ambulance_999_count_*", "ed_attendance_count_*", "s136_count_*",
                          "street_triage_count_*", "crisis_line_count_*", "mh_admission_count_*")),
    Item("crises: contact method", ("crisis_in_person_*", "crisis_by_telephone_*", "crisis_by_message_*")),
    Item("crises: severity", ("detained_or_admitted_*", "*_last_episode_graver")),
    Item("contacts: total, over the same windows; time since", ("mh_contact_count_*", "mh_contact_days_since_*",
                                                                "mh_contact_most_in_7_days_*")),
    Item("contacts: unplanned", ("unplanned_care_*",)),
    Item("contacts: time since each format", ("care_by_telephone_days_since_last", "nurse_contacts_days_since_last",
         "clinic_appointments_days_since_last", "home_visits_days_since_last", "group_sessions_days_since_last")),
    Item("contacts: did not attend, over the same windows", ("mh_missed_count_*", "mh_missed_days_since_*")),
    Item("did not attend, without follow-up", ("missed_not_followed_up_in_*", "missed_days_not_followed_up_*")),
    Item("did not attend, out of character", ("missed_not_followed_up_unlike_before_*",)),
    Item("referrals by source", ("referral_count_*", "referral_from_*_count_*")),
    Item("discharges by reason, did not attend and declined among them",
         ("team_discharge_count_*", "team_discharge_did_not_attend_*", "team_discharge_declined_*",
          "team_discharge_*_count_in_364_days", "mh_discharge_count_*")),
    Item("bed days by kind of ward", ("in_hospital_days_in_total_*", "on_*_ward_days_in_total_*",
                                      "on_older_adults_ward_days_in_total_*")),
    Item("levels of observation", ("under_observation_*",)),
    Item("state: under section", ("under_section_now", "under_section_days_in", "under_section_days_in_total_*",
                                  "under_section_days_since_leaving")),
    Item("state: community treatment order, active or recalled", ("on_community_order_*", "recalled_*")),
    Item("state: conditional discharge", ("conditionally_discharged_*",)),
    Item("assessments: time since, not up to date after 52 weeks",
         ("*_assessment_none_in_364_days", "*_assessment_days_since_last")),
    Item("wellbeing rating", ("wellbeing_scale_*",)),
    Item("crisis plan: time since, up to date within 52 weeks", ("crisis_plan_none_in_364_days",
                                                                 "crisis_plan_days_since_last")),
    Item("diagnosis, broad groups, current and ever", ("diagnosis_*_now", "diagnosis_*_count_ever")),
    Item("during the last episode: contacts, days, severity",
         ("crisis_episodes_last_episode_contacts", "crisis_episodes_last_episode_days", "*_last_episode_graver")),
    Item("age, months known, sex", ("age", "months_known", "is_female", "is_male")),
)  # fmt: skip
"""What the published recipe has."""

BEYOND = (
    Item("each source: counts over 1, 2, 4, 8, 12, 16, 20, 24, 52, 104 weeks and ever, days since first and last",
         ("*_count_in_7_days", "*_count_in_14_days", "*_count_in_728_days", "*_days_since_first")),
    Item("each outcome: the same", ("conveyed_*", "not_conveyed_*", "left_before_the_end_*", "referred_on_*",
         "admitted_from_emergency_department_*", "escalated_*", "no_further_action_*", "advice_only_*",
         "sent_to_emergency_care_*")),
    Item("each group of codes: the same", ("mental_health_codes_*", "alcohol_and_substances_*", "money_and_housing_*",
         "primary_care_for_mood_*", "physical_health_codes_*", "concern_and_safeguarding_*",
         "nuisance_and_disputes_*", "found_by_a_team_*")),
    Item("sums and maxima of numbers that contacts carry", ("care_minutes_sum_*", "care_minutes_largest_*",
                                                            "outcome_scale_*")),
    Item("the longest stay", ("*_longest_stay_*",)),
    Item("gaps: mean, shortest, last; the last against the person's own", ("*_mean_gap_*", "*_shortest_gap_*",
         "*_last_gap_in_*", "*_last_gap_against_usual_*", "*_silence_against_usual_*")),
    Item("trend: short against long, slope of weekly counts", ("*_trend_*", "*_slope_*")),
    Item("out of character: above the person's own rate, at an hour unlike theirs",
         ("*_above_usual_*", "*_usual_hour_*")),
    Item("when: out of hours, at weekends, by block of hours, last night",
         ("*_share_out_of_hours_*", "*_share_at_weekends_*", "*_share_from_0_to_6_*", "just_now_any_at_night_*")),
    Item("where: different places, agencies and days; in public", ("*_distinct_places_*", "*_distinct_agencies_*",
         "*_distinct_days_*", "*_share_in_public_*")),
    Item("in custody, in a crisis house, detained under section 136 or 135, missing",
         ("in_custody_*", "in_crisis_house_*", "under_detention_*", "missing_days_in_total_*")),
    Item("conveyed or not", ("conveyed_any_in_7_days", "conveyed_any_in_28_days", "not_conveyed_*")),
    Item("discharged within 7 days; not followed up since", ("discharge_any_in_7_days", "discharge_not_followed_up_*",
                                                             "crisis_without_care_*")),
    Item("care plan out of date; reviews by others", ("care_plan_none_in_364_days", "care_review_*")),
    Item("episodes: how many, how far apart", ("crisis_episodes_episodes_*", "crisis_episodes_days_between_episodes")),
    Item("deprivation, the time of year", ("deprivation_decile", "season_sine", "season_cosine")),
    Item("open to services, changes of caseload", ("on_caseload", "days_on_caseload", "caseload_changes_*")),
    Item("how complete each feed is for the person", ("*_days_since_heard", "*_mean_days_late_*", "*_share_late_*")),
)  # fmt: skip
"""What it lacks."""

WHEN_SENT = (
    "mh_referral", "mh_referral_closed", "mh_assessment", "mh_plan", "mh_diagnosis", "mh_section",
    "mh_community_order", "mh_observation", "custody",
)  # fmt: skip
"""Sources that the recipe reads where a site has them; without them their columns are not there."""


def lost(items: Collection[Item], names: Collection[str]) -> list[str]:
    """The patterns of a list that no column fits any more."""
    return [pattern for item in items for pattern, number in item.columns(names).items() if number == 0]


_HEAD = """# The features of a person

Written by `crisisrisk describe person-features` from `features/person.toml` and `src/crisisrisk/features/published.py`;
do not edit. Each of the {number} columns has its line in the [dictionary](../../features/DICTIONARY.md), each way of
making one its section among the [aggregations](../reference/aggregations.md); `crisisrisk features explain NAME` draws
one on an example.

The recipe starts from the largest published one for this purpose, that of a programme in Birmingham (453 columns;
[its code](https://github.com/Icedgarr/crisis_prediction) is public). Every line of it is covered, or named
under what is left out on purpose; a test holds the recipe to this page. Columns are counted for a site that has
every source.
"""

_LEFT_OUT = """## Left out on purpose

- **Ethnicity** is a subgroup that every report shows, and never a feature. **Marital status** is not stored at all.
- **Bands of age**: the trees cut age themselves. **The lowest week**: it is 0 for nearly everybody.
- **Two diagnoses at once**: two columns say it together. **59 finer diagnoses**: a site adds a group with its codes.
- **Items and totals of risk assessments**: when the last one was counts, what it said does not. No score of risk may
  decide about care, and ours must not rest on one.
"""

_SENT = """## What a site sends for orders, plans and referrals

Groups with `optional = true` exist where the site names their source. These are records rather than contacts: `except`
keeps them out of "contact with any agency". A state lasts from `occurred_at` to `ended_at`, which
counts once it has come and is known. A mapping file can name the site's codes so, or the site's recipe read its own.

| source | what it is | codes that are read | also read |
| --- | --- | --- | --- |"""


def person_features_page(recipe: FeatureRecipe, phrases: Mapping[str, Phrases]) -> str:
    """`docs/explanation/person-features.md`."""
    lines = [_HEAD.format(number=len(recipe.names)), *_table("The published list", PUBLISHED, recipe.names)]
    lines += [*_table("Beyond it", BEYOND, recipe.names), _LEFT_OUT, _SENT]
    return "\n".join([*lines, *(_sent(source, recipe, phrases) for source in WHEN_SENT)]) + "\n"


def _table(title: str, items: Collection[Item], names: Collection[str]) -> list[str]:
    lines = [f"## {title}", "", "| item | columns (how many) |", "| --- | --- |"]
    for item in items:
        shown = [
            f"`{pattern}`" + (f" ({number})" if number > 1 else "") for pattern, number in item.columns(names).items()
        ]
        lines.append(f"| {item.says} | {', '.join(shown)} |")
    return [*lines, ""]


def _sent(source: str, recipe: FeatureRecipe, phrases: Mapping[str, Phrases]) -> str:
    reading = [spec for spec in recipe.specs if spec.sources == (source,)]
    also = [column for column in ("ended_at", "value") if any(column in _reads(spec) for spec in reading)]
    return f"| `{source}` | {phrases[source].plural} | {_codes(reading) or 'any'} | {', '.join(also) or '–'} |"


def _reads(spec: FeatureSpec) -> tuple[str, ...]:
    return PERSON[spec.aggregation].reads


def _codes(specs: Collection[FeatureSpec]) -> str:
    codes = [accepted for spec in specs for column, accepted in spec.where if column == "code"]
    ranges = [f"`{some[0]}`" if len(some) == 1 else f"`{some[0]}` to `{some[-1]}`" for some in dict.fromkeys(codes)]
    return ", ".join(ranges)
