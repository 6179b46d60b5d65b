"""The files of each agency: its own columns, codes, formats of time and ways of naming people."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from crisisrisk.simulation.contacts import pick
from crisisrisk.simulation.national_grid import to_national_grid
from crisisrisk.simulation.people import People
from crisisrisk.simulation.period import SECONDS_PER_HOUR, Period, local_clock, stream
from crisisrisk.simulation.texts import (
    DAY,
    DAY_AND_MINUTE,
    ISO_MINUTE,
    Columns,
    Texts,
    chosen,
    decimals,
    local_texts,
    numbered,
    of_person,
    offset_texts,
    spaced,
    utc_texts,
)

FileMaker = Callable[[pd.DataFrame, People, np.random.Generator], Columns]


def agency_files(seed: int, rows: pd.DataFrame, people: People, period: Period) -> dict[str, Columns]:
    """Every file of contacts by its name, rows in order of occurrence."""
    files: dict[str, Columns] = {}
    for name, (sources, make) in _FILES.items():
        late = name == "mh_contacts_late.csv"
        own = rows[rows["source"].isin(sources) & (rows["late_batch"] == late)].reset_index(drop=True)
        files[name] = make(own, people, stream(seed, f"file {name}"))
    files["police_incidents_corrected.csv"] = _corrections(seed, files["police_incidents.csv"], rows, period)
    return files


def police_nominals(people: People) -> Texts:
    """The key under which the police know each person. Shape (people,)."""
    order = np.argsort(people.nhs_number * 7919 % 1_000_003, kind="stable")
    numbers = np.empty(len(people), dtype=np.int64)
    numbers[order] = np.arange(len(people)) * 37 + 100_204
    return np.array([f"N{number:07d}" for number in numbers], dtype=object)


def _at(rows: pd.DataFrame, column: str = "at") -> np.ndarray[Any, np.dtype[np.int64]]:
    return rows[column].to_numpy(np.int64)


def _nhs(rows: pd.DataFrame, people: People) -> Texts:
    return of_person(rows["person"].to_numpy(), people.nhs_numbers)


def _grid(rows: pd.DataFrame) -> tuple[Texts, Texts]:
    easting, northing = to_national_grid(rows["latitude"].to_numpy(), rows["longitude"].to_numpy())
    return tuple(np.where(part < 0, "", part.astype(str)).astype(object) for part in (easting, northing))  # type: ignore[return-value]


_POLICE_CALLS = {"police_999": "999", "police_101": "101", "welfare_check_request": "WELFARE"}
_PREMISES = {"public": "PUB", "private": "RES", "": ""}


def _police_incidents(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    easting, northing = _grid(rows)
    return {
        "Log": numbered("L", len(rows)),
        "Call": rows["source"].map(_POLICE_CALLS).to_numpy(object),
        "Received": local_texts(_at(rows), DAY_AND_MINUTE),
        "Recorded": local_texts(_at(rows, "known"), DAY_AND_MINUTE),
        "Qualifier": rows["code"].to_numpy(object),
        "MH Flag": chosen(rows["crisis"].to_numpy(), "Y", "N"),
        "Nominal": of_person(rows["person"].to_numpy(), police_nominals(people)),
        "Easting": easting,
        "Northing": northing,
        "Location": rows["premises"].map(_PREMISES).to_numpy(object),
        "Result": pick(random, {"ATT": 6, "ADV": 2, "NFA": 2}, len(rows)),
    }


def _police_s136(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    rows = rows[rows["code"] != "SUITE"].reset_index(drop=True)
    easting, northing = _grid(rows)
    return {
        "Detention": numbered("D", len(rows)),
        "Date": local_texts(_at(rows), DAY),
        "Time": local_texts(_at(rows), "%H:%M"),
        "Form Received": local_texts(_at(rows, "known"), DAY_AND_MINUTE),
        "Nominal": of_person(rows["person"].to_numpy(), police_nominals(people)),
        "Easting": easting,
        "Northing": northing,
        "Taken To": pick(random, {"SUITE": 17, "ED": 3}, len(rows)),
    }


def _ambulance(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "incident_id": numbered("A", len(rows)),
        "call_time": utc_texts(_at(rows)),
        "record_time": utc_texts(_at(rows, "known")),
        "nhs_no": _nhs(rows, people),
        "complaint": rows["code"].to_numpy(object),
        "lat": decimals(rows["latitude"].to_numpy(), 5),
        "lon": decimals(rows["longitude"].to_numpy(), 5),
        "location": rows["premises"].replace("", "not recorded").to_numpy(object),
        "outcome": pick(random, {"conveyed": 5, "seen": 4, "advice": 1}, len(rows)),
    }


def _nhs_111(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "CaseRef": numbered("C", len(rows)),
        "Option": chosen((rows["source"] == "nhs_111_mh").to_numpy(), "2", "1"),
        "CallStart": offset_texts(_at(rows)),
        "CaseClosed": offset_texts(_at(rows, "known")),
        "NHSNumber": spaced(_nhs(rows, people)),
        "SymptomGroup": rows["code"].to_numpy(object),
        "Disposition": pick(random, {"SELF": 4, "GP": 3, "ED": 1, "999": 1, "CALLBACK": 2}, len(rows)),
    }


def _emergency_department(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "ATTENDANCE": numbered("E", len(rows)),
        "NHS_NUMBER": _nhs(rows, people),
        "ARRIVAL": local_texts(_at(rows), "%d-%b-%Y %H:%M"),
        "CODED_ON": local_texts(_at(rows, "known"), "%d-%b-%Y %H:%M"),
        "COMPLAINT": rows["code"].to_numpy(object),
        "DISPOSAL": pick(random, {"01": 2, "02": 4, "03": 3, "12": 1}, len(rows)),
    }


def _mental_health_contacts(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    kept, missed = pick(random, {"5": 9, "6": 1}, len(rows)), pick(random, {"3": 9, "7": 1}, len(rows))
    attended = np.where(rows["source"] == "mh_missed", missed, kept)
    cancelled = random.random(len(rows)) < 0.01
    # What is booked again and cancelled reaches the extract too; the mapping leaves it out.
    extra = rows[cancelled].reset_index(drop=True)
    both = pd.concat([rows, extra], ignore_index=True)
    code = np.concatenate([attended, pick(random, {"2": 2, "4": 1}, len(extra))])
    start = 1 if not rows["late_batch"].any() else 900_001
    return {
        "ContactId": numbered("M", len(both), start=start),
        "NHSNo": _nhs(both, people),
        "Appointment": local_texts(_at(both), ISO_MINUTE),
        "Entered": local_texts(_at(both, "known"), ISO_MINUTE),
        "Kind": both["code"].to_numpy(object),
        "Attended": code,
    }


def _inpatients(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "Movement": numbered("W", len(rows)),
        "Type": chosen((rows["source"] == "mh_admission").to_numpy(), "ADM", "DIS"),
        "NHSNo": _nhs(rows, people),
        "When": local_texts(_at(rows), ISO_MINUTE),
        "Until": local_texts(_at(rows, "ended"), ISO_MINUTE),
        "Entered": local_texts(_at(rows, "known"), ISO_MINUTE),
        "Ward": rows["code"].to_numpy(object),
    }


_CRISIS_SERVICES = {"crisis_line": "LINE", "crisis_house": "HOUSE", "s136": "SUITE"}


def _crisis_services(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    rows = rows[(rows["source"] != "s136") | (rows["code"] == "SUITE")].reset_index(drop=True)
    return {
        "Ref": numbered("R", len(rows)),
        "Service": rows["source"].map(_CRISIS_SERVICES).to_numpy(object),
        "NHSNo": _nhs(rows, people),
        "Start": local_texts(_at(rows), ISO_MINUTE),
        "End": local_texts(_at(rows, "ended"), ISO_MINUTE),
        "Entered": local_texts(_at(rows, "known"), ISO_MINUTE),
        "Reason": rows["code"].to_numpy(object),
        "Outcome": pick(random, {"SETTLED": 6, "REFERRED": 3, "ENDED": 1}, len(rows)),
    }


_REQUESTED_BY = {"partner": "PARTNER", "team_initiated": "TEAM", "follow_up": "FOLLOW-UP"}


def _street_triage(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    at, seen = _at(rows), (rows["source"] == "street_triage").to_numpy()
    minutes = np.cumsum(random.gamma(2.0, (4.0, 9.0, 28.0), (len(rows), 3)), axis=1)
    known = _at(rows, "known")
    # A job is logged when the team is free again, or later.
    times = np.minimum(at[:, None] + (minutes * 60).astype(np.int64), known[:, None])
    sent, arrived, cleared = np.where(seen, times.T, -1)
    return {
        "Job": numbered("T", len(rows)),
        "Kind": chosen(seen, "F2F", "TEL"),
        "Requested": utc_texts(at),
        "Sent": utc_texts(sent),
        "Arrived": utc_texts(arrived),
        "Cleared": utc_texts(cleared),
        "Logged": utc_texts(known),
        "NHSNo": spaced(_nhs(rows, people)),
        "By": rows["origin"].map(_REQUESTED_BY).to_numpy(object),
        "Lat": decimals(rows["latitude"].to_numpy(), 5),
        "Long": decimals(rows["longitude"].to_numpy(), 5),
        "Place": rows["premises"].str.upper().to_numpy(object),
        "Result": rows["code"].to_numpy(object),
        "Crew": chosen(random.random(len(rows)) < 0.5, "triage-1", "triage-2"),
    }


def _custody_liaison(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "Custody No": numbered("K", len(rows)),
        "Date": local_texts(_at(rows), DAY),
        "Hour": np.asarray(local_clock(_at(rows)).hour).astype(str).astype(object),
        "Recorded": local_texts(_at(rows, "known"), DAY_AND_MINUTE),
        "NHS Number": spaced(_nhs(rows, people)),
        "Need": rows["code"].to_numpy(object),
        "Onward": pick(random, {"YES": 4, "NO": 5, "DECLINED": 1}, len(rows)),
    }


def _fire_visits(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "visit_id": numbered("F", len(rows)),
        "visit_date": local_texts(_at(rows), "%Y-%m-%d"),
        "entered_date": local_texts(_at(rows, "known"), "%Y-%m-%d"),
        "nhs_number": _nhs(rows, people),
        "risk": rows["code"].to_numpy(object),
        "result": pick(random, {"done": 8, "no answer": 2}, len(rows)),
    }


def _social_care(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    return {
        "Case Event": numbered("S", len(rows)),
        "NHS": _nhs(rows, people),
        "Event Date": local_texts(_at(rows), DAY),
        "Added": local_texts(_at(rows, "known"), DAY),
        "Event Type": rows["code"].to_numpy(object),
        "Result": pick(random, {"Care Act – assessment": 2, "Advice given": 4, "Closed": 3}, len(rows)),
    }


def _gp(rows: pd.DataFrame, people: People, random: np.random.Generator) -> Columns:
    """No reference of their own, so one contact of a kind a day: their rows are named by person, day and kind."""
    columns: Columns = {
        "nhs_number": _nhs(rows, people),
        "date": local_texts(_at(rows), "%Y%m%d"),
        "extracted": local_texts(_at(rows, "known"), "%Y%m%d"),
        "code": rows["code"].to_numpy(object),
    }
    frame = pd.DataFrame(columns).drop_duplicates(["nhs_number", "date", "code"], ignore_index=True)
    return {name: frame[name].to_numpy(object) for name in columns}


_FILES: dict[str, tuple[tuple[str, ...], FileMaker]] = {
    "police_incidents.csv": (tuple(_POLICE_CALLS), _police_incidents),
    "police_s136.csv": (("s136",), _police_s136),
    "ambulance.csv": (("ambulance_999",), _ambulance),
    "nhs_111.csv": (("nhs_111", "nhs_111_mh"), _nhs_111),
    "ed_attendances.csv": (("ed_attendance",), _emergency_department),
    "mh_contacts.csv": (("mh_contact", "mh_missed"), _mental_health_contacts),
    "mh_contacts_late.csv": (("mh_contact", "mh_missed"), _mental_health_contacts),
    "mh_inpatients.csv": (("mh_admission", "mh_discharge"), _inpatients),
    "mh_crisis_services.csv": (("crisis_line", "crisis_house", "s136"), _crisis_services),
    "street_triage.csv": (("street_triage", "triage_advice"), _street_triage),
    "custody_liaison.csv": (("liaison_diversion",), _custody_liaison),
    "fire_visits.csv": (("fire_safe_and_well_visit",), _fire_visits),
    "social_care.csv": (("social_care",), _social_care),
    "gp_contacts.csv": (("gp",), _gp),
}


def _corrections(seed: int, incidents: Columns, rows: pd.DataFrame, period: Period) -> Columns:
    """Logs whose qualifier was wrong, sent again days later under the same number."""
    random = stream(seed, "corrections")
    own = rows[rows["source"].isin(tuple(_POLICE_CALLS)) & ~rows["late_batch"]].reset_index(drop=True)
    known = _at(own, "known") + random.integers(20, 220, len(own)) * SECONDS_PER_HOUR
    due = np.flatnonzero((own["source"] == "police_999").to_numpy() & (known < period.end))
    due = np.sort(random.choice(due, min(len(due), 140), replace=False))
    columns = {name: texts[due] for name, texts in incidents.items()}
    was = columns["MH Flag"] == "Y"
    columns["MH Flag"] = chosen(was, "N", "Y")
    columns["Qualifier"] = chosen(was, "CONC", "MH01")
    columns["Recorded"] = local_texts(known[due], DAY_AND_MINUTE)
    return columns
