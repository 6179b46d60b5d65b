"""Hashes of texts, by compiled kernels over Arrow's string buffers.

`text_hashes` places rows in buckets and finds equal ids; it is not secret. `keyed_ids` is SipHash-2-4 (Aumasson and
Bernstein, 2012): without the key nobody can list NHS numbers to find whose id it is. O(bytes), 8 bytes a text.
"""

import hashlib
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from crisisrisk.compiled import njit
from crisisrisk.tables.clock_texts import string_buffers

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_ALPHABET = np.frombuffer(CROCKFORD.encode(), dtype=np.uint8)
_EMPTY_HASH = np.uint64(0x9E3779B97F4A7C15)

Hashes = NDArray[np.uint64]


def text_hashes(texts: pa.Array | pa.ChunkedArray) -> Hashes:
    """A 64-bit hash of each text (FNV-1a, mixed). Equal texts have equal hashes, empty cells all the same one."""
    if isinstance(texts, pa.ChunkedArray):
        parts = [text_hashes(chunk) for chunk in texts.chunks]
        return np.concatenate(parts) if parts else np.zeros(0, dtype=np.uint64)
    if pa.types.is_dictionary(texts.type):
        return _gathered(texts)
    if pa.types.is_large_string(texts.type) or pa.types.is_null(texts.type):
        texts = texts.cast(pa.string())
    offsets, content = string_buffers(texts)
    hashes = np.empty(len(texts), dtype=np.uint64)
    _fnv(content, offsets, hashes)
    if texts.null_count:
        hashes[np.asarray(texts.is_null())] = _EMPTY_HASH
    return hashes


def _gathered(texts: pa.DictionaryArray) -> Hashes:
    of_values = np.append(text_hashes(texts.dictionary), _EMPTY_HASH)
    gathered: Hashes = of_values[np.asarray(texts.indices.fill_null(len(texts.dictionary)))]
    return gathered


def bucket_of(person_ids: pa.Array | pa.ChunkedArray, buckets: int) -> NDArray[np.int64]:
    """The bucket of each person (or key), 0 to `buckets` - 1. Shape (rows,)."""
    return ((text_hashes(person_ids) >> np.uint64(17)) % np.uint64(buckets)).astype(np.int64)


def combined(hashes: Hashes, others: Hashes) -> Hashes:
    """Hashes of pairs, from hashes of both halves. The order of the halves matters."""
    mixed = np.empty(len(hashes), dtype=np.uint64)
    _combine(hashes, others, mixed)
    return mixed


def keyed_ids(columns: Sequence[pa.Array], key: bytes) -> pa.Array:
    """Ids `e_` and 16 characters (80 bits), one per row, of the texts of several columns. Same texts, same id."""
    secret = np.frombuffer(hashlib.sha256(b"event ids" + key).digest(), dtype=np.uint64)
    # The unit separator keeps ('a', 'bc') and ('ab', 'c') apart; an empty cell is not the same as an empty text.
    joined = pc.binary_join_element_wise(*columns, "\x1f", null_handling="replace", null_replacement="\x00")
    offsets, content = string_buffers(joined)
    halves = np.empty((len(joined), 2), dtype=np.uint64)
    _siphash(content, offsets, secret, halves)
    texts = np.empty((len(joined), 18), dtype=np.uint8)
    _write_ids(halves, texts, _ALPHABET)
    ends = np.arange(0, 18 * len(joined) + 1, 18, dtype=np.int32)
    return pa.StringArray.from_buffers(len(joined), pa.py_buffer(ends), pa.py_buffer(texts))


@njit(cache=True, nogil=True)
def _mix(value):  # type: ignore[no-untyped-def]
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xFF51AFD7ED558CCD)
    value ^= value >> np.uint64(33)
    value *= np.uint64(0xC4CEB9FE1A85EC53)
    return value ^ (value >> np.uint64(33))


@njit(cache=True, nogil=True)
def _fnv(content, offsets, hashes):  # type: ignore[no-untyped-def]
    for row in range(len(hashes)):
        value = np.uint64(0xCBF29CE484222325)
        for place in range(offsets[row], offsets[row + 1]):
            value = (value ^ np.uint64(content[place])) * np.uint64(0x100000001B3)
        hashes[row] = _mix(value)


@njit(cache=True, nogil=True)
def _combine(hashes, others, mixed):  # type: ignore[no-untyped-def]
    for row in range(len(hashes)):
        mixed[row] = _mix(hashes[row] * np.uint64(0x9E3779B97F4A7C15) + others[row])


@njit(cache=True, nogil=True)
def _turn(value, bits):  # type: ignore[no-untyped-def]
    return (value << np.uint64(bits)) | (value >> np.uint64(64 - bits))


@njit(cache=True, nogil=True)
def _rounds(state, count):  # type: ignore[no-untyped-def]
    for _ in range(count):
        state[0] += state[1]
        state[2] += state[3]
        state[1] = _turn(state[1], 13) ^ state[0]
        state[3] = _turn(state[3], 16) ^ state[2]
        state[0] = _turn(state[0], 32)
        state[2] += state[1]
        state[0] += state[3]
        state[1] = _turn(state[1], 17) ^ state[2]
        state[3] = _turn(state[3], 21) ^ state[0]
        state[2] = _turn(state[2], 32)


@njit(cache=True, nogil=True)
def _siphash(content, offsets, secret, halves):  # type: ignore[no-untyped-def]
    state = np.empty(4, dtype=np.uint64)
    for row in range(len(halves)):
        start, end = offsets[row], offsets[row + 1]
        for half in range(2):
            first, second = secret[2 * half], secret[2 * half + 1]
            state[0] = first ^ np.uint64(0x736F6D6570736575)
            state[1] = second ^ np.uint64(0x646F72616E646F6D)
            state[2] = first ^ np.uint64(0x6C7967656E657261)
            state[3] = second ^ np.uint64(0x7465646279746573)
            place = start
            while place < end:
                word, take = np.uint64(0), min(8, end - place)
                for byte in range(take):
                    word |= np.uint64(content[place + byte]) << np.uint64(8 * byte)
                if take < 8:
                    word |= np.uint64((end - start) & 255) << np.uint64(56)
                _absorb(state, word)
                place += 8
            if (end - start) % 8 == 0:
                _absorb(state, np.uint64((end - start) & 255) << np.uint64(56))
            state[2] ^= np.uint64(255)
            _rounds(state, 4)
            halves[row, half] = state[0] ^ state[1] ^ state[2] ^ state[3]


@njit(cache=True, nogil=True)
def _absorb(state, word):  # type: ignore[no-untyped-def]
    state[3] ^= word
    _rounds(state, 2)
    state[0] ^= word


@njit(cache=True, nogil=True)
def _write_ids(halves, texts, alphabet):  # type: ignore[no-untyped-def]
    for row in range(len(texts)):
        texts[row, 0], texts[row, 1] = 101, 95  # "e_"
        for half in range(2):
            value = halves[row, half]
            for place in range(8):
                texts[row, 2 + half * 8 + place] = alphabet[(value >> np.uint64(59 - 5 * place)) & np.uint64(31)]
