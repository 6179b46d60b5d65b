"""Who is answered when more is asked than can be: turns, priorities, rates, and who is known."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from crisisrisk.serving.admission import BusyError, Callers, Priority, Rates, Turns, caller_of, priority_of

Step = Callable[[Turns], Awaitable[object]]


async def waiting(turns: Turns, *priorities: Priority) -> list["asyncio.Task[Priority]"]:
    """One task for each priority, waiting in this order; it gives its priority when its turn comes."""

    async def take(priority: Priority) -> Priority:
        await turns.take(priority)
        return priority

    tasks = []
    for priority in priorities:
        tasks.append(asyncio.create_task(take(priority)))
        await asyncio.sleep(0)
    return tasks


@pytest.mark.parametrize(
    ("path", "query", "expected"),
    [("/api/v1/shifts", "", Priority.BOARD), ("/api/v1/shifts/night-2026-11-22/hotspots", "limit=5", Priority.BOARD),
     ("/api/v1/board", "", Priority.BOARD), ("/api/v1/shiftsandmore", "", Priority.OTHER),
     ("/api/v1/shifts/x/hotspots", "download=true", Priority.BATCH), ("/api/v1/people/k1_A/risk", "", Priority.PEOPLE),
     ("/api/v1/people/k1_A/risk", "fresh=true", Priority.BATCH), ("/api/v1/people/score", "", Priority.BATCH),
     ("/api/v1/caseloads/north", "", Priority.PEOPLE), ("/fhir/R4/RiskAssessment", "", Priority.BATCH),
     ("/shifts/next", "", Priority.BOARD), ("/people/k1_A", "since=2026-11-15", Priority.PEOPLE),
     ("/caseload", "", Priority.PEOPLE), ("/caller", "", Priority.PEOPLE), ("/unallocated", "", Priority.PEOPLE),
     ("/api/v1/version", "", Priority.OTHER), ("/", "", Priority.OTHER)],
)  # fmt: skip
def test_the_path_says_how_soon_a_request_is_answered(path: str, query: str, expected: Priority) -> None:
    assert priority_of({"type": "http", "path": path, "query_string": query.encode()}) is expected


def test_the_board_goes_before_people_and_batches_last() -> None:
    async def run() -> list[Priority]:
        turns = Turns(at_once=1, waiting=10, seconds=5)
        await turns.take(Priority.BATCH)
        tasks = await waiting(turns, Priority.BATCH, Priority.OTHER, Priority.PEOPLE, Priority.BOARD, Priority.BOARD)
        order = []
        for _ in tasks:
            turns.give_back()
            done = [task for task in tasks if task not in order]
            finished, _ = await asyncio.wait(done, return_when=asyncio.FIRST_COMPLETED)
            order.extend(finished)
        turns.give_back()
        assert (turns.taken, turns.queued()) == (0, 0)
        return [task.result() for task in order]

    expected = [Priority.BOARD, Priority.BOARD, Priority.PEOPLE, Priority.OTHER, Priority.BATCH]
    assert asyncio.run(run()) == expected


def test_what_is_too_much_is_refused_at_once_and_the_last_in_line_first() -> None:
    async def run() -> None:
        turns = Turns(at_once=1, waiting=2, seconds=5)
        await turns.take(Priority.BOARD)
        early, late = await waiting(turns, Priority.BATCH, Priority.BATCH)
        with pytest.raises(BusyError):
            await turns.take(Priority.BATCH)
        (board,) = await waiting(turns, Priority.BOARD)
        with pytest.raises(BusyError):
            await late
        assert (early.done(), board.done(), turns.queued()) == (False, False, 2)
        turns.give_back()
        assert await board is Priority.BOARD
        turns.give_back()
        assert await early is Priority.BATCH
        turns.give_back()
        assert turns.taken == 0

    asyncio.run(run())


def test_nobody_waits_longer_than_said() -> None:
    async def run() -> None:
        turns = Turns(at_once=1, waiting=5, seconds=0.01)
        await turns.take(Priority.BOARD)
        with pytest.raises(BusyError):
            await turns.take(Priority.BOARD)
        assert (turns.taken, turns.queued()) == (1, 0)

    asyncio.run(run())


@pytest.mark.parametrize("after_its_turn_came", [True, False])
def test_a_turn_that_nobody_wants_any_more_is_not_lost(after_its_turn_came: bool) -> None:
    async def run() -> None:
        turns = Turns(at_once=1, waiting=5, seconds=5)
        await turns.take(Priority.BOARD)
        gone, next_one = await waiting(turns, Priority.BOARD, Priority.BOARD)
        if after_its_turn_came:
            turns.give_back()
        gone.cancel()
        with pytest.raises(asyncio.CancelledError):
            await gone
        if not after_its_turn_came:
            turns.give_back()
        assert await next_one is Priority.BOARD
        turns.give_back()
        assert (turns.taken, turns.queued()) == (0, 0)

    asyncio.run(run())


def test_a_caller_has_a_burst_and_then_a_rate() -> None:
    now = 0.0
    rates = Rates(a_second=2, burst=3, clock=lambda: now)
    assert [rates.wait(b"one") for _ in range(5)] == [0, 0, 0, 0.5, 0.5]
    assert rates.wait(b"other") == 0
    now = 0.5
    assert [rates.wait(b"one") for _ in range(2)] == [0, 0.5]
    now = 100.0
    assert [rates.wait(b"one") for _ in range(4)] == [0, 0, 0, 0.5]


def test_callers_beyond_number_cost_no_memory() -> None:
    rates, callers = Rates(a_second=1, burst=1, most=100), Callers(most=100)
    for number in range(1_000):
        rates.wait(str(number).encode())
        callers.remember(str(number).encode())
    assert (len(rates._left), len(callers._known)) == (100, 100)
    assert (callers.knows(b"999"), callers.knows(b"1")) == (True, False)


def test_a_caller_is_a_key_else_an_address() -> None:
    def caller(address: str, **headers: str) -> bytes:
        raw = [(name.replace("_", "-").encode(), value.encode()) for name, value in headers.items()]
        return caller_of({"type": "http", "client": (address, 1), "headers": raw})

    assert caller("a", authorization="Bearer x") == caller("b", authorization="Bearer x")
    assert caller("a", x_api_key="x") != caller("a", x_api_key="y")
    assert caller("a") != caller("b")
    assert caller("a") == caller("a", accept="text/plain")
