"""What emergency services send: two police forces, ambulance, NHS 111, the emergency department, the fire service."""

import numpy as np

from crisisrisk.simulation.contacts import CODES
from crisisrisk.simulation.defects import NEW_CODES
from crisisrisk.simulation.pages import Page
from crisisrisk.simulation.period import SECONDS_PER_HOUR
from crisisrisk.simulation.texts import (
    CLOCK,
    DAY,
    DAY_AND_MINUTE,
    ISO_DAY,
    ISO_MINUTE,
    Columns,
    Texts,
    chosen,
    local_texts,
    offset_texts,
    taken_columns,
    utc_texts,
    word_table,
)

POLICE_CALLS = {"police_999": "999", "police_101": "101", "welfare_check_request": "WELFARE"}
_WITH_NAME_OF_MONTH = "%d-%b-%Y %H:%M"
# One in eighty of the logs of emergency calls said the wrong thing at first.
_CORRECTED = 0.0125
_CORRECTED_AFTER_HOURS = (20, 220)


def police_incidents(page: Page) -> Columns:
    """Calls to the police and requests for welfare checks, with the force's own key of a person."""
    easting, northing = page.grid()
    return {
        "Log": page.references("L"),
        "Call": page.sources(POLICE_CALLS),
        "Received": local_texts(page.at, DAY_AND_MINUTE),
        "Recorded": local_texts(page.known, DAY_AND_MINUTE),
        "Qualifier": page.codes(),
        "MH Flag": chosen(page.crisis, "Y", "N"),
        "Nominal": page.police_key(),
        "Surname": page.surname(),
        "Forename": page.forename(),
        "Birth Date": page.birth_date(),
        "Address": page.address(),
        "Easting": easting,
        "Northing": northing,
        "Location": page.premises("PUB", "RES"),
        "Result": page.outcomes({"ATT": 6, "ADV": 2, "NFA": 2}),
    }


def corrected(page: Page, columns: Columns, end: int) -> tuple[Columns, Columns]:
    """Logs as first sent, some of them wrong, and those again, right, days later and under the same number."""
    count = len(page)
    later = page.known + page.random.integers(*_CORRECTED_AFTER_HOURS, count) * SECONDS_PER_HOUR
    due = page.is_from("police_999") & (page.random.random(count) < _CORRECTED) & (later < end)
    right = taken_columns(columns, due) | {"Recorded": local_texts(later[due], DAY_AND_MINUTE)}
    rows = np.flatnonzero(due)
    flags = ["N" if crisis else "Y" for crisis in page.crisis[due]]
    codes = ["CONC" if crisis else "MH01" for crisis in page.crisis[due]]
    first = {
        "MH Flag": columns["MH Flag"].with_cells(rows, flags),
        "Qualifier": columns["Qualifier"].with_cells(rows, codes),
    }
    return columns | first if len(rows) else columns, right


def police_s136(page: Page) -> Columns:
    """Detentions as the police record them: the date and the time of day apart."""
    easting, northing = page.grid()
    return {
        "Detention": page.references("D"),
        "Date": local_texts(page.at, DAY),
        "Time": local_texts(page.at, CLOCK),
        "Form Received": local_texts(page.known, DAY_AND_MINUTE),
        "Nominal": page.police_key(),
        "Surname": page.surname(),
        "Forename": page.forename(),
        "Birth Date": page.birth_date(),
        "Easting": easting,
        "Northing": northing,
        "Taken To": page.outcomes({"SUITE": 17, "ED": 3}),
    }


def missing_persons(page: Page) -> Columns:
    """Reports of people missing, and when they were back."""
    return {
        "Report": page.references("MP"),
        "Reported": local_texts(page.at, DAY_AND_MINUTE),
        "Recorded": local_texts(page.known, DAY_AND_MINUTE),
        "Returned": local_texts(page.ended, DAY_AND_MINUTE),
        "Missing From": page.codes(),
        "Nominal": page.police_key(),
        "Surname": page.surname(),
        "Forename": page.forename(),
        "Birth Date": page.birth_date(),
        "Address": page.address(),
    }


def btp_incidents(page: Page) -> Columns:
    """Incidents on the railways: no key of a person, names in one column."""
    latitude, longitude = page.degrees()
    return {
        "incident": page.references("B"),
        "reported": local_texts(page.at, ISO_MINUTE),
        "entered": local_texts(page.known, ISO_MINUTE),
        "type": page.codes(),
        "mental_health": chosen(page.crisis, "yes", "no"),
        "latitude": latitude,
        "longitude": longitude,
        "name": page.forename().beside(page.surname(), " "),
        "born": page.birth_date(ISO_DAY),
    }


def ambulance(page: Page) -> Columns:
    """Ambulance incidents: UTC, degrees, the service's own number of a person."""
    latitude, longitude = page.degrees()
    return {
        "incident_id": page.references("A"),
        "call_time": utc_texts(page.at),
        "record_time": utc_texts(page.known),
        "patient_id": page.ambulance_key(),
        "patient": page.forename().beside(page.surname(), " "),
        "birth_date": page.birth_date(ISO_DAY),
        "address": page.address(),
        "complaint": _complaints(page),
        "lat": latitude,
        "lon": longitude,
        "location": page.premises("public", "private", "not recorded"),
        "outcome": page.outcomes({"conveyed": 5, "seen": 4, "advice": 1}),
    }


def _complaints(page: Page) -> Texts:
    """Complaint codes, by another list from the moment at which the service replaces them."""
    later = np.where(page.at >= page.new_codes_from, len(CODES), 0)
    words = word_table([*CODES, *(NEW_CODES.get(word, word) for word in CODES)])
    return words.taken(page.rows["code"] + later)


def nhs_111(page: Page) -> Columns:
    """Calls to NHS 111; option 2 is the mental-health line."""
    return {
        "CaseRef": page.references("C"),
        "Option": chosen(page.is_from("nhs_111_mh"), "2", "1"),
        "CallStart": offset_texts(page.at),
        "CaseClosed": offset_texts(page.known),
        "NHSNumber": page.nhs(spaced=True),
        "SymptomGroup": page.codes(),
        "Disposition": page.outcomes({"SELF": 4, "GP": 3, "ED": 1, "999": 1, "CALLBACK": 2}),
    }


def emergency_department(page: Page) -> Columns:
    """Attendances, coded after the person has left."""
    return {
        "ATTENDANCE": page.references("E"),
        "NHS_NUMBER": page.nhs(),
        "ARRIVAL": local_texts(page.at, _WITH_NAME_OF_MONTH),
        "CODED_ON": local_texts(page.known, _WITH_NAME_OF_MONTH),
        "COMPLAINT": page.codes(),
        "DISPOSAL": page.outcomes({"01": 2, "02": 4, "03": 3, "12": 1}),
    }


def fire_calls(page: Page) -> Columns:
    """Calls that the fire service went to; nobody is named."""
    easting, northing = page.grid()
    return {
        "call": page.references("FC"),
        "time_of_call": offset_texts(page.at),
        "entered": offset_texts(page.known),
        "type": page.codes(),
        "easting": easting,
        "northing": northing,
        "property": page.premises("outdoors", "dwelling"),
    }


def fire_visits(page: Page) -> Columns:
    """Safe and well visits: dates only."""
    return {
        "visit_id": page.references("F"),
        "visit_date": local_texts(page.at, ISO_DAY),
        "entered_date": local_texts(page.known, ISO_DAY),
        "nhs_number": page.nhs(),
        "risk": page.codes(),
        "result": page.outcomes({"done": 8, "no answer": 2}),
    }
