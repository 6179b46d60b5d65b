"""The national data opt-out: who is not on a fresh list is left out of planning, and of no care."""

import json
import stat
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from tests.lib.gate_site import make_gate_site
from tests.lib.table_sites import NHS_NUMBERS, make_site, write_csv, write_mapping

from crisisrisk.cli import run
from crisisrisk.cohorts import CohortRule
from crisisrisk.commands.data import load_files
from crisisrisk.commands.meds import export_meds
from crisisrisk.commands.optouts import apply_list
from crisisrisk.episodes import EpisodeRule, people_of
from crisisrisk.errors import DataError, SiteError, UsageError
from crisisrisk.purposes import DIRECT_CARE
from crisisrisk.scoring.caseload import caseload_in
from crisisrisk.scoring.objections import planning_objections
from crisisrisk.scoring.registers import opted_out_at
from crisisrisk.tables.cells import cells_named
from crisisrisk.tables.checked_people import checked_people, keep_checked_people, permitted_people, today_of
from crisisrisk.tables.pseudonyms import pseudonyms, read_pseudonym_key
from crisisrisk.tables.site import CONFIGURATION, Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.timeline import microseconds
from crisisrisk.training.declarations import read_recipes
from crisisrisk.training.matrices import person_matrix
from crisisrisk.training.person_data import person_data

