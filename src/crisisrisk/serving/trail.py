"""The audit trail of a site, and whom a text names."""

import re
from datetime import timedelta

from crisisrisk.database.audit import LONGEST_WAIT, AuditFiles, AuditTrail
from crisisrisk.database.engine import open_engine
from crisisrisk.serving.settings import Settings
from crisisrisk.tables.pseudonyms import PSEUDONYM

WHOLE_PSEUDONYM = f"^{PSEUDONYM.pattern}$"
_NAMED = re.compile(f"(?<![0-9A-Za-z_]){PSEUDONYM.pattern}(?![0-9A-Za-z_])".encode())


def audit_trail(settings: Settings) -> AuditTrail:
    """The audit trail of a site, by an engine that gives up on a locked database in time."""
    site, declared = settings.site, settings.service.audit
    files = AuditFiles(key=site.path / declared.key_file, witness=site.path / declared.witness_file)
    engine = open_engine(site.database_url, busy_seconds=LONGEST_WAIT / timedelta(seconds=1))
    return AuditTrail(engine, files)


def people_named(content: bytes) -> frozenset[str]:
    """The pseudonyms that stand anywhere in a text."""
    return frozenset(found.decode() for found in _NAMED.findall(content))
