"""The tables of a site in the MEDS format, and people gathered from data in that format.

MEDS 0.4 (Medical Event Data Standard, github.com/Medical-Event-Data-Standard/meds): one row is (subject_id, time, code,
numeric_value); a subject is in one file, together and in order of time, facts without a time first. Times are UTC.
It has one clock, by which a model may read all up to its moment: so `time` is when a thing was known, unless asked.
"""

import hashlib

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.tables.cell_values import encoded, one_chunk
from crisisrisk.timeline import FOREVER_US, MICROSECONDS_PER_DAY, Instants

VERSION = "0.4.1"
BIRTH, DEATH = "MEDS_BIRTH", "MEDS_DEATH"
TIME = pa.timestamp("us")
CLOCKS = ("known", "occurred")
NO_TIME = np.iinfo(np.int64).min

DATA = pa.schema(
    [
        pa.field("subject_id", pa.int64(), nullable=False),
        pa.field("time", TIME),
        pa.field("code", pa.string(), nullable=False),
        pa.field("numeric_value", pa.float32()),
        # What MEDS has no place for; extra columns are allowed.
        pa.field("source", pa.string()),
        pa.field("source_code", pa.string()),
        pa.field("outcome", pa.string()),
        pa.field("is_crisis", pa.bool_()),
        pa.field("occurred_at", TIME),
        pa.field("known_at", TIME),
    ]
)
CODES = pa.schema([
    pa.field("code", pa.string(), nullable=False),
    pa.field("description", pa.string()),
    pa.field("parent_codes", pa.list_(pa.string())),
])  # fmt: skip
EVENT_COLUMNS = ("person_id", "occurred_at", "known_at", "superseded_at", "source", "code", "outcome", "is_crisis",
                 "value")  # fmt: skip
MODIFIERS = ("outcome",)
PEOPLE_GATHERED = pa.schema(
    [("subject_id", pa.int64()), ("since", TIME), ("birth_year", pa.int32()), ("died_at", TIME)]
)


# To MEDS


def subject_numbers(pseudonyms: list[str]) -> NDArray[np.int64]:
    """A number of 63 bits for each pseudonym: the same one always, and no way back to it. Shape (pseudonyms,)."""
    digests = [hashlib.sha256(f"meds subject {name}".encode()).digest()[:8] for name in pseudonyms]
    return np.array([int.from_bytes(digest, "big") >> 1 for digest in digests], dtype=np.int64)


def meds_rows(events: pa.Table, people: pa.Table, *, clock: str, leave_out: frozenset[str] = frozenset()) -> pa.Table:
    """Everything of the people of one bucket, by subject and time.

    The last version of each contact, as `source//code`; birth (1 January of the year), death, sex, ethnicity and
    deprivation as codes. `clock` "known": `time` is when it had occurred and was known, which no model can read too
    early; "occurred": when it occurred. `leave_out`: pseudonyms of people who are not exported.
    """
    rows = pa.concat_tables([_contacts(events, clock), *_facts(people, clock)])
    names = one_chunk(rows["person"]).dictionary_encode()
    numbers = subject_numbers(names.dictionary.to_pylist())
    kept = pc.invert(pc.is_in(rows["person"], value_set=pa.array(sorted(leave_out), pa.string())))
    subject = numbers[np.asarray(names.indices)] if len(numbers) else np.zeros(0, dtype=np.int64)
    rows = rows.drop_columns(["person"]).add_column(0, DATA.field("subject_id"), pa.array(subject)).filter(kept)
    time = np.asarray(one_chunk(rows["time"]).cast(pa.int64()).fill_null(NO_TIME))
    code = one_chunk(rows["code"]).dictionary_encode()
    in_order = np.argsort(np.argsort(np.array(code.dictionary.to_pylist(), dtype=object), kind="stable"))
    order = np.lexsort((in_order[np.asarray(code.indices)], time, np.asarray(rows["subject_id"])))
    return rows.take(pa.array(order)).select(DATA.names).cast(DATA)


_ROWS = pa.schema([pa.field("person", pa.string()), *[field for field in DATA if field.name != "subject_id"]])


def _contacts(events: pa.Table, clock: str) -> pa.Table:
    final = np.asarray(_instants(events, "superseded_at") >= FOREVER_US) & np.asarray(events["person_id"].is_valid())
    events = events.filter(pa.array(final))
    occurred, known = _instants(events, "occurred_at"), _instants(events, "known_at")
    source, code = (events[name].cast(pa.string()) for name in ("source", "code"))
    columns = {
        "person": events["person_id"].cast(pa.string()),
        "time": _times(np.maximum(occurred, known) if clock == "known" else occurred),
        "code": pc.binary_join_element_wise(source, code, "//", null_handling="replace", null_replacement=""),
        "numeric_value": events["value"].cast(pa.float32()),
        "source": source,
        "source_code": code,
        "outcome": events["outcome"].cast(pa.string()),
        "is_crisis": events["is_crisis"],
        "occurred_at": _times(occurred),
        "known_at": _times(known),
    }
    return pa.table(columns).select(_ROWS.names).cast(_ROWS)


