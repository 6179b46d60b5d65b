"""The shipped recipe covers the published list of person features, line by line, and cannot silently lose one."""

from importlib.resources import files

import pytest

from crisisrisk.features.published import BEYOND, PUBLISHED, WHEN_SENT, Item, lost
from crisisrisk.features.recipe import read_feature_recipe
from crisisrisk.features.specs import FeatureRecipe
from crisisrisk.shipped import shipped
from crisisrisk.tables.site import read_configuration, read_site

WEEKS = (1, 2, 4, 8, 12, 16, 20, 24, 52, 104)
RECIPE_FILE = shipped("features") / "person.toml"
CONTACTS = (
    "police_999", "police_101", "ambulance_999", "nhs_111", "nhs_111_mh", "ed_attendance", "s136", "s135",
    "street_triage", "triage_advice", "crisis_line", "crisis_house", "mh_contact", "mh_missed", "mh_admission",
    "mh_discharge", "liaison_diversion", "welfare_check_request", "fire_safe_and_well_visit", "btp",
    "amhp_assessment", "missing_person", "fire", "housing", "social_care", "gp",
)  # fmt: skip
GROUPS = (
    "any_contact", "any_crisis", "detained_or_admitted", "referral", "team_discharge", "unplanned_care", "conveyed",
    "not_conveyed", "left_before_the_end", "referred_on", "admitted_from_emergency_department", "escalated",
    "no_further_action", "advice_only", "sent_to_emergency_care", "found_by_a_team", "mental_health_codes",
    "alcohol_and_substances", "money_and_housing", "primary_care_for_mood", "physical_health_codes",
    "concern_and_safeguarding", "nuisance_and_disputes",
)  # fmt: skip
STATES = ("in_hospital", "under_section", "on_community_order", "in_custody", "in_crisis_house")


@pytest.fixture(scope="module")
def recipe() -> FeatureRecipe:
    template = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
    return read_feature_recipe(RECIPE_FILE, sources=read_configuration(template).sources)


@pytest.mark.parametrize("item", [*PUBLISHED, *BEYOND], ids=lambda item: item.says)
def test_every_line_of_the_list_has_its_columns(item: Item, recipe: FeatureRecipe) -> None:
    assert lost([item], recipe.names) == []


def test_a_line_that_is_lost_is_noticed(recipe: FeatureRecipe) -> None:
    kept = [name for name in recipe.names if not name.startswith("recalled")]
    assert lost(PUBLISHED, kept) == ["recalled_*"]


@pytest.mark.parametrize("group", [*CONTACTS, *GROUPS])
def test_every_source_outcome_and_group_of_codes_is_counted_over_every_window(
    group: str, recipe: FeatureRecipe
) -> None:
    windows = [*(f"{group}_count_in_{7 * weeks}_days" for weeks in WEEKS), f"{group}_count_ever"]
    assert {*windows, f"{group}_days_since_last", f"{group}_days_since_first"} - set(recipe.names) == set()


@pytest.mark.parametrize("state", STATES)
def test_every_state_says_now_how_long_nights_and_since_leaving(state: str, recipe: FeatureRecipe) -> None:
    names = {f"{state}_{what}" for what in ("now", "days_in", "days_in_total_in_84_days", "days_since_leaving")}
    assert names - set(recipe.names) == set()


def test_a_state_reads_the_record_of_that_state_and_no_stand_in(recipe: FeatureRecipe) -> None:
    reads = {spec.name: spec.sources for spec in recipe.specs}
    assert reads["under_section_now"] == ("mh_section",)
    assert reads["on_community_order_now"] == ("mh_community_order",)
    assert reads["in_custody_now"] == ("custody",)
    assert reads["in_crisis_house_now"] == ("crisis_house",)
    assert reads["crisis_plan_none_in_364_days"] == reads["care_plan_none_in_364_days"] == ("mh_plan",)


def test_ethnicity_is_no_feature(recipe: FeatureRecipe) -> None:
    assert "ethnic" not in recipe.to_json()


def test_a_record_is_no_contact(recipe: FeatureRecipe) -> None:
    of_contacts = [spec for spec in recipe.specs if spec.group.startswith("any_contact")]
    assert of_contacts
    assert [spec.name for spec in of_contacts if set(spec.sources) & set(WHEN_SENT)] == []


def test_a_site_without_orders_and_plans_has_no_columns_of_them(recipe: FeatureRecipe) -> None:
    sample = read_feature_recipe(RECIPE_FILE, sources=read_site(shipped("data_samples")).sources)
    missing = set(recipe.names) - set(sample.names)
    assert {name for spec in recipe.specs if set(spec.sources) <= set(WHEN_SENT) for name in [spec.name]} - {
        *missing,
        *(spec.name for spec in recipe.specs if not spec.sources),
    } == set()
    assert set(sample.names) < set(recipe.names)
    assert not set(sample.sources) & set(WHEN_SENT)


def test_the_width_stays_sensible(recipe: FeatureRecipe) -> None:
    assert 450 < len(recipe.names) <= 1_300
