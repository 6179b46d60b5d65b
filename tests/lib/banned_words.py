"""The guard rails on words: no band, no reassurance, no claim about harm."""

import re

BANNED = re.compile(
    r"\b(low|medium|high|moderate)[- ]risk\b|risk[- ]band|suicid|self-harm|\bunlikely to\b|\bat no risk\b",
    re.IGNORECASE,
)
"""What nothing that somebody may read says, code and documents too."""
BANNED_ON_PAGES = re.compile(
    BANNED.pattern
    + r"|\b(lower|higher|highest|lowest|very high|elevated|raised|increased|extreme|critical|severe)[- ]risk\b"
    + r"|\brisk (level|category|categories|group|tier|grade|score)s?\b|\b(red|amber|green)\b|traffic[- ]light"
    + r"|\b(low|medium|high|moderate|critical|severe) (priority|concern|need|likelihood)\b|\bno concerns?\b",
    re.IGNORECASE,
)
"""What no page says besides: a document may name what is not done, a page only says what is."""


def said_in(text: str) -> list[str]:
    """What a page says that it must not."""
    return [found.group() for found in BANNED_ON_PAGES.finditer(text)]