def _facts(people: pa.Table, clock: str) -> list[pa.Table]:
    """What the register says: facts without a time by its last version, dated ones by every version."""
    if not people.num_rows:
        return []
    known, since = _instants(people, "known_at"), _instants(people, "valid_from")
    last = people.take(pa.array(_last_versions(people, known, since)))
    years = last.filter(last["birth_year"].is_valid())
    born = np.array([f"{year}-01-01" for year in years["birth_year"].to_pylist()], dtype="datetime64[us]")
    died = last.filter(last["died_at"].is_valid())
    at = _instants(died, "died_at")
    at = np.maximum(at, _instants(died, "known_at")) if clock == "known" else at
    dated = np.maximum(known, since) if clock == "known" else since
    decile = people["deprivation_decile"]
    return [
        _fact(years, BIRTH, pa.array(born, TIME)),
        _fact(died, DEATH, _times(at)),
        *(_fact(last.filter(last[name].is_valid()), name) for name in ("sex", "ethnicity")),
        _fact(people, "DEPRIVATION_DECILE", _times(dated), decile.cast(pa.float32())).filter(decile.is_valid()),
    ]


def _fact(people: pa.Table, code: str, time: pa.Array | None = None, value: pa.ChunkedArray | None = None) -> pa.Table:
    """One code for each row, or where `code` is a column one for each text of it, without a time."""
    codes = pa.array([code] * people.num_rows, pa.string())
    if code in people.column_names:
        codes = pc.binary_join_element_wise(pa.scalar(code.upper()), people[code].cast(pa.string()), "//")
    given = {"person": people["person_id"].cast(pa.string()), "code": codes, "time": time, "numeric_value": value}
    columns = [
        given[field.name] if given.get(field.name) is not None else pa.nulls(people.num_rows, field.type)
        for field in _ROWS
    ]
    return pa.table(columns, names=_ROWS.names).cast(_ROWS)


def _last_versions(people: pa.Table, known: Instants, since: Instants) -> NDArray[np.int64]:
    person = encoded(one_chunk(people["person_id"])).codes
    order = np.lexsort((since, known, person))
    last = np.append(person[order][1:] != person[order][:-1], True)
    return np.sort(order[last])


def code_table(codes: set[str], meanings: dict[str, str]) -> pa.Table:
    """metadata/codes.parquet. `meanings`: what a source is called, for the first part of a code."""
    ordered = sorted(codes)
    described = [meanings.get(code.split("//")[0]) for code in ordered]
    return pa.table([ordered, described, [None] * len(ordered)], schema=CODES)


# From MEDS


def dated_rows(table: pa.Table) -> pa.Table:
    """The rows that have a time, with the optional column `numeric_value` where it was left out."""
    rows = table.filter(table["time"].is_valid())
    if "numeric_value" not in rows.column_names:
        rows = rows.append_column("numeric_value", pa.nulls(rows.num_rows, pa.float32()))
    return rows


def people_gathered(table: pa.Table) -> pa.Table:
    """The register that MEDS rows amount to: each subject from its first row other than birth, and again from death.

    A death is a later state, known when it happened: the first one does not tell of it.
    """
    subject = np.asarray(table["subject_id"])
    code = table["code"].cast(pa.string())
    time = np.asarray(table["time"].cast(pa.int64()).fill_null(FOREVER_US))
    subjects, place = np.unique(subject, return_inverse=True)
    born, died, since = (np.full(len(subjects), FOREVER_US) for _ in range(3))
    is_birth, is_death = (np.asarray(pc.equal(code, name)) for name in (BIRTH, DEATH))
    for moments, rows in ((born, is_birth), (died, is_death), (since, ~is_birth)):
        np.minimum.at(moments, place[rows], time[rows])
    # Somebody of whom nothing but birth or facts without a time are told is nobody's contact.
    seen = since < FOREVER_US
    year = np.where(born < FOREVER_US, 1970 + _years_since_1970(born), 0)
    both = [_states(subjects, since, year, np.full(len(subjects), FOREVER_US), seen)]
    both.append(_states(subjects, died, year, died, seen & (died < FOREVER_US)))
    return pa.concat_tables(both).sort_by([("subject_id", "ascending"), ("since", "ascending")])


def _years_since_1970(moments: Instants) -> NDArray[np.int64]:
    days = np.where(moments < FOREVER_US, moments, 0) // MICROSECONDS_PER_DAY
    return days.astype("datetime64[D]").astype("datetime64[Y]").astype(np.int64)


def _states(
    subjects: NDArray[np.int64], since: Instants, year: NDArray[np.int64], died: Instants, rows: NDArray[np.bool_]
) -> pa.Table:
    return pa.table(
        [
            pa.array(subjects[rows]),
            _times(since[rows]),
            pa.array(year[rows].astype(np.int32), mask=year[rows] == 0),
            _times(died[rows]),
        ],
        schema=PEOPLE_GATHERED,
    )


def _instants(table: pa.Table, name: str) -> Instants:
    return np.asarray(one_chunk(table[name]).cast(pa.int64()).fill_null(FOREVER_US))


def _times(moments: Instants) -> pa.Array:
    return pa.array(moments, mask=moments >= FOREVER_US).cast(TIME)
