"""Bringing a database to the newest tables, and saying whether it is there."""

from alembic import command
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Engine
from sqlalchemy.exc import DatabaseError, OperationalError

from crisisrisk.database.engine import make_folder_of, open_engine, writing
from crisisrisk.errors import ServiceError

# Any fixed number: two upgrades of one PostgreSQL wait for each other on it.
UPGRADE_LOCK = 7_249_113_006


def upgrade(engine: Engine, *, to: str = "head") -> str:
    """Apply the migrations that are missing, in one transaction. Returns the newest revision.

    `to`: the revision to stop at, for a database as an earlier version of the program had it.

    Raises ServiceError when the database cannot be reached or used, or a newer version of the program made it.
    """
    make_folder_of(engine)
    config = _config()
    try:
        with writing(engine) as connection:
            if engine.dialect.name == "postgresql":
                connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({UPGRADE_LOCK})")
            config.attributes["connection"] = connection
            command.upgrade(config, to)
    except OperationalError as problem:
        raise unreachable() from problem
    except DatabaseError as problem:
        raise unusable() from problem
    except CommandError:
        raise ServiceError(
            "CR-DB-002", "the operational database was made by another version of this program",
            wanted=f"revision {newest_revision()} or earlier", found=str(revision(engine)),
            hint="install the newer version of crisisrisk",
        ) from None  # fmt: skip
    return newest_revision()


def current_engine(database_url: str) -> Engine:
    """An engine of a database that is up to date, made or upgraded first where it is not."""
    engine = open_engine(database_url)
    if revision(engine) != newest_revision():
        upgrade(engine)
    return engine


def revision(engine: Engine) -> str | None:
    """The revision that a database is at; None when it has no tables or cannot be reached."""
    try:
        make_folder_of(engine)
        with engine.connect() as connection:
            return MigrationContext.configure(connection).get_current_revision()
    except DatabaseError:
        return None


def newest_revision() -> str:
    """The revision that this version of the program works with."""
    head = ScriptDirectory.from_config(_config()).get_current_head()
    assert head is not None, "the package has lost its migrations"
    return head


def unreachable() -> ServiceError:
    """The error of a database that does not answer. It says nothing of the URL, which may hold a password."""
    return ServiceError(
        "CR-DB-002", "the operational database cannot be reached",
        hint="is the server running, and may this program read and write the file?",
    )  # fmt: skip


def unusable() -> ServiceError:
    """The error of a file that is no database, or of a database that refuses the tables of this program."""
    return ServiceError(
        "CR-DB-002", "the operational database cannot be used",
        hint="is the file a SQLite database, and whole? put it back from a copy, or take it away to begin anew",
    )  # fmt: skip


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", "crisisrisk.database:migrations")
    return config
