"""Files that are not what they should be are refused as a whole, with words that say what to do."""

import gzip
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.lib.table_sites import make_site, write_mapping

from crisisrisk.commands.data import data_status, load_files
from crisisrisk.errors import CrisisRiskError, DataError, MappingError
from crisisrisk.tables.site import Site
from crisisrisk.tables.store import Store

MAPPING = """table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at" }
known_at = { delay_hours = 1 }
source = { constant = "police_999" }
code = "code"
value = "value"
"""
HEADER = "id,at,code,value\n"
GOOD = HEADER + "".join(f"{number},2026-01-{number + 10},A,1\n" for number in range(15))


@pytest.fixture
def site(tmp_path: Path) -> Site:
    return make_site(tmp_path)


def refused(site: Site, content: bytes, *, name: str = "calls.csv", mapping: str = MAPPING) -> CrisisRiskError:
    """The error of a load, after making sure that nothing was loaded and that the refusal was written down."""
    path = site.path / name
    path.write_bytes(content)
    with pytest.raises((DataError, MappingError)) as caught:
        load_files(site, [path], write_mapping(site, mapping))
    with pytest.raises(DataError) as nothing:
        Store(site).snapshot()
    assert nothing.value.code == "CR-DATA-005"
    assert list(site.data.glob("staging-*")) == []
    (written,) = [pq.read_table(one).to_pylist() for one in site.quarantine.glob("file-*.parquet")]
    assert (written[0]["file"], written[0]["row"]) == (name, None)
    assert written[0]["rule"].startswith(caught.value.code)
    return caught.value


@pytest.mark.parametrize(
    ("content", "code", "problem", "found"),
    [
        (b"", "CR-DATA-002", "the file is empty", None),
        (b"\n\n", "CR-DATA-002", "the file is empty", None),
        (HEADER.encode(), "CR-DATA-002", "the file has a header and no rows", None),
        (GOOD.encode().replace(b"3,2026", b"3\x00,2026"), "CR-DATA-003",
         "the file has a NUL byte, which no text has", None),
        (GOOD.encode().replace(b"A,1\n7", b"caf\xe9,1\n7"), "CR-DATA-003", "the file is not in the encoding utf-8",
         "byte 0xe9"),
        (GOOD.replace("2026-01-", "1/").encode(), "CR-DATA-004", 'column "at" is no longer what the mapping says',
         "15 of 15 filled cells cannot be read"),
        (GOOD.replace("A,1\n", "A,one\n").encode(), "CR-DATA-004", 'column "value" is no longer what the mapping says',
         "15 of 15 filled cells cannot be read"),
        (GOOD.replace("A,1\n", "A,1,9\n").encode(), "CR-DATA-003",
         "most lines do not have as many fields as the header",
         "other numbers in 15 of 15 lines"),
        (GOOD.replace("code", "Code").encode(), "CR-MAP-004", "mapping.toml names a column that the file does not have",
         "id, at, Code, value"),
        (GOOD.replace(",code", "").encode(), "CR-MAP-004", "mapping.toml names a column that the file does not have",
         "id, at, value"),
        (GOOD.replace("value", "code").encode(), "CR-MAP-004", "a column that the mapping names is there twice",
         "code"),
        (GOOD.replace(",", ";").encode(), "CR-MAP-004", "mapping.toml names 4 columns that the file does not have",
         "id;at;code;value"),
    ],
)  # fmt: skip
def test_a_file_that_is_not_what_it_should_be_is_refused(
    site: Site, content: bytes, code: str, problem: str, found: str | None
) -> None:
    error = refused(site, content)
    assert (error.code, error.problem, error.found) == (code, problem, found)


def test_a_renamed_column_is_named_with_the_nearest_one(site: Site) -> None:
    error = refused(site, GOOD.replace("code", "Code").encode())
    assert (error.where, error.wanted) == ("calls.csv, header", '"code"')
    assert error.hint == 'did you mean "Code"? · nothing was loaded'


def test_a_wrong_delimiter_is_guessed_at(site: Site) -> None:
    error = refused(site, GOOD.replace(",", ";").encode())
    assert error.hint == "the header has no ','; say  delimiter = ';'  in the mapping · nothing was loaded"


def test_the_line_of_a_byte_that_is_not_text_is_named(site: Site) -> None:
    error = refused(site, GOOD.encode().replace(b"A,1\n7", b"caf\xe9,1\n7"))
    assert error.where == "calls.csv line 8"
    assert error.hint == 'if it came from Windows, say  encoding = "cp1252"  in the mapping'


