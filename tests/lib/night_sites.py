"""What sites of tests load of places and of nights that were seen, with the sources that say so."""

from pathlib import Path

from crisisrisk.tables.site import Site, read_site

PLACES = """place,name,lat,lon,kind
alpha,Alpha Road,52.48,-1.89,area
beta,Beta Street,52.49,-1.88,area
gamma,Gamma Lane,52.50,-1.87,area
"""
PLACES_MAPPING = """
table = "places"
[columns]
place_id = "place"
name = "name"
latitude = "lat"
longitude = "lon"
kind = "kind"
"""
# Sunday nights before that of 22 November 2026; other nights, and calls that are no crisis contacts, do not count. Nor
# do a second agency's report of the first incident, and a contact at a home where no 500 residents are known.
NIGHTS = """id,at,known,source,place,premises
n0,2026-10-30 23:00:00,2026-10-31 09:00:00,street_triage,gamma,
n1,2026-11-01 23:00:00,2026-11-02 09:00:00,street_triage,alpha,
n2,2026-11-01 23:30:00,2026-11-02 09:00:00,street_triage,alpha,
n3,2026-11-08 23:00:00,2026-11-09 09:00:00,street_triage,alpha,
n4,2026-11-15 23:00:00,2026-11-16 09:00:00,street_triage,beta,
n5,2026-11-16 23:00:00,2026-11-17 09:00:00,street_triage,gamma,
n6,2026-11-08 23:10:00,2026-11-09 09:00:00,police_999,gamma,
n7,2026-11-01 23:05:00,2026-11-02 10:00:00,s136,alpha,
n8,2026-11-15 23:30:00,2026-11-16 09:00:00,street_triage,gamma,private
"""
NIGHTS_MAPPING = """
table = "events"
[columns]
event_id = "id"
occurred_at = { column = "at", zone = "Europe/London" }
known_at = { column = "known", zone = "Europe/London" }
source = "source"
code = { constant = "call" }
place_id = "place"
origin = { constant = "public" }
premises = "premises"
"""
_SOURCES = """
[source.street_triage]
agency = "trust"
singular = "triage call"
plural = "triage calls"
[source.s136]
agency = "trust"
singular = "detention"
plural = "detentions"
"""


def with_night_sources(folder: Path) -> Site:
    """A site that knows the sources of such nights from now on."""
    configuration = folder / "crisisrisk.toml"
    configuration.write_text(configuration.read_text() + _SOURCES)
    return read_site(folder)
