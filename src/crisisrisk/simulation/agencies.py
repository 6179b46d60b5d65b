"""Write the file of each agency: its own columns, codes, formats of time and ways of naming people.

A file is written page by page in order of occurrence, so that one stretch of days of one agency is all that is in
memory. Every page has a random stream of its own: files may be written in any order, in any process.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from crisisrisk.simulation import agencies_care as care
from crisisrisk.simulation import agencies_emergency as emergency
from crisisrisk.simulation.city import City
from crisisrisk.simulation.defects import (
    BAD_ROWS,
    CODES_CHANGE,
    COPIES,
    PLACE_FIVE_FOLD,
)
from crisisrisk.simulation.feeds import FILES
from crisisrisk.simulation.monthly import Rows, Slices, rows_of_slices, slices_of, spilled
from crisisrisk.simulation.pages import Page
from crisisrisk.simulation.period import Period, stream
from crisisrisk.simulation.planting import Planting, busiest_cell, planting_of
from crisisrisk.simulation.recording import SILENT_FROM, local_seconds
from crisisrisk.simulation.registers import REGISTERS, write_register
from crisisrisk.simulation.texts import Columns, CsvFile
from crisisrisk.simulation.who_is_who import WhoIsWho

if TYPE_CHECKING:
    from crisisrisk.simulation.settings import CitySettings


@dataclass(frozen=True, kw_only=True)
class AgencyFile:
    """How a file is made: `rows` changes which rows a page has, `make` gives its columns.

    `reference` is the column of the agency's own number of a row, `key` that of its key of a person. Files that do
    not say who by NHS number (`by_number`) carry names.
    """

    make: Callable[[Page], Columns]
    reference: str = ""
    key: str = ""
    by_number: bool = True
    rows: Callable[[Page], Page] | None = None
    delimiter: str = ","


_FILES: dict[str, AgencyFile] = {
    "police_incidents.csv": AgencyFile(
        make=emergency.police_incidents, reference="Log", key="Nominal", by_number=False
    ),
    "police_s136.csv": AgencyFile(make=emergency.police_s136, reference="Detention", key="Nominal", by_number=False),
    "missing_persons.csv": AgencyFile(
        make=emergency.missing_persons, reference="Report", key="Nominal", by_number=False
    ),
    "btp_incidents.csv": AgencyFile(
        make=emergency.btp_incidents, reference="incident", by_number=False, delimiter="\t"
    ),
    "ambulance.csv": AgencyFile(make=emergency.ambulance, reference="incident_id", key="patient_id", by_number=False),
    "nhs_111.csv": AgencyFile(make=emergency.nhs_111, reference="CaseRef", delimiter=";"),
    "ed_attendances.csv": AgencyFile(make=emergency.emergency_department, reference="ATTENDANCE"),
    "mh_contacts.csv": AgencyFile(make=care.mental_health_contacts, reference="ContactId", rows=care.with_cancelled),
    "mh_contacts_late.csv": AgencyFile(make=care.late_mental_health_contacts, reference="ContactId"),
    "mh_inpatients.csv": AgencyFile(make=care.inpatients, reference="Movement"),
    "mh_crisis_services.csv": AgencyFile(make=care.crisis_services, reference="Ref"),
    "s135_warrants.csv": AgencyFile(make=care.s135_warrants, reference="Warrant"),
    "street_triage.csv": AgencyFile(make=care.street_triage, reference="Job"),
    "custody_liaison.csv": AgencyFile(make=care.custody_liaison, reference="Custody No"),
    "fire_visits.csv": AgencyFile(make=emergency.fire_visits, reference="visit_id"),
    "fire_calls.csv": AgencyFile(make=emergency.fire_calls, reference="call"),
    "amhp_assessments.csv": AgencyFile(make=care.amhp_assessments, reference="Assessment"),
    "social_care.csv": AgencyFile(make=care.social_care, reference="Case Event", delimiter="|"),
    "housing.csv": AgencyFile(make=care.housing, reference="case"),
    "gp_contacts.csv": AgencyFile(make=care.gp_contacts, rows=care.first_of_a_day),
}
_CORRECTED_FILE = "police_incidents_corrected.csv"
_ENDS_THE_DATA, _FELL_SILENT = "police_incidents.csv", "nhs_111.csv"
_LARGEST = ("mh_contacts.csv", "police_incidents.csv")


@dataclass(frozen=True, kw_only=True)
class Written:
    """What a file holds: `rows` in all, of which `wrong` cells and `doubled` rows were planted."""

    rows: int = 0
    wrong: int = 0
    doubled: int = 0


def file_names() -> tuple[str, ...]:
    """What `write_file` can write: the agencies' files, largest first, and the registers."""
    return (*_LARGEST, *(name for name in FILES if name not in _LARGEST), *REGISTERS)