@pytest.mark.parametrize("kept", [20, 40, -9, -1])
def test_a_truncated_gzip_is_refused(site: Site, kept: int) -> None:
    error = refused(site, gzip.compress(GOOD.encode() * 50)[:kept], name="calls.csv.gz")
    assert error.code in ("CR-DATA-002", "CR-DATA-003")
    assert error.problem == "the gzip is damaged or was cut short"


def test_an_unending_quote_is_refused(site: Site) -> None:
    error = refused(site, (GOOD + '99,2026-01-01,"A,1\n').encode() + b"x,y\n" * 10)
    assert error.code == "CR-DATA-003"


def test_a_truncated_parquet_is_refused(site: Site, tmp_path: Path) -> None:
    pq.write_table(
        pa.table({"id": ["1"], "at": ["2026-01-01"], "code": ["A"], "value": [1]}), tmp_path / "whole.parquet"
    )
    error = refused(site, (tmp_path / "whole.parquet").read_bytes()[:-5], name="calls.parquet")
    assert (error.code, error.problem) == ("CR-DATA-003", "the file cannot be read as Parquet")


def test_an_excel_file_that_is_none_is_refused(site: Site) -> None:
    assert refused(site, b"not a zip", name="calls.xlsx").problem == "the file cannot be read as Excel"


def test_a_file_of_no_known_kind_is_refused(site: Site) -> None:
    assert refused(site, GOOD.encode(), name="calls.pdf").code == "CR-DATA-001"


def test_a_missing_file_is_an_error_that_says_so(site: Site) -> None:
    with pytest.raises(DataError) as caught:
        load_files(site, [site.path / "none.csv"], write_mapping(site, MAPPING))
    assert (caught.value.code, caught.value.where, caught.value.found) == (
        "CR-DATA-001",
        "none.csv",
        "No such file or directory",
    )


def test_one_bad_file_of_several_loads_none_and_all_are_named(site: Site) -> None:
    paths = [site.path / name for name in ("good.csv", "empty.csv", "short.csv")]
    for path, content in zip(paths, (GOOD, "", HEADER), strict=True):
        path.write_text(content)
    with pytest.raises(DataError) as caught:
        load_files(site, paths, write_mapping(site, MAPPING))
    assert caught.value.problem == "2 files were refused"
    assert caught.value.found is not None
    assert [line.strip() for line in caught.value.found.split("\n")] == [
        "empty.csv: the file is empty", "short.csv: the file has a header and no rows",
    ]  # fmt: skip
    assert not (site.data / "CURRENT").exists()


def test_a_refused_file_is_forgotten_once_it_loads(site: Site) -> None:
    refused(site, GOOD.encode(), mapping=MAPPING.replace('"code"', '"kode"'))
    load_files(site, [site.path / "calls.csv"], write_mapping(site, MAPPING))
    assert list(site.quarantine.glob("file-*")) == []
    assert data_status(site).refused_files == ()


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252", "utf-16"])
def test_files_in_other_encodings_are_read(site: Site, encoding: str) -> None:
    path = site.path / "calls.csv"
    path.write_bytes((HEADER + "1,2026-01-01,café,1\n").encode(encoding))
    declared = "utf-8" if encoding == "utf-8-sig" else encoding
    load_files(site, [path], write_mapping(site, f'encoding = "{declared}"\n' + MAPPING))
    assert Store(site).snapshot().place_events().column("code").to_pylist() == ["café"]


def test_the_same_rows_from_csv_gzip_parquet_and_excel_are_stored_alike(tmp_path: Path) -> None:
    import openpyxl

    book = openpyxl.Workbook()
    lines = [line.split(",") for line in GOOD.splitlines()]
    for line in lines:
        book.active.append(line)
    columns = {name: [line[place] for line in lines[1:]] for place, name in enumerate(lines[0])}
    digests = set()
    for kind in ("calls.csv", "calls.csv.gz", "calls.parquet", "calls.xlsx"):
        site = make_site(tmp_path / kind)
        path = site.path / kind
        if kind.endswith("xlsx"):
            book.save(path)
        elif kind.endswith("parquet"):
            pq.write_table(pa.table(columns), path)
        else:
            path.write_bytes(gzip.compress(GOOD.encode()) if kind.endswith("gz") else GOOD.encode())
        load_files(site, [path], write_mapping(site, MAPPING))
        digests.add(Store(site).snapshot().digest)
    assert len(digests) == 1


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("mapped", [",", ";"])
def test_a_first_row_in_place_of_a_header_is_shown_nowhere(site: Site, delimiter: str, mapped: str) -> None:
    rows = "".join(f"{number},2026-01-10,9990000018,Ann Example\n" for number in range(3)).replace(",", delimiter)
    error = refused(site, rows.encode(), mapping=f'delimiter = "{mapped}"\n' + MAPPING)
    (written,) = site.quarantine.glob("file-*.parquet")
    everything = f"{error}{error.found}{error.hint}{pq.read_table(written).to_pylist()}"
    assert [text for text in ("9990000018", "Ann", "2026-01-10") if text in everything] == []
    assert error.found == "4 fields, none of them named in the mapping"
    assert error.hint is not None
    assert "does the file have a header line?" in error.hint
    assert (f"say  delimiter = {delimiter!r}" in error.hint) == (delimiter != mapped)


