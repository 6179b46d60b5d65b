"""Run the benchmarks named, or all; keep what they found as JSON, and write docs/explanation/speed.md from that.

python -m benchmarks [name …] [--scale 0.01] [--without-peers] [--page]
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.report import RESULTS, kept, lines, machine, page, read
from benchmarks.running import run_alone

NAMES = (
    "startup", "load_csv", "person_features", "full_person_set", "growth", "meds_tab", "simulate", "training_memory",
    "training_full", "training_people", "explanations", "places", "positioning", "replay",
    "service_load", "service_pages", "score_people",
)  # fmt: skip
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"


def write_page() -> None:
    """The page and its drawing, from the JSON that is kept."""
    PAGE.write_text(page(NAMES), encoding="utf-8")
    for path in sorted(RESULTS.glob("*.json")):
        if drawing := read(path).details.get("drawing"):
            (PAGE.parent / f"{path.stem}.svg").write_text(drawing, encoding="utf-8")
    print(f"written: {PAGE}")


def main(arguments: Sequence[str] | None = None) -> None:
    """Only a run at full size with its peers changes what is kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--scale", type=float, default=1.0, help="a part of the full size; nothing is kept")
    parser.add_argument("--without-peers", action="store_true", help="ours alone; nothing is kept")
    parser.add_argument("--page", action="store_true", help="run nothing, write the page again")
    options = parser.parse_args(arguments)
    whole = options.scale == 1.0 and not options.without_peers
    for name in () if options.page else options.names or NAMES:
        print(f"\n== {name} · {machine()}", flush=True)
        outcome = run_alone(name, scale=options.scale, peers=not options.without_peers)
        print(lines(outcome), flush=True)
        if whole:
            kept(name, outcome)
    if whole:
        write_page()


if __name__ == "__main__":
    main()
