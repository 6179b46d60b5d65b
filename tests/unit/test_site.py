"""A site's configuration: what is read, and what is refused with the key that is wrong."""

from importlib.resources import files
from pathlib import Path

import pytest

from crisisrisk.errors import SiteError
from crisisrisk.tables.site import find_site, read_site
from crisisrisk.training.declarations import read_recipes

MINIMAL = """
name = "Test"
time_zone = "Europe/London"

[[shift]]
name = "night"
starts = "22:00"
ends = "08:00"

[source.s136]
agency = "trust"
singular = "section 136 detention"
plural = "section 136 detentions"
settled_after_hours = 24
"""


def site_with(folder: Path, text: str) -> Path:
    (folder / "crisisrisk.toml").write_text(text, encoding="utf-8")
    return folder


def test_a_minimal_site_is_read_with_its_defaults(tmp_path: Path) -> None:
    site = read_site(site_with(tmp_path, MINIMAL))
    assert site.time_zone.key == "Europe/London"
    assert [shift.name for shift in site.shifts] == ["night"]
    assert site.sources["s136"].settled_after_hours == 24
    assert (site.cells.kind, site.cells.h3_resolution, site.clock) == ("h3", 8, "system")
    assert site.database_url == f"sqlite:///{tmp_path / 'crisisrisk.db'}"
    assert site.mlflow_tracking_uri == f"sqlite:///{tmp_path / 'mlruns' / 'mlflow.db'}"


def test_mlflow_keeps_to_the_site_or_goes_where_it_is_told(tmp_path: Path) -> None:
    elsewhere = read_site(site_with(tmp_path, 'mlflow_tracking_uri = "../mlruns"\n' + MINIMAL))
    assert elsewhere.mlflow_tracking_uri == f"sqlite:///{tmp_path.parent / 'mlruns' / 'mlflow.db'}"
    server = read_site(site_with(tmp_path, 'mlflow_tracking_uri = "http://localhost:5000"\n' + MINIMAL))
    assert server.mlflow_tracking_uri == "http://localhost:5000"


@pytest.mark.parametrize(
    ("change", "problem", "hint"),
    [
        (('name = "Test"', 'nam = "Test"'), 'unknown key "nam"', 'did you mean "name"?'),
        (('name = "Test"', ""), "name cannot be used", None),
        (("Europe/London", "Europe/Lundon"), "time_zone cannot be used", None),
        (("08:00", "22:00"), "shift 1 cannot be used", None),
        (('ends = "08:00"', ""), "shift 1 cannot be used", None),
        (('agency = "trust"', ""), "source.s136 cannot be used", None),
        (("= 24", '= "a day"'), "source.s136.settled_after_hours cannot be used", None),
        (('name = "Test"', 'name = "Test"\nclock = "sundial"'), "clock cannot be used", None),
        (('name = "Test"', 'name = "Test"\nbuckets = 0'), "buckets cannot be used", None),
        (('name = "Test"', 'name = "Test"\nbuckets = true'), "top.buckets cannot be used", None),
        (("[source.s136]", "[cells]\nh3_resolution = 16\n[source.s136]"), "cells cannot be used", None),
        (("[source.s136]", '[[team]]\nname = "no id"\n[source.s136]'), "team cannot be used", None),
    ],
)
def test_a_wrong_configuration_is_refused_by_its_key(
    tmp_path: Path, change: tuple[str, str], problem: str, hint: str | None
) -> None:
    with pytest.raises(SiteError) as caught:
        read_site(site_with(tmp_path, MINIMAL.replace(*change)))
    assert (caught.value.problem, caught.value.hint) == (problem, hint)


def test_a_file_that_is_not_toml_says_so(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="the file is not valid TOML"):
        read_site(site_with(tmp_path, "name = "))


def test_a_folder_without_configuration_is_not_a_site(tmp_path: Path) -> None:
    with pytest.raises(SiteError, match="this folder is not a site"):
        read_site(tmp_path)


def test_the_site_is_the_option_then_the_environment_then_the_current_folder(tmp_path: Path) -> None:
    here = site_with(tmp_path, MINIMAL)
    assert find_site("a", {"CRISISRISK_SITE": "b"}, here) == Path("a")
    assert find_site(None, {"CRISISRISK_SITE": "b"}, here) == Path("b")
    assert find_site(None, {}, here) == here
    with pytest.raises(SiteError, match="no site was named"):
        find_site(None, {}, tmp_path.parent)


def test_a_service_for_children_lowers_the_minimum_age_and_nothing_else_does(tmp_path: Path) -> None:
    usual = read_site(site_with(tmp_path, MINIMAL))
    assert (usual.people.minimum_age(18), usual.people.minimum_age(0)) == (18, 0)
    young = read_site(site_with(tmp_path, MINIMAL + "[people]\nchild_service = true\nyoungest_age = 12\n"))
    assert (young.people.minimum_age(18), young.people.minimum_age(0)) == (12, 0)
    assert read_site(site_with(tmp_path, MINIMAL + "[people]\nchild_service = true\n")).people.minimum_age(18) == 0


@pytest.mark.parametrize(
    "people",
    ["youngest_age = 12", "child_service = false\nyoungest_age = 12", "child_service = true\nyoungest_age = 18"],
)
def test_an_age_without_a_service_for_it_is_refused(tmp_path: Path, people: str) -> None:
    with pytest.raises(SiteError, match=r"people\.youngest_age cannot be used"):
        read_site(site_with(tmp_path, f"{MINIMAL}[people]\n{people}\n"))


def test_training_for_a_site_with_a_service_for_children_asks_for_its_age(tmp_path: Path) -> None:
    for people, age in (("", 18), ("[people]\nchild_service = true\nyoungest_age = 12\n", 12)):
        template = files("crisisrisk.commands").joinpath("site_template.toml").read_text(encoding="utf-8")
        recipes = read_recipes(read_site(site_with(tmp_path, template + people)), "person", None)
        assert recipes.training.cohort.minimum_age == age
