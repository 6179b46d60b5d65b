"""Which file of which agency each contact is in."""

import numpy as np
from numpy.typing import NDArray

from crisisrisk.simulation.contacts import SOURCES, Contacts, code_numbers, source_number

FEEDS: dict[str, tuple[str, ...]] = {
    "police_incidents.csv": ("police_999", "police_101", "welfare_check_request"),
    "police_s136.csv": ("s136",),
    "missing_persons.csv": ("missing_person",),
    "btp_incidents.csv": ("btp",),
    "ambulance.csv": ("ambulance_999",),
    "nhs_111.csv": ("nhs_111", "nhs_111_mh"),
    "ed_attendances.csv": ("ed_attendance",),
    "mh_contacts.csv": ("mh_contact", "mh_missed"),
    "mh_contacts_late.csv": (),
    "mh_inpatients.csv": ("mh_admission", "mh_discharge"),
    "mh_crisis_services.csv": ("crisis_line", "crisis_house"),
    "s135_warrants.csv": ("s135",),
    "street_triage.csv": ("street_triage", "triage_advice"),
    "custody_liaison.csv": ("liaison_diversion",),
    "fire_visits.csv": ("fire_safe_and_well_visit",),
    "fire_calls.csv": ("fire",),
    "amhp_assessments.csv": ("amhp_assessment",),
    "social_care.csv": ("social_care",),
    "housing.csv": ("housing",),
    "gp_contacts.csv": ("gp",),
}
FILES: tuple[str, ...] = tuple(FEEDS)
_NUMBERS = {name: number for number, name in enumerate(FILES)}


def feeds_of(contacts: Contacts, late: NDArray[np.bool_]) -> NDArray[np.int8]:
    """The place in FILES of the file that each contact is in. Shape (contacts,).

    The suite's record of a detention is in the trust's file, the police's in their own; a late batch is a file apart.
    """
    of_source = np.zeros(len(SOURCES), dtype=np.int8)
    for name, sources in FEEDS.items():
        of_source[[source_number(source) for source in sources]] = _NUMBERS[name]
    found = of_source[contacts.source]
    suite = contacts.is_from("s136") & (contacts.code == code_numbers(["SUITE"])[0])
    found[suite] = _NUMBERS["mh_crisis_services.csv"]
    found[late] = _NUMBERS["mh_contacts_late.csv"]
    return np.asarray(found)
