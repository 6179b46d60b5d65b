"""What agencies of an invented city send: nothing before its time, nothing a mapping refuses, nobody's number."""

import csv
import re
import tomllib
from collections import Counter
from collections.abc import Container
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow.parquet as pq
import pytest

from crisisrisk.commands.data import LoadResult, load_files
from crisisrisk.simulation.agencies import file_names, write_file
from crisisrisk.simulation.contacts import SOURCES, Contacts, contacts, says_crisis
from crisisrisk.simulation.defects import (
    BAD_ROWS,
    CODES_CHANGE,
    COPIES,
    DEFECTS,
    ETHNICITY_UNDER_RECORDED,
    FEED_STOPS,
    LEAKING_COLUMN,
    NEW_CODES,
    PLACE_FIVE_FOLD,
    SENT_TWICE,
    STOPPED_DAYS,
    WRONG_CELLS,
)
from crisisrisk.simulation.feeds import FILES
from crisisrisk.simulation.identities import nhs_numbers
from crisisrisk.simulation.monthly import spill, spilled
from crisisrisk.simulation.people import People, block_people
from crisisrisk.simulation.period import SECONDS_PER_DAY, Period, stream
from crisisrisk.simulation.person_kernel import live
from crisisrisk.simulation.recording import (
    DESKS,
    MISSED_BEFORE,
    MISSED_FROM,
    SILENT_FROM,
    SILENT_SOURCES,
    Recorded,
    local_seconds,
    recorded,
)
from crisisrisk.simulation.registers import LINKED_SOURCES, REGISTERS
from crisisrisk.simulation.responses import responses
from crisisrisk.simulation.routine import routine_contacts
from crisisrisk.simulation.settings import CitySettings, settings_for
from crisisrisk.simulation.simulate import simulate
from crisisrisk.simulation.who_is_who import WHO_IS_WHO
from crisisrisk.simulation.world import World, world
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Snapshot, Store

PEOPLE, YEARS, SEED = 500, 2.0, 11
WITHOUT_NUMBERS = (
    "police_incidents.csv", "police_s136.csv", "missing_persons.csv", "btp_incidents.csv", "ambulance.csv",
    "fire_calls.csv",
)  # fmt: skip


@dataclass(frozen=True)
class Made:
    """A small city, its folder of files, and what the loader made of them."""

    settings: CitySettings
    folder: Path
    results: dict[str, LoadResult]

    @property
    def site(self) -> Site:
        return read_site(self.folder)

    @cached_property
    def snapshot(self) -> Snapshot:
        return Store(self.site).snapshot()

    @cached_property
    def world(self) -> World:
        return world(self.settings)

    def read(self, name: str, delimiter: str = ",") -> pd.DataFrame:
        return pd.read_csv(self.folder / name, dtype=str, keep_default_na=False, sep=delimiter)

    def refused(self) -> dict[str, int]:
        rows = {Path(name).stem: result.rows_quarantined for name, result in self.results.items()}
        return {name: count for name, count in rows.items() if count}


def make(folder: Path, *defects: str, truth: bool = False) -> CitySettings:
    settings = settings_for("sample", people=PEOPLE, years=YEARS, seed=SEED, defects=defects)
    simulate(settings, folder, truth=truth, processes=1)
    return settings


def loaded(folder: Path, wanted: Container[str]) -> dict[str, LoadResult]:
    """Load every file of which there is one wanted, with those of the same mapping."""
    site = read_site(folder)
    steps = tomllib.loads((folder / "load_order.toml").read_text(encoding="utf-8"))["load"]
    return {
        step["mapping"]: load_files(site, [folder / name for name in step["files"]], folder / step["mapping"])
        for step in steps
        if any(name in wanted for name in step["files"])
    }


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Made:
    folder = tmp_path_factory.mktemp("city") / "out"
    settings = make(folder, truth=True)
    return Made(settings, folder, loaded(folder, {path.name for path in folder.glob("*.csv")}))


