"""Whoever has the database and not the key changes nothing unseen: edits, deletions, swaps, insertions, a cut tail."""

import os
import shutil
from collections import Counter
from pathlib import Path

from tests.lib.trails import erased, filled, look, person, tamper, trail_in

from crisisrisk.database.audit_verify import verify

TAMPERINGS = int(os.environ.get("CRISISRISK_TAMPERINGS", "300"))


def test_every_tampering_is_found(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 40)
    database, whole = tmp_path / "crisisrisk.db", tmp_path / "whole.db"
    shutil.copy(database, whole)
    kinds: Counter[str] = Counter()
    for seed in range(TAMPERINGS):
        shutil.copy(whole, database)
        assert verify(trail.engine, trail.files).findings == () if seed % 50 == 0 else True
        kind = tamper(database, seed)
        assert verify(trail.engine, trail.files).wrong > 0, (seed, kind)
        kinds[kind] += 1
    assert len(kinds) == 10
    assert min(kinds.values()) > TAMPERINGS / 30


def test_every_tampering_with_a_trail_that_people_were_erased_from_is_found(tmp_path: Path) -> None:
    trail = filled(trail_in(tmp_path), 30)
    database, before, whole = (tmp_path / name for name in ("crisisrisk.db", "before.db", "whole.db"))
    shutil.copy(database, before)
    for number in (0, 2, 21):  # of several lists, of lists that others were taken out of before, of one answer
        erased(trail, person(number), minutes=number)
    trail.append([look(50), look(51)])
    shutil.copy(database, whole)
    assert verify(trail.engine, trail.files).findings == ()
    kinds: Counter[str] = Counter()
    for seed in range(TAMPERINGS // 2):
        shutil.copy(whole, database)
        kind = tamper(database, seed, before=before)
        assert verify(trail.engine, trail.files).wrong > 0, (seed, kind)
        kinds[kind] += 1
    assert len(kinds) == 12
