"""Run the benchmarks named, or all, and write what they printed into docs/explanation/speed.md.

python -m benchmarks [name …]
"""

import contextlib
import importlib
import io
import os
import platform
import re
import sys
from pathlib import Path

NAMES = ("startup", "load_csv", "person_features", "full_person_set", "simulate", "training_memory", "training_people")
PAGE = Path(__file__).parents[1] / "docs" / "explanation" / "speed.md"
HEAD = """<!-- made by `make bench`; do not edit -->

# Speed

Each block was printed by one benchmark of [`benchmarks/`](../../benchmarks/README.md) in one run, peers included, on
the machine that it names. Read the ratios: the absolute figures belong to that machine.
"""
_BLOCK = re.compile(r"^## (\w+)\n.*?(?=^## |\Z)", flags=re.MULTILINE | re.DOTALL)


class _Tee(io.StringIO):
    """Keeps what is printed, and shows it as well."""

    def write(self, text: str) -> int:
        sys.__stdout__.write(text)  # type: ignore[union-attr]
        sys.__stdout__.flush()  # type: ignore[union-attr]
        return super().write(text)


def machine() -> str:
    """What the figures belong to."""
    return f"{platform.machine()} · {os.cpu_count()} cores · Python {platform.python_version()} · {platform.system()}"


def main(names: list[str]) -> None:
    """Each benchmark is a module with a `main()` that prints its own figures."""
    print(machine())
    blocks = {found[1]: found[0].strip() for found in _BLOCK.finditer(PAGE.read_text(encoding="utf-8"))}
    for name in names or list(NAMES):
        print(f"\n== {name}", flush=True)
        with contextlib.redirect_stdout(_Tee()) as kept:
            importlib.import_module(f"benchmarks.{name}").main()
        blocks[name] = f"## {name}\n\n```\n{machine()}\n{kept.getvalue().strip()}\n```"
    shown = [blocks[name] for name in NAMES if name in blocks]
    PAGE.write_text("\n\n".join([HEAD.strip(), *shown]) + "\n", encoding="utf-8")
    print(f"\nwritten: {PAGE}")


if __name__ == "__main__":
    main(sys.argv[1:])
