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
    "CR-SITE-004": _kind("A file that the site's configuration names cannot be used.", DATA, 503),
    # Places
    "CR-PLACE-001": _kind("The cells of a site cannot be made from its places and events.", DATA, 422),
    "CR-PLACE-002": _kind("A file that says which areas touch cannot be read.", DATA, 422),
    "CR-PLACE-003": _kind("Coordinates cannot be those of the site: latitude and longitude are swapped.", DATA, 422),
    # Features recipes and the feature engine
    "CR-FEAT-001": _kind("A features recipe cannot be read.", USE, 422),
    "CR-FEAT-002": _kind("A features recipe names something unknown or impossible.", USE, 422),
    "CR-FEAT-003": _kind("Columns are asked of a features recipe that it does not have.", MODEL, 503),
    "CR-FEAT-004": _kind("The tables given to the feature engine cannot be used.", DATA, 422),
    # Training, models, promotion
    "CR-TRAIN-001": _kind("A training recipe cannot be read, or names something unknown or impossible.", USE, 422),
    "CR-TRAIN-002": _kind("The data are too few or too short for what the training recipe asks.", DATA, 422),
    "CR-TRAIN-003": _kind("A training run is not known, or its record is incomplete.", USE, 404),
    "CR-TRAIN-004": _kind("The same training, backtest or search for settings is already running.", DATA, 409),
    "CR-TRAIN-005": _kind("The MLflow store is locked, gone, damaged or does not answer.", MODEL, 503),
    "CR-MODEL-001": _kind("A bundle is not what its manifest says: bytes changed, missing or cut short.", MODEL, 503),
    "CR-MODEL-002": _kind("The model text of a bundle has an impossible structure.", MODEL, 503),
    "CR-MODEL-003": _kind("The features given are not the ones that the model was trained on.", MODEL, 503),
    "CR-MODEL-004": _kind("No model has been promoted for this task.", MODEL, 503),
    "CR-MODEL-005": _kind(
        "A bundle, or a change of the model that answers, has no signature that is trusted.", MODEL, 503
    ),
    "CR-MODEL-006": _kind("An older state of the models was put back: this site has seen a later one.", MODEL, 503),
    "CR-MODEL-007": _kind("A model failed when it was tried in a process of its own.", MODEL, 503),
    "CR-GATE-001": _kind("A promotion or a rollback without a reason or without a name.", CHECK, 422),
    "CR-GATE-002": _kind("A candidate does not beat its baselines.", CHECK, 422),
    "CR-GATE-003": _kind(
        "A candidate's probabilities are not what happens, for everyone or in a subgroup.", CHECK, 422
    ),
    "CR-GATE-004": _kind("A candidate is worse than the model that answers.", CHECK, 422),
    "CR-GATE-005": _kind("The leakage audit of a candidate's features did not pass on the site's data.", CHECK, 422),
    "CR-GATE-006": _kind("A candidate's recipes are not those that the site declares.", CHECK, 422),
    "CR-GATE-007": _kind("A candidate was trained on data that are too old.", CHECK, 422),
    "CR-GATE-008": _kind("A candidate's bundle does not give the figures that its run reports.", CHECK, 422),
    "CR-GATE-009": _kind("An exception that cannot be made.", CHECK, 422),
    "CR-GATE-010": _kind("A candidate is promoted by a recipe that is not among the site's own.", CHECK, 422),
    "CR-GATE-011": _kind("A candidate ranks too well to be true.", CHECK, 422),
    # Cohorts, labels and evaluation
    "CR-COHORT-001": _kind("A rule about who is eligible, what a crisis is or when it counts is impossible.", USE, 422),
    "CR-COHORT-002": _kind("A table given to the cohort or label builder lacks a column.", DATA, 422),
    "CR-COHORT-003": _kind("The outcome names a source of which no data are loaded.", DATA, 422),
    "CR-EVAL-001": _kind("A metric was given values that do not fit together or mean nothing.", MODEL, 422),
    "CR-EVAL-002": _kind("The data are too few or too short for the split asked for.", DATA, 422),
    # Mapping files
    "CR-MAP-001": _kind("A mapping file cannot be read.", DATA, 422),
    "CR-MAP-002": _kind("A mapping file names something unknown.", DATA, 422),
    "CR-MAP-003": _kind("A value in a mapping file cannot be used, or one is missing.", DATA, 422),
    "CR-MAP-004": _kind("A mapping file names a column that the data file does not have.", DATA, 422),
    "CR-MAP-005": _kind("A mapping file does not say when the rows became known.", DATA, 422),
    # Data files and stored tables
    "CR-DATA-001": _kind("A data file cannot be opened, or is of no known kind.", DATA, 422),
    "CR-DATA-002": _kind("A data file has no rows.", DATA, 422),
    "CR-DATA-003": _kind("A data file's content is not what its mapping says, or is damaged.", DATA, 422),
    "CR-DATA-004": _kind("A column of a data file has changed its type.", DATA, 422),
    "CR-DATA-005": _kind("Nothing has been loaded into this site yet.", DATA, 503),
    "CR-DATA-006": _kind("Another load is running on this site.", DATA, 409),
    "CR-DATA-007": _kind("The disk is full or cannot be written. Nothing was loaded.", DATA, 507),
    "CR-DATA-008": _kind("The stored tables are damaged, or do not fit the site's configuration.", DATA, 503),
    "CR-OPT-001": _kind("Nobody can say who has a national opt-out: its list is missing, old or damaged.", DATA, 503),
    "CR-ERASE-001": _kind("The database still holds what was erased in pages that are free.", SERVICE, 503),
    "CR-ERASE-002": _kind(
        "The register of people who were erased, or its key, is missing or cannot be read.", DATA, 503
    ),
    "CR-ERASE-003": _kind("Somebody was written about while they were erased.", DATA, 409),
    "CR-KEY-001": _kind("The key of the pseudonyms is missing, unsafe or not the one used before.", DATA, 503),
    "CR-KEY-003": _kind("The key of identities is missing, unsafe or not the one they were encrypted with.", DATA, 503),
    "CR-KEY-004": _kind("A change of the key of pseudonyms was cut off, or cannot begin or be asked about.", DATA, 503),
    "CR-KEY-005": _kind("The keys of the pseudonyms were destroyed, or cannot be while they are needed.", DATA, 503),
    "CR-KEY-002": _kind("The key that signs models, or the list of keys that are trusted, cannot be used.", DATA, 503),
    # Positioning
    "CR-PLAN-001": _kind("No plan of where teams stand can be made of what is asked.", USE, 422),
    "CR-PLAN-002": _kind("Travel times cannot be read or made.", DATA, 422),
    # The operational database
    "CR-DB-001": _kind("The operational database named in the site's configuration cannot be used.", USE, 503),
    "CR-DB-002": _kind("The operational database cannot be reached, or is not up to date.", SERVICE, 503),
    "CR-DB-003": _kind("A table of scores or forecasts cannot be saved as it is.", DATA, 422),
    # The worker
    "CR-WORK-001": _kind("Another worker is at work on this site.", SERVICE, 409),
    "CR-WORK-002": _kind("A job was cut off again and again before its end.", SERVICE, 503),
    "CR-WORK-003": _kind("A job failed for a reason of the program's own; the worker's log says where.", SERVICE, 503),
    "CR-WORK-004": _kind("A backup of the operational database cannot be made, or is not whole.", SERVICE, 503),
    "CR-WORK-005": _kind("A file in the inbox fits none of the patterns that the site declares.", DATA, 422),
    "CR-WORK-006": _kind("The service answers, or may not, while everybody is called otherwise.", SERVICE, 503),
    # The audit trail
    "CR-AUDIT-001": _kind("The audit trail cannot be read or written, so nothing about people is shown.", SERVICE, 503),
    "CR-AUDIT-002": _kind("The audit trail and its witness do not belong together.", SERVICE, 503),
    "CR-AUDIT-003": _kind("The key of the audit trail is missing, unsafe or none.", SERVICE, 503),
    "CR-AUDIT-004": _kind("What is asked of the audit trail cannot be given.", USE, 422),
    # The service: what it is told to offer, its keys and its answers
    "CR-SERVE-001": _kind("serving/service.toml cannot be read, or names something unknown or impossible.", USE, 503),
    "CR-SERVE-002": _kind("serving/roles.toml cannot be read, or gives a role more than it may have.", USE, 503),
    "CR-SERVE-003": _kind("A secret of the site is a default or an example.", SERVICE, 503),
    "CR-SERVE-004": _kind("A route does not say what it is for, so the service does not start.", SERVICE, 503),
    "CR-SERVE-005": _kind(
        "The identity page of the demo is on where people may be real, or others may reach it.", SERVICE, 503
    ),
    "CR-SERVE-006": _kind("The tiles of the map are missing, damaged or no pictures; it is drawn without.", DATA, 503),
    "CR-ACCESS-001": _kind("A key cannot be made with this role, team or time.", USE, 422),
    "CR-ACCESS-002": _kind("There is no such key.", USE, 404),
    "CR-ACCESS-003": _kind("The key of sessions is missing, unsafe or none.", SERVICE, 503),
    "CR-ACCESS-004": _kind("A change by cookie came without its form's token.", SERVICE, 403),
    "CR-ACCESS-005": _kind("Emergency access is off at this site.", SERVICE, 403),
    "CR-ACCESS-006": _kind("Emergency access waits for the privacy officer.", SERVICE, 429),
    "CR-ACCESS-007": _kind("The secret by which the issuer knows this service is missing, unsafe or none.", DATA, 503),
    "CR-HTTP-400": _kind("The request cannot be used.", SERVICE, 400),
    "CR-HTTP-401": _kind("A key is needed.", SERVICE, 401),
    "CR-HTTP-403": _kind("This key's role may not ask this.", SERVICE, 403),
    "CR-HTTP-404": _kind("There is nothing here for this key.", SERVICE, 404),
    "CR-HTTP-405": _kind("This address answers to other methods only.", SERVICE, 405),
    "CR-HTTP-408": _kind("The request came too slowly.", SERVICE, 408),
    "CR-HTTP-409": _kind("This cannot be done while things are as they are.", SERVICE, 409),
    "CR-HTTP-410": _kind("The last score is too old to be shown.", SERVICE, 410),
    "CR-HTTP-413": _kind("The request is too large.", SERVICE, 413),
    "CR-HTTP-422": _kind("A value in the request cannot be used.", SERVICE, 422),
    "CR-HTTP-429": _kind("This key asks too often.", SERVICE, 429),
    "CR-HTTP-500": _kind("Something in the service failed; the reference finds it in its log.", SERVICE, 500),
    "CR-HTTP-503": _kind("The service cannot answer this now.", SERVICE, 503),
    "CR-PERSON-001": _kind("Scores of people are switched off at this site.", SERVICE, 403),
    "CR-PERSON-002": _kind("This person has no current score, for the reason in `state`.", SERVICE, 422),
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