@pytest.fixture(scope="module", params=sorted(DEFECTS))
def spoilt(request: pytest.FixtureRequest, city: Made, tmp_path_factory: pytest.TempPathFactory) -> tuple[str, Made]:
    """The same city with one defect. Only files that it changed are loaded: the others are the same bytes."""
    folder = tmp_path_factory.mktemp(request.param) / "out"
    settings = make(folder, request.param)
    return request.param, Made(settings, folder, loaded(folder, changed_files(city.folder, folder)))


def changed_files(one: Path, other: Path) -> set[str]:
    names = {path.name for path in one.glob("*.csv")}
    assert names == {path.name for path in other.glob("*.csv")}
    return {name for name in names if (one / name).read_bytes() != (other / name).read_bytes()}


@pytest.fixture(scope="module")
def people(city: Made) -> People:
    return block_people(city.settings, city.world.city, city.world.period, 0)


@pytest.fixture(scope="module")
def kept(city: Made, people: People) -> Recorded:
    """What was recorded of the people of the city, made once more."""
    here, settings = city.world, city.settings
    lives = live(settings, people, here.period, here.reach)
    routine = routine_contacts(settings, people, lives, here.period, 0)
    crises = responses(settings, here.city, here.period, lives.incidents, people, block=0)
    return recorded(settings, here.period, Contacts.concatenated([routine, crises]), people, block=0)


def everybody_always(period: Period, people: People) -> Contacts:
    """Contacts of every source with everybody at any time, also when they were not yet or no longer there."""
    random = stream(1, "contacts of a test")
    count = 4 * len(people)
    return Contacts.concatenated(
        [
            contacts(
                source,
                random.integers(period.midnight[0] - 10 * SECONDS_PER_DAY, period.end + 10 * SECONDS_PER_DAY, count),
                random.integers(people.first - 1, people.first + len(people), count),
                ended=period.end + random.integers(-50, 50, count) * SECONDS_PER_DAY,
            )
            for source in SOURCES
        ]
    )


# Recording


def test_nothing_happens_to_people_who_are_not_there_and_nothing_is_known_before_it_happens(
    city: Made, people: People
) -> None:
    period = city.world.period
    found = everybody_always(period, people)
    rows = recorded(city.settings, period, found, people, block=0)
    ours = rows.contacts.taken(rows.contacts.person >= 0)
    row, day = ours.person - people.first, period.day_of(ours.at)
    assert 0 < len(ours) < len(found)
    assert (day >= people.registered[row]).all()
    assert (day < people.left[row]).all()
    assert (rows.known > rows.contacts.at).all()
    assert rows.known.max() <= period.end
    assert rows.contacts.ended.max() <= period.end


def test_rows_name_their_own_person_or_nobody(kept: Recorded) -> None:
    named = kept.named >= 0
    assert (kept.named[named] == kept.contacts.person[named]).all()
    assert not (kept.second_key & named).any()
    assert not kept.followed.any()
    for number, source in enumerate(SOURCES):
        own = kept.contacts.source == number
        if own.sum() > 200:
            wanted = DESKS[source].named
            assert named[own].mean() == pytest.approx(wanted, abs=4 * np.sqrt(wanted * (1 - wanted) / own.sum()) + 1e-9)


def test_delays_are_those_of_the_desks(kept: Recorded) -> None:
    hours = (kept.known - kept.contacts.at) / 3_600
    medians = {
        source: np.median(hours[kept.contacts.is_from(source)])
        for source in ("police_999", "mh_contact", "social_care")
    }
    assert 0.08 < medians["police_999"] < 0.2
    assert 20 < medians["mh_contact"] < 32
    assert 14 * 24 < medians["social_care"] < 22 * 24
    assert kept.late.any()
    assert (hours[kept.late] > 24 * 20).all()