def test_a_number_among_the_names_of_a_header_is_masked(site: Site) -> None:
    error = refused(site, GOOD.replace("code", "999 000 0018").encode())
    assert error.found == "id, at, (a number), value"
    assert "999 000 0018" not in f"{error}{error.hint}"


@pytest.mark.parametrize("content", [HEADER.encode(), HEADER.encode().rstrip(), b"\n" + HEADER.encode().rstrip()])
def test_a_header_alone_is_told_the_same_with_a_line_break_and_without(site: Site, content: bytes) -> None:
    error = refused(site, content)
    assert (error.code, error.problem, error.found) == ("CR-DATA-002", "the file has a header and no rows", None)


def test_a_last_line_without_a_line_break_is_read(site: Site) -> None:
    path = site.path / "calls.csv"
    path.write_bytes(GOOD.encode().rstrip())
    assert load_files(site, [path], write_mapping(site, MAPPING)).rows_loaded == 15


def test_utf_8_that_the_mapping_calls_utf_16_is_refused(site: Site) -> None:
    error = refused(site, GOOD.encode(), mapping='encoding = "utf-16"\n' + MAPPING)
    assert (error.code, error.problem) == ("CR-DATA-003", "the file is not in the encoding utf-16")
    assert error.hint == 'if it is plain text, say  encoding = "utf-8"  in the mapping'


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_that_the_mapping_calls_utf_8_is_named(site: Site, encoding: str) -> None:
    error = refused(site, ("\ufeff" + GOOD).encode(encoding))
    assert error.hint == 'say  encoding = "utf-16"  in the mapping'
    path = site.path / "again.csv"
    path.write_bytes(("\ufeff" + GOOD).encode(encoding))
    assert load_files(site, [path], write_mapping(site, 'encoding = "utf-16"\n' + MAPPING)).rows_loaded == 15


@pytest.mark.parametrize(
    ("codes", "problem"),
    [
        (pa.array([["Ann"], ["B"]]), 'column "code" does not hold one plain value per row'),
        (pa.array([{"Ann": 1}, {"Ann": 2}]), 'column "code" does not hold one plain value per row'),
        (pa.array([b"Ann\xe9", b"B"]), 'column "code" holds bytes that are not UTF-8 text'),
        (pa.array([b"Ann\xe9", b"B"]).cast(pa.large_binary()), 'column "code" holds bytes that are not UTF-8 text'),
        (pa.array([b"Ann\xe9", b"B"]).dictionary_encode(), 'column "code" holds bytes that are not UTF-8 text'),
        (pa.array([b"Ann\xe9", b"B"]).view(pa.string()), 'column "code" holds bytes that are not UTF-8 text'),
    ],
)
def test_parquet_columns_that_are_no_texts_are_refused(
    site: Site, tmp_path: Path, codes: pa.Array, problem: str
) -> None:
    columns = {"id": ["1", "2"], "at": ["2026-01-01", "2026-01-02"], "code": codes, "value": [1, 2]}
    pq.write_table(pa.table(columns), tmp_path / "whole.parquet")
    error = refused(site, (tmp_path / "whole.parquet").read_bytes(), name="calls.parquet")
    assert (error.code, error.problem) == ("CR-DATA-003", problem)
    assert "Ann" not in f"{error}{error.found}{error.hint}"


def test_parquet_bytes_that_are_texts_are_read(site: Site) -> None:
    path = site.path / "calls.parquet"
    columns = {"id": ["1"], "at": ["2026-01-01"], "code": pa.array([b"A"]), "value": [1]}
    pq.write_table(pa.table(columns), path)
    load_files(site, [path], write_mapping(site, MAPPING))
    assert Store(site).snapshot().place_events()["code"].to_pylist() == ["A"]