class NotPromotedError(GateError):
    """A candidate did not pass, with every check that failed. Code, exit code and status are those of the first."""

    def __init__(self, failures: "tuple[GateError, ...]", checks: tuple[str, ...]) -> None:
        first = failures[0]
        super().__init__(
            first.code, first.problem, where=first.where, wanted=first.wanted, found=first.found, hint=first.hint
        )
        self.failures = failures
        self.checks = checks
        """By name the checks that failed, each once."""

    def rendered(self) -> str:
        """One block of lines for each check."""
        return "\n\n".join(failure.rendered() for failure in self.failures)

    def as_problem(self) -> dict[str, str]:
        """The members of the first, and in `also` the others."""
        also = "; ".join(f"{one.code}: {one.problem}" for one in self.failures[1:])
        return {**super().as_problem(), **({"also": also} if also else {})}


class ServiceError(CrisisRiskError):
    """The service cannot answer."""


MOST_KNOWN = 60
"""Known words that a hint names: a map has thousands."""


def did_you_mean(word: str, known: "list[str] | tuple[str, ...]") -> str:
    """A hint naming the nearest known word, or the known words (some of very many) when none is near."""
    from difflib import get_close_matches

    near = get_close_matches(word, known, n=1, cutoff=0.6)
    if near:
        return f'did you mean "{near[0]}"?'
    some = sorted(known)[:MOST_KNOWN]
    more = f" and {len(known) - len(some):,} more" if len(known) > len(some) else ""
    return f"known: {', '.join(some)}{more}"