def test_feeds_fall_silent_and_a_fortnight_is_missing(kept: Recorded) -> None:
    assert kept.known[kept.contacts.is_from(*SILENT_SOURCES)].max() <= local_seconds(SILENT_FROM)
    at = kept.contacts.at[kept.contacts.is_from("gp")]
    missed = (at >= local_seconds(MISSED_FROM)) & (at < local_seconds(MISSED_BEFORE))
    before = (at >= local_seconds(MISSED_FROM) - 14 * SECONDS_PER_DAY) & (at < local_seconds(MISSED_FROM))
    assert missed.sum() == 0
    assert before.sum() > 20


def test_an_agency_calls_a_crisis_what_was_one(kept: Recorded) -> None:
    rows = kept.contacts
    for number, source in enumerate(SOURCES):
        own = rows.taken(rows.source == number)
        assert says_crisis(source, own.code, own.crisis).tolist() == own.crisis.tolist(), source


def test_rows_come_back_from_the_disk_in_order_of_occurrence(city: Made, kept: Recorded, tmp_path: Path) -> None:
    slices = city.world.slices
    spill(kept, tmp_path, name="people-000000", slices=slices)
    pages = {name: list(spilled(tmp_path, name, slices)) for name in FILES}
    assert sum(len(page) for of_file in pages.values() for page in of_file) == len(kept)
    police = np.concatenate(pages["police_incidents.csv"])
    assert (np.diff(police["at"]) >= 0).all()
    assert police["person"].sum() == kept.contacts.of("police_999", "police_101", "welfare_check_request").person.sum()


# Files and mappings


def test_every_mapping_loads_and_refuses_nothing(city: Made) -> None:
    assert city.refused() == {}
    assert {Path(name).name for name in city.results} == {path.name for path in city.folder.glob("mappings/*.toml")}
    assert all(result.rows_loaded > 0 for result in city.results.values())
    assert sum(result.rows_duplicate for result in city.results.values()) == 0
    assert city.results["mappings/mh_contacts.toml"].rows_left_out > 0


def test_a_defect_puts_exactly_its_own_rows_into_quarantine(spoilt: tuple[str, Made]) -> None:
    name, made = spoilt
    wrong = {Path(file).stem: wrong.rows for file, wrong in WRONG_CELLS.items()} if name == BAD_ROWS else {}
    assert made.refused() == wrong
    assert sum(made.refused().values()) == DEFECTS[name].quarantined
    doubled = sum(result.rows_duplicate for result in made.results.values())
    assert doubled == (SENT_TWICE[1] if name == BAD_ROWS else 0)


def test_a_defect_changes_what_it_says_and_no_other_file(city: Made, spoilt: tuple[str, Made]) -> None:
    name, made = spoilt
    wanted: dict[str, set[str]] = {
        BAD_ROWS: {*WRONG_CELLS, SENT_TWICE[0]},
        LEAKING_COLUMN: {"mh_contacts.csv", "mh_contacts_late.csv"},
        CODES_CHANGE: {"ambulance.csv"},
        FEED_STOPS: {"ed_attendances.csv"},
        ETHNICITY_UNDER_RECORDED: {"people.csv"},
        PLACE_FIVE_FOLD: {"police_incidents.csv", "police_incidents_corrected.csv"},
    }
    changed = changed_files(city.folder, made.folder)
    assert changed <= wanted[name]
    # A small late batch may have nothing in it to leak.
    assert wanted[name] - changed <= {"mh_contacts_late.csv"}


def test_what_each_defect_does(city: Made, spoilt: tuple[str, Made]) -> None:
    name, made = spoilt
    checks = {
        BAD_ROWS: sends_rows_twice, LEAKING_COLUMN: outcome_knows_the_future, CODES_CHANGE: codes_change_half_way,
        FEED_STOPS: feed_stops, ETHNICITY_UNDER_RECORDED: one_group_is_missing, PLACE_FIVE_FOLD: one_cell_is_five_fold,
    }  # fmt: skip
    checks[name](city, made)


