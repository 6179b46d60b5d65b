"""The worker on both databases: one at a time, taken up again, nothing twice; the inbox, backups and retention."""

import os
import signal
import sqlite3
import threading
import time
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert, select
from tests.lib.database import AS_OF, person_run, place_run, score_row, scores
from tests.lib.database import forecast as forecast_rows
from tests.lib.table_sites import EVENTS, make_site, write_csv, write_mapping

from crisisrisk.database.engine import open_engine, writing
from crisisrisk.database.expiry import end_forecast_runs, end_scoring_runs
from crisisrisk.database.jobs import begin_job, job_states, plan_jobs
from crisisrisk.database.schema import Forecast, IngestedFile, Score, ScoringRun
from crisisrisk.database.schema import Job as JobRow
from crisisrisk.database.scores import save_person_scores, save_place_forecast
from crisisrisk.database.work_lock import working
from crisisrisk.errors import DataError, MappingError, ServiceError, SiteError
from crisisrisk.operations import backup
from crisisrisk.operations.expiry import expire
from crisisrisk.operations.inbox import load_inbox
from crisisrisk.operations.schedule import Every
from crisisrisk.operations.stopping import Stopping
from crisisrisk.operations.worker import MOST_ATTEMPTS, Ended, Job, StopWork, Worker
from crisisrisk.tables.site import Site, read_site
from crisisrisk.tables.store import Store
from crisisrisk.tables.work_settings import InboxFile, InboxSettings, RetentionSettings

HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """A clock that a test sets."""

    now: datetime = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now


@dataclass
class Work:
    """A job that a test looks at."""

    clock: Clock
    runs: list[datetime] = field(default_factory=list)
    fails_with: BaseException | None = None
    made: dict[str, int] | None = None
    during: Callable[[], object] = lambda: None

    def run(self) -> dict[str, int]:
        self.runs.append(self.clock())
        self.during()
        if self.fails_with is not None:
            raise self.fails_with
        return {"things": len(self.runs)}

    def job(self, name: str = "count") -> Job:
        return Job(name=name, meaning="count", schedule=Every(60), run=self.run, made_since=lambda _: self.made)


def worker(engine: Engine, folder: Path, clock: Clock, *jobs: Job) -> Worker:
    return Worker(
        engine=engine, lock_file=folder / "state" / "work.lock", jobs=jobs, try_again=timedelta(minutes=15), clock=clock
    )