def write_file(
    name: str,
    settings: "CitySettings",
    period: Period,
    city: City,
    working: Path,
    out: Path,
    truth: Path | None,
) -> Written:
    """Write one file into `out` from what blocks of people and months of strangers left in `working`.

    A file without rows is not left behind: an agency with nothing to send sends nothing. With `truth`, a folder, who
    the people of the rows truly were goes into its who_is_who folder.
    """
    if name in REGISTERS:
        write_register(name, settings, city, working, out)
        return Written()
    with ExitStack() as open_files:
        file = open_files.enter_context(CsvFile(out / name, _FILES[name].delimiter))
        corrections = open_files.enter_context(CsvFile(out / _CORRECTED_FILE))
        who = open_files.enter_context(WhoIsWho(truth, name)) if truth is not None else None
        return _write_pages(_Writing(name, settings, period, working), file, corrections, who)


@dataclass(frozen=True)
class _Writing:
    """Which file of which city is being written."""

    name: str
    settings: "CitySettings"
    period: Period
    working: Path

    @property
    def file(self) -> AgencyFile:
        return _FILES[self.name]

    @property
    def slices(self) -> Slices:
        return slices_of(self.period, self.settings.people)

    def has(self, defect: str) -> bool:
        return defect in self.settings.defects


def _write_pages(writing: _Writing, csv: CsvFile, corrections: CsvFile, who: WhoIsWho | None) -> Written:
    file, done, planting = writing.file, Written(), _planting(writing)
    for number, rows in enumerate(_rows(writing)):
        random = stream(writing.settings.seed, f"file {writing.name}", number)
        page = Page(rows, done.rows, writing.settings.seed, random, _new_codes_from(writing))
        page = file.rows(page) if file.rows else page
        columns = file.make(page)
        if writing.name == _ENDS_THE_DATA:
            columns, right = emergency.corrected(page, columns, writing.period.end)
            corrections.add(right)
        if who is not None:
            who.add(page.rows, columns, reference=file.reference, key=file.key, by_number=file.by_number)
        csv.add(planting.planted(random, number, columns))
        done = replace(done, rows=done.rows + len(page))
    return replace(done, wrong=planting.wrong_cells, doubled=planting.doubled_rows)


def _planting(writing: _Writing) -> Planting:
    """What of the defect of wrong cells and doubled rows falls on which stretch of days."""
    rows = rows_of_slices(writing.working, writing.name, writing.slices)
    random = stream(writing.settings.seed, f"defects {writing.name}")
    return planting_of(writing.name, writing.slices, rows, random) if writing.has(BAD_ROWS) else Planting(len(rows))


def _rows(writing: _Writing) -> Iterator[Rows]:
    """The rows of each stretch of days; the newest of all is known at the end of its feed."""
    filled = np.flatnonzero(rows_of_slices(writing.working, writing.name, writing.slices))
    last, until = int(filled[-1]) if len(filled) else -1, _known_until(writing)
    for number, rows in enumerate(spilled(writing.working, writing.name, writing.slices)):
        if until is not None and number == last:
            rows["known"][-1] = until
        yield _five_fold(writing, rows)


def _known_until(writing: _Writing) -> int | None:
    """When the newest row of a file becomes known. The police's tells when the data end; NHS 111 fell silent before."""
    if writing.name == _ENDS_THE_DATA:
        return writing.period.end
    return local_seconds(SILENT_FROM) if writing.name == _FELL_SILENT else None


def _middle(period: Period) -> int:
    """The number of the Saturday in the middle of the period."""
    return len(period) // 14 * 7 + 5


def _new_codes_from(writing: _Writing) -> int:
    period = writing.period
    return int(period.midnight[_middle(period)]) if writing.has(CODES_CHANGE) else period.end + 1


def _five_fold(writing: _Writing, rows: Rows) -> Rows:
    """Every police log of the busiest cell of one day, five times."""
    if not (writing.has(PLACE_FIVE_FOLD) and writing.name == _ENDS_THE_DATA):
        return rows
    begins, ends = writing.period.midnight[_middle(writing.period) :][:2]
    of_day = np.flatnonzero((rows["at"] >= begins) & (rows["at"] < ends) & ~np.isnan(rows["latitude"]))
    copies = np.ones(len(rows), dtype=np.int64)
    copies[of_day[busiest_cell(rows["latitude"][of_day], rows["longitude"][of_day])]] = COPIES
    return np.repeat(rows, copies)
