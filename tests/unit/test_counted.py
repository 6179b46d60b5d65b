"""What counts in places, kept once a load: read again to the bit, made anew for other rows, rules or maps."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from tests.lib.place_sites import EVENTS, NORTH, answering, calls, place_site, small_recipe
from tests.lib.table_sites import write_csv, write_mapping

from crisisrisk.commands.data import load_files
from crisisrisk.commands.forecast import shifts_from
from crisisrisk.episodes import crisis_mask
from crisisrisk.models.bundle import Bundle
from crisisrisk.scoring.counted import Counted, counted
from crisisrisk.scoring.places import PlaceForecast, forecast_shifts
from crisisrisk.tables.cells import Cells, assign
from crisisrisk.tables.manifest import COUNTED
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

CELL_ARRAYS = ("latitude", "longitude", "area_km2", "population", "deprivation_decile")


@pytest.fixture
def site(tmp_path: Path) -> Site:
    other = [{**row, "id": f"b {row['id']}"} for row in calls(90, each=2, north=NORTH + 0.0135)]
    return place_site(tmp_path, [*calls(90), *other, *calls(60, source="police_999")])


@pytest.fixture
def bundle(site: Site, tmp_path: Path) -> Bundle:
    recipe = tmp_path / "small.toml"
    recipe.write_text(small_recipe(outcome={"most_per_person": 2, "duplicate_minutes": 30}), encoding="utf-8")
    return answering(site, recipe)


def kept(site: Site) -> list[Path]:
    return sorted((site.data / COUNTED).glob("*")) if (site.data / COUNTED).is_dir() else []


def asked(bundle: Bundle, site: Site) -> Counted:
    return counted(bundle, Store(site).snapshot(), site)


def forecast(bundle: Bundle, site: Site) -> PlaceForecast:
    snapshot = Store(site).snapshot()
    now = snapshot.as_of_now()
    return forecast_shifts(bundle, snapshot, site, shifts=shifts_from(site, now, 24), issued_at=now)


def plain(cells: Cells) -> Sequence[object]:
    rings = [
        array.tolist() for ring in (cells.neighbours_1, cells.neighbours_2) for array in (ring.offsets, ring.indices)
    ]
    return [cells.ids, cells.names, cells.parents, rings, *(getattr(cells, name).tobytes() for name in CELL_ARRAYS)]


def test_what_was_kept_is_read_and_says_the_same_to_the_bit(site: Site, bundle: Bundle) -> None:
    first, said = asked(bundle, site), forecast(bundle, site)
    [file] = kept(site)
    written = file.stat().st_mtime_ns, file.stat().st_ino
    again = asked(bundle, site)
    assert (file.stat().st_mtime_ns, file.stat().st_ino) == written
    assert again.events.equals(first.events)
    assert again.events.schema.equals(first.events.schema, check_metadata=True)
    assert plain(again.cells) == plain(first.cells)
    file.unlink()
    assert repr(forecast(bundle, site).frame.to_dict("list")) == repr(said.frame.to_dict("list"))


def test_a_home_alone_stands_on_no_map_of_a_forecast(site: Site, bundle: Bundle, tmp_path: Path) -> None:
    """A contact south of everything else: in a house of few residents it draws no cell, in the street it does."""
    before = asked(bundle, site).cells.ids
    for premises, drawn in (("private", 0), ("public", 1)):
        rows = [{**row, "id": f"{premises} {row['id']}"} for row in calls(1, first=5, north=NORTH - 0.03)]
        mapping = write_mapping(
            site, EVENTS.replace("[coordinates]", f'premises = {{ constant = "{premises}" }}\n[coordinates]')
        )
        load_files(site, [write_csv(tmp_path / f"{premises}.csv", rows)], mapping)
        assert len(set(asked(bundle, site).cells.ids) - set(before)) == drawn


def test_no_person_and_no_point_is_kept(site: Site, bundle: Bundle) -> None:
    names = set(asked(bundle, site).events.column_names)
    assert not names & {"event_id", "person_id", "source_person_key", "latitude", "longitude"}


def test_what_was_made_of_a_load_goes_with_the_next(site: Site, bundle: Bundle, tmp_path: Path) -> None:
    before = asked(bundle, site).events.num_rows
    [old] = kept(site)
    rows = write_csv(tmp_path / "later.csv", calls(2, first=90))
    load_files(site, [rows], write_mapping(site, EVENTS))
    assert kept(site) == []
    assert asked(bundle, site).events.num_rows == before + 8
    [new] = kept(site)
    assert new.name != old.name


def test_another_rule_or_map_is_kept_beside(site: Site, bundle: Bundle) -> None:
    asked(bundle, site)
    other = replace(bundle, task=replace(bundle.task, counting=replace(bundle.task.counting, most_per_person=5)))
    asked(other, site)
    assert len(kept(site)) == 2
    larger = counted(bundle, Store(site).snapshot(), replace(site, cells=site.cells.at("h3:6")))
    assert (len(larger.cells), len(kept(site))) == (1, 3)


def test_what_is_damaged_or_cannot_be_kept_is_made_again(site: Site, bundle: Bundle) -> None:
    first = asked(bundle, site)
    [file] = kept(site)
    for content in (b"", b"ARROW1 but no more", file.read_bytes()[:-100]):
        file.unlink()
        file.write_bytes(content)
        assert asked(bundle, site).events.equals(first.events)
        assert file.stat().st_size > 1000
    file.unlink()
    file.parent.rmdir()
    file.parent.write_text("where the folder should be")
    assert asked(bundle, site).events.equals(first.events)


def test_a_forecast_says_when_the_last_contact_that_was_known_then_came_to_each_cell(
    site: Site, bundle: Bundle
) -> None:
    snapshot, of_site = Store(site).snapshot(), asked(bundle, site)
    place = assign(of_site.events, of_site.cells, site.cells)
    crisis = crisis_mask(bundle.task.crisis, of_site.events)
    rows = of_site.events.select(["occurred_at", "known_at", "superseded_at"]).to_pylist()
    for days in (0, 33):
        moment = snapshot.as_of_now() - timedelta(days=days)
        frame = forecast_shifts(bundle, snapshot, site, shifts=shifts_from(site, moment, 24), issued_at=moment).frame
        wanted: dict[str, datetime | None] = dict.fromkeys(of_site.cells.ids)
        for row, cell, counts in zip(rows, place.tolist(), crisis.tolist(), strict=True):
            if (
                counts
                and cell >= 0
                and row["known_at"] < moment <= row["superseded_at"]
                and row["occurred_at"] < moment
            ):
                known = wanted[of_site.cells.ids[cell]]
                wanted[of_site.cells.ids[cell]] = max(row["occurred_at"], known or row["occurred_at"])
        assert dict(zip(frame["place_id"], frame["last_contact"], strict=True)) == wanted
        assert any(wanted.values())