def sends_rows_twice(city: Made, made: Made) -> None:
    rows = Counter((made.folder / SENT_TWICE[0]).read_text().splitlines())
    assert sum(count - 1 for count in rows.values()) == SENT_TWICE[1]
    assert set(rows) == set((city.folder / SENT_TWICE[0]).read_text().splitlines())


def outcome_knows_the_future(city: Made, made: Made) -> None:
    before, after = city.read("mh_contacts.csv"), made.read("mh_contacts.csv")
    assert set(before["Outcome"]) == {"SEEN", "DNA", "CANCELLED"}
    leaked = after["Outcome"] == "ESCALATED"
    assert 0.005 < leaked.mean() < 0.3
    assert before.drop(columns="Outcome").equals(after.drop(columns="Outcome"))


def codes_change_half_way(city: Made, made: Made) -> None:
    rows = made.read("ambulance.csv")
    new = rows["complaint"].isin(list(NEW_CODES.values()))
    assert 0.4 < new.mean() < 0.6
    assert rows["call_time"][new].min() > rows["call_time"][~new].max()
    events = made.snapshot.place_events(columns=["source", "is_crisis", "occurred_at"]).to_pandas()
    crises = events[(events["source"] == "ambulance_999") & events["is_crisis"].astype(bool)]
    assert crises["occurred_at"].max() < pd.Timestamp(rows["call_time"][new].min())


def feed_stops(city: Made, made: Made) -> None:
    whole = city.read("ed_attendances.csv")
    stopped = pd.Timestamp(made.world.period.end - STOPPED_DAYS * SECONDS_PER_DAY, unit="s", tz="UTC")
    known = pd.to_datetime(made.read("ed_attendances.csv")["CODED_ON"], format="%d-%b-%Y %H:%M")
    assert known.max() <= stopped.tz_convert("Europe/London").tz_localize(None)
    assert len(known) < len(whole)
    assert made.snapshot.late(city.snapshot.as_of_now())["ed_attendance"]


def one_group_is_missing(city: Made, made: Made) -> None:
    before, after = city.read("people.csv"), made.read("people.csv")
    black = before["ethnic_group"].str.startswith("Black")
    lost = (after["ethnic_group"] == "") & (before["ethnic_group"] != "")
    assert not (lost & ~black).any()
    assert 0.4 < lost[black].mean() < 0.8


def one_cell_is_five_fold(city: Made, made: Made) -> None:
    columns = ["Call", "Received", "Recorded", "Easting", "Northing"]
    before = Counter(map(tuple, city.read("police_incidents.csv")[columns].to_numpy()))
    after = Counter(map(tuple, made.read("police_incidents.csv")[columns].to_numpy()))
    more = {row: count for row, count in after.items() if count != before[row]}
    assert more
    assert all(count == COPIES * before[row] for row, count in more.items())
    assert len({row[1].split(" ")[0] for row in more}) == 1
    assert made.read("police_incidents.csv")["Log"].is_unique


def test_what_is_loaded_is_known_after_it_happened_and_within_the_time_of_the_person(city: Made) -> None:
    snapshot = city.snapshot
    columns = ["person_id", "occurred_at", "known_at"]
    events = pd.concat([snapshot.person_events(bucket, columns).to_pandas() for bucket in range(snapshot.buckets)])
    states = pd.concat([snapshot.people_in(bucket).to_pandas() for bucket in range(snapshot.buckets)])
    assert (events["known_at"] >= events["occurred_at"]).all()
    begins = states.groupby("person_id")["valid_from"].min()
    ends = states.groupby("person_id")["valid_to"].max()
    registered, left = events["person_id"].map(begins), events["person_id"].map(ends)
    assert registered.notna().all()
    assert (events["occurred_at"] >= registered).all()
    assert (left.isna() | (events["occurred_at"] < left)).all()
    assert left.notna().any()


