"""Pseudonyms of former keys, wherever they stand in texts, bytes and tables, and what they are called now."""

import hmac
import re
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.compute as pc

from crisisrisk.tables.cell_values import one_chunk
from crisisrisk.tables.pseudonyms import CHARACTERS, LENGTH, PseudonymKey, newer_forms


class Renaming:
    """What everybody who has a pseudonym of a former key is called by the newest one.

    A pure function of the keys: whoever is called anew already stays so, and what was cut off is only done again.
    """

    def __init__(self, key: PseudonymKey) -> None:
        """Raises ValueError for a key that replaced none."""
        if not key.before:
            raise ValueError("the key replaced none")
        self._key = key
        self._known: dict[str, str] = {}
        names = "|".join(re.escape(step.id) for step in key.before)
        self.pattern = f"(?:{names})_[{CHARACTERS}]{{{LENGTH}}}"
        """A regular expression of every pseudonym of a former key."""
        self.beginnings: Sequence[str] = tuple(f"{step.id}_" for step in key.before)
        """How they begin."""
        self._text, self._bytes = re.compile(self.pattern), re.compile(self.pattern.encode())

    def of(self, person_id: str) -> str:
        """What a pseudonym has become; one of the newest key, and any other text, stays."""
        if person_id not in self._known:
            self._known[person_id] = newer_forms(self._key, person_id)[-1]
        return self._known[person_id]

    def number(self, number: int) -> int:
        """Another number of 63 bits for one that was made of a pseudonym, where that pseudonym is not known."""
        digest = hmac.digest(self._key.secret, f"number:{number}".encode(), "sha256")
        return int.from_bytes(digest[:8], "big") >> 1

    def is_former(self, text: str | None) -> bool:
        """Whether a text is a pseudonym of a former key."""
        return text is not None and self._text.fullmatch(text) is not None

    def in_text(self, text: str) -> str:
        """A text with every former pseudonym replaced."""
        return self._text.sub(lambda found: self.of(found[0]), text)

    def in_bytes(self, content: bytes) -> bytes:
        """The same of the bytes of a text."""
        return self._bytes.sub(lambda found: self.of(found[0].decode()).encode(), content)

    def are_in(self, content: bytes) -> bool:
        """Whether a former pseudonym stands in some bytes."""
        return self._bytes.search(content) is not None

    def in_table(self, rows: pa.Table) -> pa.Table:
        """A table with every former pseudonym in its texts replaced, wherever it stands in them."""
        for place, field in enumerate(rows.schema):
            if _has_texts(field.type) and rows.num_rows:
                renamed = self._in_column(one_chunk(rows.column(place)))
                rows = rows if renamed is None else rows.set_column(place, field, renamed)
        return rows

    def rows_in(self, rows: pa.Table) -> int:
        """In how many rows of a table a former pseudonym stands."""
        found = pa.array([False] * rows.num_rows)
        for place, field in enumerate(rows.schema):
            if _has_texts(field.type) and rows.num_rows:
                texts = one_chunk(rows.column(place)).cast(_text_type(field.type))
                found = pc.or_(found, pc.fill_null(pc.match_substring_regex(texts, self.pattern), False))
        return int(pc.sum(found).as_py() or 0)

    def _in_column(self, column: pa.Array) -> pa.Array | None:
        """The column renamed; None where no text of it has a former pseudonym."""
        if pa.types.is_dictionary(column.type):
            texts = self._in_column(column.dictionary)
            return None if texts is None else pa.DictionaryArray.from_arrays(column.indices, texts)
        if not len(column) or not pc.any(pc.match_substring_regex(column, self.pattern)).as_py():
            return None
        distinct = column.dictionary_encode()
        renamed = [None if text is None else self.in_text(text) for text in distinct.dictionary.to_pylist()]
        return pa.array(renamed, column.type).take(distinct.indices)


def _has_texts(kind: pa.DataType) -> bool:
    return bool(pa.types.is_string(_text_type(kind)) or pa.types.is_large_string(_text_type(kind)))


def _text_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind
