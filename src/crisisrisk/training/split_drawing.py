"""The blocks that a recipe splits its data into, drawn as text before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

WIDTH = 64
"""Characters of the line of time."""
MARKS = {"train": "t", "stop": "s", "calibrate": "c", "validate": "v", "judge": "J"}
GAP, NOTHING = "·", " "
_GAP_WORDS = {
    "person": "left free: the horizon of the dates before it",
    "place": "left free: what was not yet known when forecasts were made",
}


@dataclass(frozen=True, kw_only=True)
class DrawnBlock:
    """One block: the dates that stand in it, and the end of the last one's label window, all in UTC."""

    name: str
    dates: tuple[datetime, ...]
    """Ascending: as-of moments, or starts of shifts. Never empty."""
    label_windows_end: datetime
    rows: int
    outcomes: int

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "first": self.dates[0].isoformat(),
            "last": self.dates[-1].isoformat(),
            "label_windows_end": self.label_windows_end.isoformat(),
            "dates": len(self.dates),
            "rows": self.rows,
            "outcomes": self.outcomes,
        }


@dataclass(frozen=True, kw_only=True)
class DrawnSplit:
    """The blocks of one fit, in order of time."""

    name: str
    blocks: tuple[DrawnBlock, ...]

    def as_json(self) -> dict[str, Any]:
        return {"name": self.name, "blocks": [block.as_json() for block in self.blocks]}


@dataclass(frozen=True, kw_only=True)
class SplitPlan:
    """How a recipe splits the data of a site: the split of `train` first, then the rolling origins of `backtest`."""

    model: str
    subject: str
    by_time: bool
    splits: tuple[DrawnSplit, ...]
    zone: ZoneInfo
    note: str | None = None
    """Why no rolling origins are shown, where there are none."""

    def as_json(self) -> dict[str, Any]:
        """The fields of `train --show-splits --json`."""
        return {
            "model": self.model, "subject": self.subject, "kind": "time" if self.by_time else "person",
            "splits": [split.as_json() for split in self.splits], "note": self.note,
        }  # fmt: skip

    def as_text(self) -> str:
        """A line of time for each fit, and the blocks of the first with what is in them."""
        first, *origins = self.splits
        lines = [f"{self.model}: nothing is trained, this is how its data would be split", ""]
        lines += self._drawn([first]) if self.by_time else []
        lines += ["", *self._table(first)]
        if origins:
            lines += ["", f"{len(origins)} fits of `backtest`, each judged on what came after it", ""]
            lines += self._drawn(origins) if self.by_time else [self._sizes(split) for split in origins]
        if self.note:
            lines += ["", self.note]
        return "\n".join(line.rstrip() for line in lines)

    def _drawn(self, splits: Sequence[DrawnSplit]) -> list[str]:
        axis = _Axis.over(self.splits)
        ends = f"{self._day(axis.start)}{self._day(axis.end):>{WIDTH - len(self._day(axis.start))}}"
        named = max(len(split.name) for split in self.splits)
        key = "  ".join(f"{MARKS[name]} {name}" for name in _names(splits))
        return [
            f"{'':<{named}}  {ends}",
            *(f"{split.name:<{named}}  {axis.line(split)}" for split in splits),
            f"{'':<{named}}  {key}  {GAP} {_GAP_WORDS[self.subject]}",
        ]

    def _table(self, split: DrawnSplit) -> list[str]:
        what = "dates" if self.subject == "person" else "shifts"
        head = f"{'':<12}{what:>8}{'rows':>12}{'outcomes':>12}"
        return [head, *(self._block(block) for block in split.blocks)]

    def _block(self, block: DrawnBlock) -> str:
        counts = f"{block.name:<12}{len(block.dates):>8,}{block.rows:>12,}{block.outcomes:>12,}"
        if not self.by_time:
            return counts
        first, last, end = (self._day(one) for one in (block.dates[0], block.dates[-1], block.label_windows_end))
        return f"{counts}    {first} to {last}, outcomes until {end}"

    def _sizes(self, split: DrawnSplit) -> str:
        return split.name + "".join(f"  {block.name} {block.rows:,}" for block in split.blocks)

    def _day(self, moment: datetime) -> str:
        return f"{moment.astimezone(self.zone):%-d %b %Y}"


def _names(splits: Sequence[DrawnSplit]) -> list[str]:
    return list(dict.fromkeys(block.name for split in splits for block in split.blocks))


@dataclass(frozen=True)
class _Axis:
    start: datetime
    end: datetime

    @classmethod
    def over(cls, splits: Sequence[DrawnSplit]) -> "_Axis":
        blocks = [block for split in splits for block in split.blocks]
        return cls(min(block.dates[0] for block in blocks), max(block.label_windows_end for block in blocks))

    def line(self, split: DrawnSplit) -> str:
        """One character a stretch of time: the last block that has a date in it, else the gap behind one."""
        marks = [NOTHING] * WIDTH
        for block in split.blocks:
            for place in range(self._place(block.dates[0]), self._place(block.label_windows_end, ends=True) + 1):
                marks[place] = GAP
        for block in split.blocks:
            for place in range(self._place(block.dates[0]), self._place(block.dates[-1]) + 1):
                marks[place] = MARKS[block.name]
        return "".join(marks)

    def _place(self, moment: datetime, *, ends: bool = False) -> int:
        whole = (self.end - self.start) or timedelta(days=1)
        place = int((moment - self.start) / whole * WIDTH - (1e-9 if ends else 0))
        return min(max(place, 0), WIDTH - 1)
