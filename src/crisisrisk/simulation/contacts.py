"""The columns that every part of the city writes contacts into, before any agency records them.

Sources and codes are small whole numbers here, so that millions of contacts stay in a few arrays; the agencies'
writers turn them into each agency's own words.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Int8 = NDArray[np.int8]
Int16 = NDArray[np.int16]
Int32 = NDArray[np.int32]
Int64 = NDArray[np.int64]

SOURCES: tuple[str, ...] = (
    "police_999", "police_101", "ambulance_999", "nhs_111", "nhs_111_mh", "ed_attendance", "s136", "s135",
    "street_triage", "triage_advice", "crisis_line", "crisis_house", "mh_contact", "mh_missed", "mh_admission",
    "mh_discharge", "liaison_diversion", "welfare_check_request", "fire_safe_and_well_visit", "btp",
    "amhp_assessment", "missing_person", "fire", "housing", "social_care", "gp",
)  # fmt: skip
ORIGINS: tuple[str, ...] = ("", "public", "partner", "team_initiated", "follow_up")
PREMISES: tuple[str, ...] = ("", "public", "private")
NOBODY, NOT_ENDED, NO_INCIDENT = -1, -1, -1

# Every word that an agency writes as a code or as an outcome. The first, empty, leaves the outcome to the desk.
CODES: tuple[str, ...] = (
    "",
    # police calls, and the railways'
    "MH01", "MH02", "CONC", "DIST", "ASB2", "DOM1", "NUIS", "LOST", "NOSEEN", "MISS", "TRESP", "TRACK", "VULN",
    # what the police did
    "ATT", "ADV", "NFA",
    # reports of people missing: from where
    "HOME", "HOSPITAL", "CARE",
    # ambulance
    "PSYCH", "UNWELL", "ALCOHOL", "FALL", "CHEST", "conveyed", "seen", "advice",
    # NHS 111
    "PAIN", "BREATH", "MEDS", "DENTAL", "OTHER", "MHCRIS", "MHADV", "MHMEDS", "SELF", "GP", "ED", "999", "CALLBACK",
    # emergency department, with its codes of disposal
    "MHP1", "MHP2", "UNW", "INJ", "ABDO", "ALC", "01", "02", "03", "12",
    # crisis line, crisis house, suite
    "CRISIS", "DISTRESS", "STAY", "DETAINED", "SUITE", "SETTLED", "REFERRED", "ENDED",
    # warrants and assessments under the Mental Health Act
    "WARRANT", "SEC2", "SEC3", "INFORMAL", "COMMUNITY", "NOT DETAINED",
    # street triage: what came of a job
    "ASSESSED", "SAFETY PLAN", "NOT SEEN", "ADVICE", "HISTORY SHARED", "CONVEYED", "ED AVOIDED", "S136 AVOIDED",
    # the trust's appointments and wards
    "CPN", "OPA", "PHONE", "GROUP", "DUTY", "HOME VISIT", "ACUTE", "PICU", "OLDER",
    # custody liaison and diversion: the need, and what was done
    "MH", "ACCOM", "FINANCE", "SUBST", "PHYSICAL", "LEARN", "SOCIAL", "SCREENED", "YES", "NO", "DECLINED",
    # fire service
    "HOARD", "SMOKE", "ALARM", "ENTRY", "ASSIST", "DWELLING", "done", "no answer",
    # housing and social care
    "ARREARS", "NOISE", "REPAIR", "NOTICE", "HOMELESS", "REVIEW", "CONTACT", "SAFEG", "CARER", "BENEFIT",
    # GPs
    "CONSULT", "MEDREV", "SICKNOTE", "ANXLOW",
)  # fmt: skip
_SOURCE_NUMBERS = {name: number for number, name in enumerate(SOURCES)}
_CODE_NUMBERS = {text: number for number, text in enumerate(CODES)}


@dataclass(frozen=True, kw_only=True)
class Contacts:
    """Contacts, one in each place of every array, all of shape (contacts,).

    `source`, `code`, `outcome`, `premises` and `origin` are places in SOURCES, CODES, CODES, PREMISES and ORIGINS.
    `at` and `ended` are int64 seconds since 1970 UTC, `ended` -1 where nothing ends. `person` is the person's number,
    -1 where it is nobody known to the services. `crisis`: the agency itself says that this is a mental-health crisis.
    `latitude` and `longitude` are NaN where the agency notes no place. `incident` is shared by all contacts of one
    incident, -1 where there is none. `outcome` 0 is left to the desk that records the contact.
    """

    source: Int8
    at: Int64
    person: Int32
    code: Int16
    outcome: Int16
    crisis: NDArray[np.bool_]
    latitude: NDArray[np.float64]
    longitude: NDArray[np.float64]
    premises: Int8
    origin: Int8
    ended: Int64
    incident: Int64

    def __len__(self) -> int:
        return len(self.at)

    def taken(self, order: NDArray[Any]) -> "Contacts":
        """The contacts of a mask or of places, in that order."""
        return Contacts(**{name: getattr(self, name)[order] for name in COLUMNS})

    def of(self, *sources: str) -> "Contacts":
        """The contacts of some sources."""
        return self.taken(self.is_from(*sources))

    def is_from(self, *sources: str) -> NDArray[np.bool_]:
        """Which contacts are of one of some sources. Shape (contacts,)."""
        chosen = np.zeros(len(SOURCES), dtype=bool)
        chosen[[source_number(name) for name in sources]] = True
        return np.asarray(chosen[self.source])

    @staticmethod
    def concatenated(parts: Sequence["Contacts"]) -> "Contacts":
        """One after another; no parts give no contacts."""
        if not parts:
            return contacts("gp", np.empty(0, dtype=np.int64), np.empty(0, dtype=np.int32))
        return Contacts(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in COLUMNS})


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Contacts))
# Values and types of a contact that does not say.
_DEFAULTS: dict[str, tuple[Any, Any]] = {
    "code": (0, np.int16),
    "outcome": (0, np.int16),
    "crisis": (False, np.bool_),
    "latitude": (np.nan, np.float64),
    "longitude": (np.nan, np.float64),
    "premises": (0, np.int8),
    "origin": (0, np.int8),
    "ended": (NOT_ENDED, np.int64),
    "incident": (NO_INCIDENT, np.int64),
}
_WORDS: dict[str, tuple[str, ...]] = {"code": CODES, "outcome": CODES, "premises": PREMISES, "origin": ORIGINS}


def contacts(source: str, at: ArrayLike, person: ArrayLike, **columns: Any) -> Contacts:
    """Contacts of one source: instants, people (-1 where it is nobody known), and any other columns of Contacts.

    Each column is an array of shape (contacts,) or one value for all; `code`, `outcome`, `premises` and `origin` may
    also be one text. Raises TypeError for a column that no contact has, KeyError for a text that is not declared here.
    """
    if unknown := set(columns) - set(_DEFAULTS):
        raise TypeError(f"no columns of a contact: {sorted(unknown)}")
    instants = np.asarray(at, dtype=np.int64)
    filled = {name: _filled(name, columns.get(name), instants.shape) for name in _DEFAULTS}
    return Contacts(
        source=np.full(len(instants), source_number(source), dtype=np.int8),
        at=instants,
        person=_of_shape(person, np.int32, instants.shape),
        **filled,
    )


def _filled(name: str, value: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    default, kind = _DEFAULTS[name]
    if isinstance(value, str):
        value = number_of(value, _WORDS[name])
    return _of_shape(default if value is None else value, kind, shape)


def _of_shape(value: Any, kind: Any, shape: tuple[int, ...]) -> NDArray[Any]:
    return np.array(np.broadcast_to(np.asarray(value, dtype=kind), shape))


def source_number(source: str) -> int:
    """The place of a source in SOURCES. Raises KeyError for a source that is not declared."""
    return _SOURCE_NUMBERS[source]


def number_of(text: str, words: tuple[str, ...] = CODES) -> int:
    """The place of a text among the declared ones. Raises KeyError for one that is not."""
    numbers = _CODE_NUMBERS if words is CODES else {word: number for number, word in enumerate(words)}
    return numbers[text]


def code_numbers(texts: Iterable[str]) -> Int16:
    """The places of several texts in CODES, in their order."""
    return np.array([_CODE_NUMBERS[text] for text in texts], dtype=np.int16)


def pick_codes(random: np.random.Generator, weights: dict[str, float], count: int) -> Int16:
    """`count` codes, each with the chance given by its weight, as places in CODES. Shape (count,)."""
    chances = np.cumsum(np.fromiter(weights.values(), dtype=np.float64))
    drawn = np.searchsorted(chances, random.random(count) * chances[-1], side="right")
    return np.asarray(code_numbers(weights)[np.minimum(drawn, len(weights) - 1)])


# How each agency says that a contact is a mental-health crisis: by a flag, by its codes, or by being what it is.
FLAGGING_SOURCES = frozenset({"police_999", "police_101", "welfare_check_request", "btp"})
CRISIS_CODES: dict[str, frozenset[str]] = {
    "ambulance_999": frozenset({"PSYCH"}),
    "ed_attendance": frozenset({"MHP1", "MHP2"}),
    "nhs_111": frozenset({"MHCRIS"}),
    "nhs_111_mh": frozenset({"MHCRIS"}),
}
CRISIS_SOURCES = frozenset({"s136", "s135", "street_triage", "crisis_line", "mh_admission"})


def says_crisis(source: str, code: Int16, flagged: ArrayLike = False) -> NDArray[np.bool_]:
    """Whether the agency's own record calls each contact a crisis, `flagged` where it has a flag. Shape (contacts,)."""
    if source in FLAGGING_SOURCES:
        return np.array(np.broadcast_to(np.asarray(flagged, dtype=np.bool_), code.shape))
    if source in CRISIS_SOURCES:
        return np.ones(code.shape, dtype=np.bool_)
    return np.isin(code, code_numbers(sorted(CRISIS_CODES.get(source, ()))))
