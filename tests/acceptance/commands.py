"""Commands as they are typed, run in this process; what they print with `--json` is their answer."""

import contextlib
import io
import json
from typing import Any

from crisisrisk.cli import run


def command(*arguments: str, may_fail: bool = False) -> dict[str, Any]:
    """What one command prints with `--json`. A check that fails (exit code 1) still answers."""
    printed, told = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(told):
        code = run([*arguments, "--json"])
    if code != 0 and not (may_fail and code == 1):
        raise AssertionError(f"crisisrisk {' '.join(arguments)}: exit {code}\n{told.getvalue()}")
    answer: dict[str, Any] = json.loads(printed.getvalue())
    return answer
