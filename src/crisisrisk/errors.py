"""One family of errors: what a person reads, the exit code and the HTTP status come from one table.

An error says where, what came, what was wanted and what to do. It never contains an identifier
of a person: identifying values are named by the check that failed, never quoted.
"""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class ErrorKind:
    """What one error code means. `meaning` becomes its entry in docs/reference/errors.md."""

    meaning: str
    exit_code: int
    http_status: int


USE, DATA, MODEL, SERVICE, CHECK = 2, 3, 4, 5, 1


def _kind(meaning: str, exit_code: int, http_status: int) -> ErrorKind:
    return ErrorKind(meaning=meaning, exit_code=exit_code, http_status=http_status)


KINDS: dict[str, ErrorKind] = {
    # Wrong use of a command or a call
    "CR-USE-001": _kind("A value given on the command line or in a request cannot be used.", USE, 400),
    # Time
    "CR-TIME-001": _kind("A local time does not exist: the clocks went forward over it.", DATA, 422),
    "CR-TIME-002": _kind("A local time happened twice: the clocks went back over it.", DATA, 422),
    "CR-TIME-003": _kind("A length of time, a window or a shift makes no sense.", USE, 400),
    "CR-TIME-004": _kind("A time without its zone was given where an instant is needed.", USE, 400),
    # The site folder
    "CR-SITE-001": _kind("No site was found, or its configuration cannot be read.", USE, 503),
    "CR-SITE-002": _kind("The site's configuration names something unknown or impossible.", USE, 503),
    "CR-SITE-003": _kind("A site cannot be made here.", USE, 400),
    # Features recipes and the feature engine
    "CR-FEAT-001": _kind("A features recipe cannot be read.", USE, 422),
    "CR-FEAT-002": _kind("A features recipe names something unknown or impossible.", USE, 422),
    "CR-FEAT-003": _kind("Columns are asked of a features recipe that it does not have.", MODEL, 503),
    "CR-FEAT-004": _kind("The tables given to the feature engine cannot be used.", DATA, 422),
}


class CrisisRiskError(Exception):
    """An error that is shown to the user as it is, without a traceback.

    `code` must be a key of `KINDS`; a code that is not there is a defect and raises KeyError at once.
    """

    def __init__(
        self,
        code: str,
        problem: str,
        *,
        where: str | None = None,
        wanted: str | None = None,
        found: str | None = None,
        hint: str | None = None,
    ) -> None:
        self.kind = KINDS[code]
        self.code = code
        self.problem = problem
        self.where = where
        self.wanted = wanted
        self.found = found
        self.hint = hint
        super().__init__(code, problem)

    def __str__(self) -> str:
        return self.rendered()

    def rendered(self) -> str:
        """The error as lines of text, as a terminal shows it."""
        lines = [f"error[{self.code}]: {self.problem}"]
        for label, text in (("where", self.where), ("wanted", self.wanted), ("found", self.found)):
            if text is not None:
                lines.append(f"  {label:<7} {text}")
        pointer = f"see docs/reference/errors.md#{self.code.lower()}"
        lines.append(f"  {'hint':<7} " + (f"{self.hint} · {pointer}" if self.hint else pointer))
        return "\n".join(lines)

    def as_problem(self) -> dict[str, str]:
        """The members of an `application/problem+json` answer, without status."""
        members = {
            "title": self.kind.meaning,
            "detail": self.problem,
            "code": self.code,
            "where": self.where,
            "wanted": self.wanted,
            "found": self.found,
            "hint": self.hint,
        }
        return {name: text for name, text in members.items() if text is not None}


class UsageError(CrisisRiskError):
    """A command or call was used wrongly."""


class TimeError(CrisisRiskError):
    """A local time, a window or a shift makes no sense."""


class SiteError(CrisisRiskError):
    """The site folder or its configuration cannot be used."""


class MappingError(CrisisRiskError):
    """A mapping file is wrong, or does not fit its data file."""


class DataError(CrisisRiskError):
    """A data file or a stored table cannot be used."""


class RecipeError(CrisisRiskError):
    """A features, training or serving recipe is wrong."""


class ModelError(CrisisRiskError):
    """A model, a bundle or a training run cannot be used."""


class GateError(CrisisRiskError):
    """A candidate did not pass a check of the promotion gate."""


class ServiceError(CrisisRiskError):
    """The service cannot answer."""


def did_you_mean(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """A hint naming the nearest known word, or the known words when none is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    return f'did you mean "{near[0]}"?' if near else f"known: {', '.join(sorted(known))}"