EVENTS = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at" }
known_at = { column = "at" }
source = { constant = "police_999" }
code = { constant = "welfare" }
person_id = { column = "nhs", kind = "nhs_number" }
"""


def declared(site: Site, days: int = 21) -> Site:
    path = site.path / CONFIGURATION
    path.write_text(path.read_text() + f"[national_opt_out]\napplies = true\nmaximum_age_days = {days}\n")
    return read_site(site.path)


@pytest.fixture
def site(tmp_path: Path) -> Site:
    """Five people with a contact each; the site declares that the national opt-out applies."""
    made = make_site(tmp_path)
    rows = [{"id": n, "at": f"2025-01-0{n}T10:00Z", "nhs": number} for n, number in enumerate(NHS_NUMBERS, 1)]
    load_files(made, [write_csv(tmp_path / "events.csv", rows)], write_mapping(made, EVENTS))
    return declared(made)


def listed(folder: Path, *lines: str) -> Path:
    path = folder / "without_opt_out.dat"
    path.write_text("".join(f"{line}\n" for line in lines))
    return path


def today(site: Site) -> date:
    return today_of(site)


def left_out(site: Site) -> frozenset[str]:
    snapshot = Store(site).snapshot()
    everybody = people_of(*(snapshot.person_events(bucket) for bucket in range(snapshot.buckets)))
    return planning_objections(snapshot, site, microseconds(snapshot.as_of_now())).among(everybody)


def test_who_is_not_named_is_left_out_and_the_file_may_be_of_the_services_own_form(site: Site, tmp_path: Path) -> None:
    file = listed(tmp_path, "nhs_number", f"{NHS_NUMBERS[0]},row 1,", "", f'"{NHS_NUMBERS[1]}"', "999 000 0034,")
    result = apply_list(site, file, checked_on=today(site), kind="nhs_number")
    assert (result.people, result.loaded, result.not_named, result.age_days) == (3, 5, 2, 0)
    wanted = pseudonyms(read_pseudonym_key(site), "nhs_number", NHS_NUMBERS[3:])
    assert left_out(site) == set(wanted)


def test_nothing_of_the_file_is_kept_but_pseudonyms_that_the_owner_alone_reads(site: Site, tmp_path: Path) -> None:
    apply_list(site, listed(tmp_path, *NHS_NUMBERS), checked_on=today(site), kind="nhs_number")
    apply_list(site, listed(tmp_path, *NHS_NUMBERS[:4]), checked_on=today(site), kind="nhs_number")
    files = sorted((site.path / "opt_outs").iterdir())
    assert {path.suffix for path in files} == {".parquet", ".json"}
    assert len(files) == 2
    assert all(stat.S_IMODE(path.stat().st_mode) == 0o600 for path in files)
    assert not any(number.encode() in path.read_bytes() for path in files for number in NHS_NUMBERS)
    names = pq.read_table(next(path for path in files if path.suffix == ".parquet"))["person_id"].to_pylist()
    assert len(names) == 4


def test_without_a_fresh_list_planning_is_refused_and_care_goes_on(site: Site, tmp_path: Path) -> None:
    snapshot = Store(site).snapshot()
    with pytest.raises(DataError, match="there is no list") as missing:
        left_out(site)
    assert missing.value.code == "CR-OPT-001"
    with pytest.raises(DataError, match="there is no list"):
        export_meds(site, tmp_path / "meds", clock="known")
    assert not (tmp_path / "meds").exists()
    assert opted_out_at(snapshot.table("opt_outs"), microseconds(datetime.now(UTC)), purpose=DIRECT_CARE) == frozenset()


@pytest.mark.parametrize(("age", "refused"), [(0, False), (21, False), (22, True), (-1, True)])
def test_a_list_counts_for_21_days_and_not_before_its_day(site: Site, age: int, refused: bool) -> None:
    keep_checked_people(site, ["k1_" + "0" * 16], today(site) - timedelta(days=age))
    if refused:
        with pytest.raises(DataError, match=r"too old|still to come"):
            permitted_people(site)
    else:
        assert permitted_people(site) == {"k1_" + "0" * 16}


def test_a_list_that_was_changed_or_is_gone_is_refused(site: Site) -> None:
    kept = keep_checked_people(site, ["k1_" + "0" * 16], today(site))
    path = site.path / "opt_outs" / kept.file
    path.write_bytes(path.read_bytes() + b"x")
    with pytest.raises(DataError, match="not as it was kept"):
        permitted_people(site)
    path.unlink()
    with pytest.raises(DataError, match="not as it was kept"):
        permitted_people(site)
    (site.path / "opt_outs" / "national.json").write_text("{}")
    with pytest.raises(DataError, match="cannot be read"):
        permitted_people(site)


def test_where_the_site_does_not_declare_it_no_list_is_asked_for(site: Site) -> None:
    assert permitted_people(replace(site, national_opt_out=replace(site.national_opt_out, applies=False))) is None


def test_an_export_has_only_who_is_named(site: Site, tmp_path: Path) -> None:
    apply_list(site, listed(tmp_path, *NHS_NUMBERS[:2]), checked_on=today(site), kind="nhs_number")
    result = export_meds(site, tmp_path / "meds", clock="known")
    assert (result.subjects, result.objected) == (2, 3)


@pytest.mark.parametrize(
    ("lines", "problem"),
    [((), "names nobody"), (("nhs_number",), "names nobody"), ((NHS_NUMBERS[0], "9990000019"), "1 lines do not begin")],
)
def test_a_wrong_file_changes_nothing_and_is_not_quoted(
    site: Site, tmp_path: Path, lines: tuple[str, ...], problem: str
) -> None:
    apply_list(site, listed(tmp_path, *NHS_NUMBERS), checked_on=today(site), kind="nhs_number")
    before = checked_people(site)
    with pytest.raises(DataError, match=problem) as caught:
        apply_list(site, listed(tmp_path, *lines), checked_on=today(site), kind="nhs_number")
    assert not any(line in caught.value.rendered() for line in lines if line.isdigit())
    assert checked_people(site) == before


def test_a_day_to_come_and_an_earlier_check_are_refused(site: Site, tmp_path: Path) -> None:
    file = listed(tmp_path, *NHS_NUMBERS)
    with pytest.raises(UsageError, match="still to come"):
        apply_list(site, file, checked_on=today(site) + timedelta(days=1), kind="nhs_number")
    apply_list(site, file, checked_on=today(site), kind="nhs_number")
    with pytest.raises(UsageError, match="a later check"):
        apply_list(site, file, checked_on=today(site) - timedelta(days=1), kind="nhs_number")


def test_another_list_is_another_state_of_the_data(site: Site, tmp_path: Path) -> None:
    """What was begun or kept for one list must not be gone on with for another."""
    digests = {Store(site).snapshot().digest}
    for count in (5, 4):
        apply_list(site, listed(tmp_path, *NHS_NUMBERS[:count]), checked_on=today(site), kind="nhs_number")
        digests.add(Store(site).snapshot().digest)
    assert len(digests) == 3


def test_the_commands_say_how_old_the_list_is(site: Site, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    place = ["--site", str(site.path)]
    assert run(["data", "status", *place]) == 0
    assert "no list is in use · planning is refused" in capsys.readouterr().out
    day = today(site) - timedelta(days=3)
    file = listed(tmp_path, *NHS_NUMBERS[:4])
    assert run(["optouts", "apply", str(file), "--checked-on", f"{day}", *place]) == 0
    assert "1 of 5 people who are loaded are not named" in capsys.readouterr().out
    assert run(["data", "status", *place]) == 0
    assert f"4 people without one · checked {day}, 3 of 21 days ago" in capsys.readouterr().out
    assert run(["data", "status", "--json", *place]) == 0
    assert json.loads(capsys.readouterr().out)["national_opt_out"] == {
        "maximum_age_days": 21, "usable": True, "checked_on": f"{day}", "age_days": 3, "people": 4,
    }  # fmt: skip


@pytest.mark.parametrize("days", [0, 22])
def test_a_site_may_ask_for_a_fresher_list_and_for_no_older_one(tmp_path: Path, days: int) -> None:
    with pytest.raises(SiteError, match=r"national_opt_out\.maximum_age_days"):
        declared(make_site(tmp_path), days)


@pytest.mark.slow
def test_training_and_features_leave_out_who_is_not_named_and_refuse_without_a_list(tmp_path: Path) -> None:
    site = declared(make_gate_site(tmp_path / "site", people=12))
    recipes, snapshot = read_recipes(site, "person", None), Store(site).snapshot()
    with pytest.raises(DataError, match="there is no list"):
        person_data(recipes.training, recipes.features, snapshot, site)
    with pytest.raises(DataError, match="there is no list"):
        person_matrix(site, [snapshot.as_of_now()])
    everybody = people_of(*(snapshot.person_events(bucket) for bucket in range(snapshot.buckets)))
    keep_checked_people(site, everybody[:7].tolist(), today(site))
    data = person_data(recipes.training, recipes.features, snapshot, site)
    assert set(data.person_ids) <= set(everybody[:7])
    assert len(data.person_ids) > 0
    assert next(step for step in data.attrition.steps if step.name == "opted_out").people == 5
    built = person_matrix(site, [snapshot.as_of_now()])
    assert sorted(built["person_id"]) == everybody[:7].tolist()


def test_sums_over_the_caseload_refuse_without_a_list(site: Site) -> None:
    site = replace(site, people=replace(site.people, caseload_sums_assessment="DPIA 7"))
    snapshot = Store(site).snapshot()
    cells = cells_named(site, snapshot.table("places"), ["88195da49bfffff"])
    with pytest.raises(DataError, match="there is no list"):
        caseload_in(snapshot, site, cells, rule=EpisodeRule(sources=("police_999",)), cohort=CohortRule())