def test_what_is_due_is_done_once_and_again_at_its_next_time(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    work = Work(clock)
    one = worker(engine, tmp_path, clock, work.job())
    ended = one.step()
    assert ended is not None
    assert (ended.name, ended.code, ended.result) == ("count", None, {"things": 1})
    assert one.step() is None
    clock.now += HOUR - timedelta(seconds=1)
    assert one.step() is None
    clock.now += timedelta(seconds=1)
    assert one.step() is not None
    clock.now += 30 * HOUR  # of the times that were missed the last one alone
    assert (one.step() is not None, one.step()) == (True, None)
    state = job_states(engine)["count"]
    assert (state.state, state.succeeded_at, state.next_due_at) == ("done", clock.now, clock.now + HOUR)
    assert len(work.runs) == 3


def test_a_clock_that_goes_back_makes_nothing_due_again(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    work = Work(clock)
    one = worker(engine, tmp_path, clock, work.job())
    one.step()
    clock.now -= 5 * HOUR
    assert one.step() is None


def test_a_job_that_fails_says_its_code_and_is_tried_again(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    bad = Work(clock, fails_with=DataError("CR-DATA-005", "nothing was loaded", found="hunter2"))
    defect, good = Work(clock, fails_with=ValueError("hunter2")), Work(clock)
    one = worker(engine, tmp_path, clock, bad.job("bad"), defect.job("defect"), good.job("good"))
    done = [one.step() for _ in range(3)]
    assert [(ended.name, ended.code) for ended in done if ended] == [
        ("bad", "CR-DATA-005"), ("defect", "CR-WORK-003"), ("good", None),
    ]  # fmt: skip
    assert "hunter2" not in repr(done)
    assert one.step() is None
    assert one.next_moment() == clock.now + timedelta(minutes=15)
    clock.now += timedelta(minutes=15)
    bad.fails_with = None
    assert one.step() == Ended(name="bad", seconds=0, result={"things": 2})
    states = job_states(engine)
    assert (states["bad"].state, states["bad"].code) == ("done", None)
    assert (states["defect"].state, states["defect"].code) == ("failed", "CR-WORK-003")


def cut_off(engine: Engine, clock: Clock) -> None:
    """As a worker leaves the table that is killed in the middle of its job."""
    begin_job(engine, job_states(engine)["count"], due_at=clock.now, now=clock.now)


def test_a_job_that_was_cut_off_is_taken_up_again_unless_it_had_made_its_thing(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    work = Work(clock)
    one = worker(engine, tmp_path, clock, work.job())
    one.plan()
    cut_off(engine, clock)
    work.made = {"things": 77}
    assert one.step() == Ended(name="count", seconds=0, result={"things": 77})
    assert work.runs == []
    clock.now += HOUR
    cut_off(engine, clock)
    work.made = None
    assert one.step() == Ended(name="count", seconds=0, result={"things": 1})


def test_a_job_that_is_cut_off_again_and_again_waits_for_its_next_time(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    work = Work(clock)
    one = worker(engine, tmp_path, clock, work.job())
    one.plan()
    for _ in range(MOST_ATTEMPTS):
        cut_off(engine, clock)
    assert one.step() == Ended(name="count", seconds=0, code="CR-WORK-002")
    assert one.step() is None
    clock.now += HOUR
    assert one.step() is not None
    assert len(work.runs) == 1


def test_told_to_stop_it_puts_the_job_back(engine: Engine, tmp_path: Path) -> None:
    clock, stopping = Clock(), Stopping()
    work = Work(clock, during=lambda: os.kill(os.getpid(), signal.SIGTERM))
    one = worker(engine, tmp_path, clock, work.job())
    with stopping.on_signals(), pytest.raises(StopWork), stopping.at_work():
        one.step()
    state = job_states(engine)["count"]
    assert (state.state, state.attempts) == ("waiting", 0)
    with pytest.raises(StopWork), stopping.at_work():
        one.step()
    assert len(work.runs) == 1
    work.during = lambda: None
    assert one.step() is not None


def test_two_workers_never_work_at_once(engine: Engine, tmp_path: Path) -> None:
    clock = Clock()
    inside, over = threading.Event(), threading.Event()
    work = Work(clock, during=lambda: (inside.set(), over.wait(30)))
    first = threading.Thread(target=worker(engine, tmp_path, clock, work.job()).step)
    first.start()
    assert inside.wait(30)
    other = open_engine(engine.url.render_as_string(hide_password=False))
    # Another folder is another machine: there only a PostgreSQL keeps them apart.
    for folder in [tmp_path, *([tmp_path / "elsewhere"] if engine.dialect.name == "postgresql" else [])]:
        with pytest.raises(ServiceError) as raised:
            worker(other, folder, clock, work.job()).step()
        assert raised.value.code == "CR-WORK-001"
    over.set()
    first.join()
    assert worker(other, tmp_path, clock, work.job()).step() is None
    assert len(work.runs) == 1


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_lock_that_the_database_forgot_is_not_held(engine: Engine, tmp_path: Path) -> None:
    with working(engine, tmp_path / "lock") as lock:
        assert lock.still_held()
        with engine.connect() as connection:
            connection.exec_driver_sql(
                "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
            )
        assert not lock.still_held()


def test_a_job_that_is_no_longer_in_the_schedule_is_forgotten(engine: Engine) -> None:
    plan_jobs(engine, {"one": AS_OF, "two": None})
    plan_jobs(engine, {"two": AS_OF})
    assert {name: one.next_due_at for name, one in job_states(engine).items()} == {"two": AS_OF}


# The inbox


def line(number: int, known: str = "2026-01-05") -> dict[str, object]:
    return {"id": number, "at": "2026-01-03", "known": known, "source": "nhs_111", "code": "A",
            "person": f"person-{number}", "key": None}  # fmt: skip


@pytest.fixture
def inbox_site(tmp_path: Path) -> Site:
    site = make_site(tmp_path / "site")
    mapping = write_mapping(site, EVENTS)
    inbox = InboxSettings(folder=site.path / "inbox", files=(InboxFile("nhs_*.csv", mapping),), settled_seconds=0)
    inbox.folder.mkdir()
    return replace(site, inbox=inbox)


def ledger(engine: Engine) -> list[tuple[str, str | None, int]]:
    with engine.connect() as connection:
        query = select(IngestedFile.outcome, IngestedFile.code, IngestedFile.rows_loaded).order_by(IngestedFile.at)
        return [tuple(row) for row in connection.execute(query)]  # type: ignore[misc]


def names(folder: Path) -> list[str]:
    return sorted(path.name.partition("-")[2] for path in folder.glob("*"))


def test_files_are_loaded_and_moved_and_refused_ones_say_why(inbox_site: Site, engine: Engine) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    write_csv(inbox.folder / "NHS_1.csv", [line(1), line(2)])
    write_csv(inbox.folder / "nhs_2.csv", [line(3)])
    (inbox.folder / "nhs_3.csv").write_text("id,at\n1,2\n")
    (inbox.folder / "who.csv").write_text("id\n1\n")
    for left in (".nhs_4.csv", "nhs_5.csv.part"):
        (inbox.folder / left).write_text("id\n")
    counts = load_inbox(inbox_site, inbox, engine)
    assert counts.as_result() == {
        "files_loaded": 2, "files_already_loaded": 0, "files_refused": 2, "files_waiting": 0,
    }  # fmt: skip
    assert sorted(path.name for path in inbox.folder.iterdir()) == [".nhs_4.csv", "done", "nhs_5.csv.part", "refused"]
    assert names(inbox.folder / "done") == ["NHS_1.csv", "nhs_2.csv"]
    assert names(inbox.folder / "refused") == ["nhs_3.csv", "nhs_3.csv.reason.txt", "who.csv", "who.csv.reason.txt"]
    reasons = [path.read_text() for path in sorted((inbox.folder / "refused").glob("*who.csv.reason.txt"))]
    assert "error[CR-WORK-005]: no pattern of the inbox fits" in reasons[0]
    assert sorted(ledger(engine)) == [
        ("loaded", None, 1), ("loaded", None, 2), ("refused", "CR-MAP-004", 0), ("refused", "CR-WORK-005", 0),
    ]  # fmt: skip


def test_the_same_file_again_changes_nothing_and_goes_too(inbox_site: Site, engine: Engine) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    for _ in range(2):
        write_csv(inbox.folder / "nhs_1.csv", [line(1), line(2)])
        counts = load_inbox(inbox_site, inbox, engine)
    assert (counts.loaded, counts.already_loaded) == (0, 1)
    assert names(inbox.folder / "done") == ["nhs_1.csv"]
    assert ledger(engine) == [("loaded", None, 2)]


def test_a_file_that_is_still_written_to_waits(inbox_site: Site, engine: Engine) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    settled = replace(inbox, settled_seconds=60)
    file = write_csv(inbox.folder / "nhs_1.csv", [line(1)])
    assert load_inbox(inbox_site, settled, engine).waiting == 1
    os.utime(file, (time.time() - 61,) * 2)
    assert load_inbox(inbox_site, settled, engine).loaded == 1


def test_what_is_wrong_with_the_site_leaves_the_file_and_keeps_no_other_from_being_loaded(
    inbox_site: Site, engine: Engine
) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    broken = InboxFile("a_*.csv", inbox_site.path / "none.toml")
    write_csv(inbox.folder / "a_1.csv", [line(1)])
    write_csv(inbox.folder / "nhs_1.csv", [line(2)])
    with pytest.raises(MappingError) as raised:
        load_inbox(inbox_site, replace(inbox, files=(broken, *inbox.files)), engine)
    assert raised.value.code == "CR-MAP-001"
    assert (inbox.folder / "a_1.csv").exists()
    assert names(inbox.folder / "done") == ["nhs_1.csv"]
    assert Store(inbox_site).snapshot().manifest.loads[-1].rows_loaded == 1


def test_a_file_that_was_refused_and_is_loaded_by_a_mended_mapping_is_a_file_of_another_mapping(
    inbox_site: Site, engine: Engine
) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    file = write_csv(inbox.folder / "other.csv", [line(1)])
    content = file.read_bytes()
    load_inbox(inbox_site, inbox, engine)
    file.write_bytes(content)
    load_inbox(inbox_site, replace(inbox, files=(InboxFile("*.csv", inbox.files[0].mapping),)), engine)
    assert sorted(ledger(engine)) == [("loaded", None, 1), ("refused", "CR-WORK-005", 0)]


# Backups


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_copies_are_whole_for_their_owner_alone_and_so_many(tmp_path: Path, engine: Engine) -> None:
    save_person_scores(engine, scores(score_row("k1_A")), person_run())
    folder = tmp_path / "backups"
    moment = datetime(2026, 11, 29, 2, 30, tzinfo=UTC)
    made = [backup.back_up(engine, folder, kept=2, now=moment + number * HOUR) for number in range(3)]
    assert backup.copies(folder) == made[1:]
    assert backup.made_at(made[2]) == moment + 2 * HOUR
    assert made[2].stat().st_mode & 0o077 == 0
    with closing(sqlite3.connect(made[2])) as copy:
        assert copy.execute("SELECT count(*) FROM scores").fetchone() == (1,)
        assert copy.execute("PRAGMA journal_mode").fetchone() == ("delete",)
    assert [path.name for path in folder.iterdir() if path.suffix != ".db"] == []


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_copy_is_made_while_others_write(tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(backup, "PAGES_AT_ONCE", 1)
    monkeypatch.setattr(backup, "GENTLY_SECONDS", 0.3)
    done = threading.Event()

    def write() -> None:
        other = open_engine(str(engine.url))
        while not done.is_set():
            with writing(other) as connection:
                connection.execute(insert(JobRow).values(name=f"{time.monotonic_ns()}", state="done", attempts=0))
        other.dispose()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        made = backup.back_up(engine, tmp_path / "backups", kept=1, now=AS_OF)
    finally:
        done.set()
        writer.join()
    assert made.exists()


@pytest.mark.parametrize("engine", ["sqlite"], indirect=True)
def test_a_copy_that_is_not_whole_is_not_kept(tmp_path: Path, engine: Engine) -> None:
    save_person_scores(engine, scores(*(score_row(f"k1_{number}") for number in range(2_000))), person_run())
    first = backup.back_up(engine, tmp_path / "backups", kept=1, now=AS_OF)
    engine.dispose()
    file = tmp_path / "crisisrisk.db"
    content = bytearray(file.read_bytes())
    content[len(content) // 2 : len(content) // 2 + 8_192] = b"\xff" * 8_192
    file.write_bytes(bytes(content))
    with pytest.raises((ServiceError, sqlite3.DatabaseError)):
        backup.back_up(engine, tmp_path / "backups", kept=1, now=AS_OF + HOUR)
    assert list((tmp_path / "backups").iterdir()) == [first]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_a_postgresql_is_dumped_and_without_its_programs_it_says_what_to_do(
    tmp_path: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = backup.back_up(engine, tmp_path / "backups", kept=1, now=AS_OF)
    assert made.read_bytes()[:5] == b"PGDMP"
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ServiceError) as raised:
        backup.back_up(engine, tmp_path / "backups", kept=1, now=AS_OF + HOUR)
    assert (raised.value.code, "back_up_at = []" in str(raised.value.hint)) == ("CR-WORK-004", True)
    assert backup.copies(tmp_path / "backups") == [made]


# Retention


def test_old_runs_end_with_what_hangs_on_them_but_never_the_newest_of_a_model(engine: Engine) -> None:
    days = [timedelta(days=number) for number in (400, 300, 10)]
    runs = [save_person_scores(engine, scores(score_row("k1_A")), person_run(as_of=AS_OF - one)) for one in days]
    other = save_person_scores(engine, scores(score_row("k1_A")), person_run(as_of=AS_OF - days[0], model_version=3))
    issued = [save_place_forecast(engine, forecast_rows(), place_run(as_of=AS_OF - one)) for one in days]
    assert end_scoring_runs(engine, before=AS_OF - timedelta(days=200)) == 2
    assert end_forecast_runs(engine, before=AS_OF - timedelta(days=350)) == 1
    with engine.connect() as connection:
        assert sorted(connection.execute(select(ScoringRun.id)).scalars()) == [runs[2], other]
        assert set(connection.execute(select(Score.run_id)).scalars()) == {runs[2], other}
        assert set(connection.execute(select(Forecast.run_id)).scalars()) == set(issued[1:])


def test_files_of_the_inbox_end_when_their_days_are_over(inbox_site: Site, engine: Engine) -> None:
    inbox = inbox_site.inbox
    assert inbox is not None
    (inbox.folder / "nhs_1.csv").write_text("id\n")
    write_csv(inbox.folder / "nhs_2.csv", [line(2)])
    load_inbox(inbox_site, inbox, engine)
    kept = replace(inbox_site, retention=RetentionSettings(inbox_days=30))
    assert expire(kept, engine, now=AS_OF) == {"files_ended": 0}
    for path in inbox.folder.rglob("*.*"):
        os.utime(path, (time.time() - 31 * 86_400,) * 2)
    assert expire(kept, engine, now=AS_OF) == {"files_ended": 3}
    assert expire(inbox_site, engine, now=AS_OF) == {}


# The configuration


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('[work]\nscore_at = ["25:00"]', "work.score_at cannot be used"),
        ("[work]\nforecast_hours_before = [200]", "work.forecast_hours_before cannot be used"),
        ("[work]\nbackups_kept = 0", "work.backups_kept cannot be used"),
        ("[work]\nscores_at = []", 'unknown key "scores_at"'),
        ('[inbox]\nfolder = "in"', "inbox.file cannot be used"),
        ('[inbox]\n[[inbox.file]]\nname = "*"\nmapping = "m"', "inbox.folder cannot be used"),
        ('[inbox]\nfolder = "in"\n[[inbox.file]]\nname = "*"', "inbox.file 1 cannot be used"),
        ("[retention]\nscores_days = 30", "retention.scores_days cannot be used"),
    ],
)
def test_a_wrong_schedule_is_refused_with_its_key(tmp_path: Path, text: str, problem: str) -> None:
    site = make_site(tmp_path / "site")
    file = site.path / "crisisrisk.toml"
    file.write_text(file.read_text() + "\n" + text + "\n")
    with pytest.raises(SiteError) as raised:
        read_site(site.path)
    assert raised.value.problem == problem
