"""What a mapping cannot say about CTN-0094: the day each record became known, the end of observation, the outcome flag.

    python tests/acceptance/ctn0094/prepare.py FOLDER_OF_THE_REAL_FILES FOLDER_TO_WRITE_TO

Days count from each person's consent. A record of day d is known from day d on, and an as-of moment is the start of a
day, so a forecast made on day d sees what was known on day d - 1 or before.
"""

import sys
from pathlib import Path

import numpy as np
import pandas as pd

OPIOIDS = (
    "Heroin", "Opioid", "Oxycodone", "Hydrocodone", "Morphine", "Codeine", "Hydromorphone", "Fentanyl", "Opium",
    "Oxymorphone", "Tramadol", "Propoxyphene", "Merperidine", "Nalbuphine",
)  # fmt: skip
# Days from consent to the last scheduled visit: weeks 32, 36 and 36 of the three trials.
FOLLOW_UP_DAYS = {27: 224, 30: 252, 51: 252}
EPOCH_YEAR = 2001


def prepare(real_data: Path, target: Path) -> None:
    """Write `events.csv`, `people.csv` and `caseloads.csv` into `target`."""
    target.mkdir(parents=True, exist_ok=True)
    events = pd.read_csv(real_data / "ctn0094_events.csv.gz")
    persons = pd.read_csv(real_data / "ctn0094_persons.csv.gz")
    prepared = prepared_events(events)
    prepared.to_csv(target / "events.csv", index=False)
    people_states(prepared, persons).to_csv(target / "people.csv", index=False)
    caseloads(prepared, persons).to_csv(target / "caseloads.csv", index=False)


def prepared_events(events: pd.DataFrame) -> pd.DataFrame:
    """The events with `known_day`, `opioid_use` (yes or no), a code for every row, and a number as id."""
    table = events.copy()
    table["known_day"] = known_days(table)
    opioid = table["event_type"].isin(["use_self_report", "use_lab_positive"]) & table["detail"].isin(OPIOIDS)
    table["opioid_use"] = np.where(opioid, "yes", "no")
    table["detail"] = table["detail"].fillna(table["event_type"])
    return table.assign(event_number=np.arange(len(table)))


def known_days(events: pd.DataFrame) -> pd.Series:
    """Self-reports are told at the next attended visit, that day's own included, else with the person's last record.

    Everything else, laboratory results included, is known on its day: the urine screens are read at the visit.
    """
    order = events[["person_id", "day"]].sort_values("day")
    visits = events.loc[events["event_type"] == "visit_attended", ["person_id", "day"]].drop_duplicates()
    visits = visits.assign(visit_day=visits["day"]).sort_values("day")
    told = pd.merge_asof(order.reset_index(), visits, on="day", by="person_id", direction="forward")
    told_day = told.set_index("index")["visit_day"].reindex(events.index)
    last_day = events.groupby("person_id")["day"].transform("max")
    self_report = events["event_type"] == "use_self_report"
    return events["day"].where(~self_report, told_day.fillna(last_day)).astype(int)


def people_states(events: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    """Two versions of each person: as taken in, and with the end of observation from the day it became known.

    Observation ends with the person's last record or the trial's follow-up, whichever comes first; `valid_to_day` is
    the day after it. Persons without any record are taken in on day 0 and end there.
    """
    days = records_of_persons(events, persons)
    state = pd.DataFrame(
        {
            "person_id": persons["person_id"],
            "valid_from_day": days["first_day"],
            "known_day": days["first_known_day"],
            "birth_year": (EPOCH_YEAR - persons["age"]).astype("Int64"),
            "sex": persons["is_male"].map({"Yes": "male", "No": "female"}).fillna("unknown"),
            "ethnicity": persons["race"].mask(persons["is_hispanic"] == "Yes", "Hispanic"),
            "valid_to_day": pd.array([pd.NA] * len(persons), dtype="Int64"),
        }
    )
    ended = state.assign(known_day=days["last_day"], valid_to_day=(days["last_day"] + 1).astype("Int64"))
    # Two versions known on one day would leave open which counts; then the person ended on the day of coming.
    return pd.concat([state[state["known_day"] < ended["known_day"]], ended])


def records_of_persons(events: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    """For each person the first day, the first known day and the last day within the follow-up; 0 without records."""
    by_person = events.groupby("person_id")
    found = {
        "first_day": by_person["day"].min(),
        "first_known_day": by_person["known_day"].min(),
        "last_day": by_person["day"].max(),
    }
    days = pd.DataFrame(found).reindex(persons["person_id"]).fillna(0).astype(int).reset_index(drop=True)
    return days.assign(last_day=np.minimum(days["last_day"], persons["trial"].map(FOLLOW_UP_DAYS)))


def caseloads(events: pd.DataFrame, persons: pd.DataFrame) -> pd.DataFrame:
    """Each trial as the team that cares for its people."""
    days = records_of_persons(events, persons)
    team = "trial_" + persons["trial"].astype(str)
    return pd.DataFrame({"person_id": persons["person_id"], "team_id": team, "known_day": days["first_known_day"]})


if __name__ == "__main__":
    prepare(Path(sys.argv[1]), Path(sys.argv[2]))
