"""The service where no file may grow any longer: `python -m tests.lib.full_disk_service FOLDER CARE_KEY TEAM_KEY`.

RLIMIT_FSIZE stands in for a full disk: writes beyond it fail. Prints one JSON line of what was told before, while the
disk was full, and once there was room again.
"""

import hashlib
import json
import resource
import sys
from pathlib import Path

from fastapi.testclient import TestClient
from sqlalchemy import text

from crisisrisk.database.audit_read import AuditFilter, audited_looks
from crisisrisk.database.audit_verify import verify
from crisisrisk.serving.app import create_app
from crisisrisk.serving.settings import read_settings
from crisisrisk.serving.trail import audit_trail
from crisisrisk.tables.site import read_site

BOARD = "/api/v1/shifts/night-2026-11-22/hotspots"
ROOM = 40_000


def room(size: int) -> None:
    """No file of this process may become larger."""
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def main(folder: Path, care: str, team: str) -> None:
    """Ask until the disk is full, ask then, and ask again once there is room."""
    settings = read_settings(read_site(folder), {})
    person = f"/api/v1/people/{json.loads((folder / 'people.json').read_text())[0]}/risk"
    given: dict[str, str] = {}
    with TestClient(create_app(settings), raise_server_exceptions=False) as client:
        client.get(person, headers={"X-API-Key": care})
        room((folder / "crisisrisk.db").stat().st_size + ROOM)
        status = 200
        while status == 200:
            answer = client.get(person, headers={"X-API-Key": care})
            status = answer.status_code
            if status == 200:
                given[answer.headers["x-request-id"]] = hashlib.sha256(answer.content).hexdigest()
        ready = client.get("/readyz")
        full = {
            "person": [status, answer.json()["code"]],
            "board": client.get(BOARD, headers={"X-API-Key": team}).status_code,
            "ready": [ready.status_code, ready.json()["parts"]["audit"].split(":")[0]],
        }
        trail = audit_trail(settings)
        with trail.engine.connect() as connection:
            integrity = connection.execute(text("PRAGMA integrity_check")).scalar_one()
        kept = {look.request_id: look.sha256 for look in audited_looks(trail.engine, AuditFilter(), limit=None)}
        room(resource.RLIM_INFINITY)
        again = client.get(person, headers={"X-API-Key": care}).status_code
    found = verify(trail.engine, trail.files)
    print(json.dumps({
        "full": full, "given": len(given), "unaudited": [one for one in given if kept.get(one) != given[one]],
        "integrity": integrity, "again": again, "findings": list(found.findings),
    }))  # fmt: skip


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], sys.argv[3])
