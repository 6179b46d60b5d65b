"""An environment for each peer, made on first use under `.cache/peers/` from its pinned requirements."""

import json
import subprocess
import sys
import venv
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CACHE = HERE.parents[1] / ".cache" / "peers"


def run_peer(requirements: str, script: str, *arguments: str) -> dict[str, Any]:
    """What a peer's script printed as its last line, a JSON object. Raises when the peer fails."""
    command = [str(_python_of(requirements)), str(HERE / f"{script}.py"), *arguments]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True)
    result: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return result


def program_of(requirements: str, program: str) -> str:
    """The path of a command that a peer's environment has."""
    return str(_python_of(requirements).with_name(program))


def _python_of(requirements: str) -> Path:
    wanted = (HERE / f"{requirements}.txt").read_text(encoding="utf-8")
    folder = CACHE / requirements
    python, installed = folder / "bin" / "python", folder / "installed.txt"
    if not installed.is_file() or installed.read_text(encoding="utf-8") != wanted:
        print(f"installing {requirements} into {folder.relative_to(HERE.parents[1])}", file=sys.stderr)
        venv.create(folder, with_pip=True, clear=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", "-r", str(HERE / f"{requirements}.txt")], check=True)
        installed.write_text(wanted, encoding="utf-8")
    return python