def test_a_named_row_is_found_again_through_its_number_or_its_key(city: Made, kept: Recorded) -> None:
    """What counts for a person is what the desks named, no more and no less."""
    snapshot = city.snapshot
    columns = ["source", "event_id"]
    events = pd.concat([snapshot.person_events(bucket, columns).to_pandas() for bucket in range(snapshot.buckets)])
    loaded = events.drop_duplicates("event_id").groupby("source", observed=True).size()
    for number, source in enumerate(SOURCES):
        named = int(((kept.contacts.source == number) & (kept.named >= 0)).sum())
        # The last link of a person may still be on its way, and GPs write one row a day of each kind.
        least = 0.97 * named - 3 if source in (*LINKED_SOURCES, "gp") else named
        assert least <= loaded.get(source, 0) <= named, source


def test_the_data_end_at_the_end_and_nhs_111_before(city: Made) -> None:
    end = pd.Timestamp(city.world.period.end, unit="s", tz="UTC")
    assert city.snapshot.as_of_now() == end + pd.Timedelta(microseconds=1)
    assert city.snapshot.sources()["nhs_111"].rows > 0
    known = pd.to_datetime(city.read("nhs_111.csv", ";")["CaseClosed"], utc=True)
    assert known.max() == pd.Timestamp(local_seconds(SILENT_FROM), unit="s", tz="UTC")


def test_every_source_occurs_and_is_declared(city: Made) -> None:
    events = city.snapshot.place_events(columns=["source"]).to_pandas()
    assert set(events["source"]) == set(SOURCES) == set(city.site.sources)


def test_the_agencies_that_write_days_alone_are_known_from_their_files(city: Made) -> None:
    days = {"fire_safe_and_well_visit", "gp", "housing", "social_care"}
    assert city.snapshot.days_alone.sources == days
    rows = city.snapshot.place_events(columns=("source", "occurred_at")).to_pandas()
    local = rows["occurred_at"].dt.tz_convert("Europe/London")
    assert (local == local.dt.normalize())[rows["source"].isin(days)].all()


def test_corrections_are_versions_of_their_logs_and_say_what_was_true(city: Made) -> None:
    assert city.results["mappings/police_incidents.toml"].rows_correcting > 0
    logs = city.read("police_incidents.csv").set_index("Log")
    corrections = city.read("police_incidents_corrected.csv").set_index("Log")
    first = logs.loc[corrections.index]
    assert (first["MH Flag"] != corrections["MH Flag"]).all()
    same = ["Call", "Received", "Nominal", "Surname", "Easting"]
    assert first[same].equals(corrections[same])
    crises = corrections["Qualifier"].isin(["MH01", "MH02"]) | (corrections["MH Flag"] == "Y")
    assert (crises == (corrections["MH Flag"] == "Y")).all()


# Who is who


def test_police_ambulance_and_fire_files_carry_no_nhs_number(city: Made) -> None:
    people = nhs_numbers(SEED, np.arange(PEOPLE)).astype(str).tolist()
    for name in WITHOUT_NUMBERS:
        text = (city.folder / name).read_text()
        assert not re.search(r"\b999 ?\d{3} ?\d{4}\b", text), name
        assert not any(number in text for number in people), name


def test_names_are_typed_with_errors(city: Made, people: People) -> None:
    register = city.read("people.csv").drop_duplicates("nhs_number").set_index("nhs_number")
    truth = who_is_who(city, "police_incidents.csv").merge(
        city.read("police_incidents.csv"), left_on="row", right_on="Log"
    )
    truth = truth[truth["Surname"] != ""]
    true = register.loc[nhs_numbers(SEED, truth["person"].to_numpy(np.int64)).astype(str)]
    wrong = truth["Surname"].to_numpy() != true["surname"].to_numpy()
    assert 0.05 < wrong.mean() < 0.15
    dated = truth["Birth Date"].to_numpy() != ""
    wrong_dates = truth["Birth Date"].to_numpy()[dated] != true["birth_date"].to_numpy()[dated]
    assert 0.02 < wrong_dates.mean() < 0.09


def who_is_who(city: Made, file: str) -> pd.DataFrame:
    frame: pd.DataFrame = pq.read_table(city.folder / "truth" / WHO_IS_WHO / f"{Path(file).stem}.parquet").to_pandas()
    return frame


def test_links_tie_keys_to_their_own_people_at_last(city: Made) -> None:
    links = city.read("person_links.csv")
    last = links.groupby(["system", "key"]).last()
    truth = pd.concat([who_is_who(city, name) for name in ("police_incidents.csv", "ambulance.csv")]).dropna(
        subset=["key"]
    )
    owner = truth.drop_duplicates("key").set_index("key")["person"]
    assert not truth.groupby("key")["person"].nunique().gt(1).any()
    known = last.index.get_level_values("key").isin(owner.index)
    own = nhs_numbers(SEED, owner.loc[last.index.get_level_values("key")[known]].to_numpy(np.int64)).astype(str)
    assert (last["nhs_number"].to_numpy()[known] == own).all()
    unlinked = ~owner.index.isin(last.index.get_level_values("key"))
    assert 0 < unlinked.mean() < 0.6


def test_who_is_who_is_complete_where_no_number_says_it(city: Made, kept: Recorded) -> None:
    for name, sources in (("ambulance.csv", ("ambulance_999",)), ("btp_incidents.csv", ("btp",))):
        ours = kept.contacts.of(*sources)
        assert len(who_is_who(city, name)) == (ours.person >= 0).sum()
    lines = kept.contacts.is_from("crisis_line", "crisis_house") | (
        kept.contacts.is_from("s136") & np.isnan(kept.contacts.latitude)
    )
    assert (
        len(who_is_who(city, "mh_crisis_services.csv"))
        == (lines & (kept.named < 0) & (kept.contacts.person >= 0)).sum()
    )


# Bytes


def test_the_order_in_which_files_are_written_changes_no_byte(city: Made, kept: Recorded, tmp_path: Path) -> None:
    here = city.world
    working = tmp_path / "working"
    working.mkdir()
    spill(kept, working, name="people-000000", slices=here.slices)
    written: list[dict[str, bytes]] = []
    for number, names in enumerate((file_names(), file_names()[::-1])):
        out = tmp_path / str(number)
        out.mkdir()
        for name in names:
            if name not in REGISTERS:
                write_file(name, city.settings, here.period, here.city, working, out, None)
        written.append({path.name: path.read_bytes() for path in out.iterdir()})
    assert written[0] == written[1]
    assert "police_incidents_corrected.csv" in written[0]


def test_an_agency_with_nothing_to_send_sends_no_file(city: Made, kept: Recorded, tmp_path: Path) -> None:
    here = city.world
    few = kept.taken(kept.contacts.is_from("gp"))
    spill(few, tmp_path, name="people-000000", slices=here.slices)
    (tmp_path / "out").mkdir()
    for name in FILES:
        write_file(name, city.settings, here.period, here.city, tmp_path, tmp_path / "out", None)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["gp_contacts.csv"]


@pytest.mark.parametrize(
    ("name", "delimiter"), [("nhs_111.csv", ";"), ("social_care.csv", "|"), ("btp_incidents.csv", "\t")]
)
def test_every_line_has_every_column(city: Made, name: str, delimiter: str) -> None:
    encoding = "cp1252" if name == "social_care.csv" else "utf-8"
    with (city.folder / name).open(encoding=encoding, newline="") as handle:
        lengths = {len(row) for row in csv.reader(handle, delimiter=delimiter)}
    assert len(lengths) == 1
