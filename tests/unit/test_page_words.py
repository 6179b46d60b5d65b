"""Words of pages that no page alone can hold: of models, rules of rows and shifts of any week."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from crisisrisk.serving.answers import ShiftForecast
from crisisrisk.serving.pages.board import headline
from crisisrisk.serving.pages.page import Local, model_said, rule_said, within

LONDON = Local(ZoneInfo("Europe/London"))
START = datetime(2026, 7, 3, 21, tzinfo=UTC)
END = START + timedelta(hours=10)


def test_a_rule_of_rows_names_its_column_as_code_and_shows_a_time_by_an_example() -> None:
    assert rule_said("occurred_at: a time like %d-%b-%Y %H:%M") == (
        "<code>occurred_at</code>: a time like 22-Nov-2026 18:30"
    )
    assert rule_said("person_id: a valid NHS number") == "<code>person_id</code>: a valid NHS number"
    assert (
        rule_said("source: a source named in crisisrisk.toml") == "<code>source</code>: a source that this site names"
    )
    assert rule_said("at most 100 % <filled>") == "at most 100 % &lt;filled&gt;"


def test_a_model_is_said_by_what_it_is_of() -> None:
    assert model_said("place_crisis_shift") == "the model of places"
    assert model_said("person_crisis_28d") == "the model of people"
    assert model_said("other") == "the model other"


def test_what_a_record_says_is_small_within_a_sentence_unless_a_name_is_in_it() -> None:
    assert within("Did not attend") == "did not attend"
    assert [within(one) for one in ("Care Act – assessment", "DNA", "")] == ["Care Act – assessment", "DNA", ""]


def test_a_shift_of_another_week_is_said_with_its_date_and_in_its_time() -> None:
    forecast = ShiftForecast.model_construct(
        expected=4.0, lower=2.0, upper=7.0, usual=4.2, outlook="looks ordinary: 60 in 100 that 3 to 6 come"
    )
    before, after = START - timedelta(days=2), END + timedelta(days=30)
    assert headline(forecast, START, END, LONDON, now=after) == (
        "Friday 3 Jul 22:00 to Saturday 08:00 was forecast to be about as busy as usual: 2 to 7 crisis contacts, "
        "usual 4.2."
    )
    assert headline(forecast, START, END, LONDON, now=before).startswith("Friday 3 Jul 22:00 to Saturday 08:00 is ")
    tonight = headline(forecast, START, END, LONDON, now=START - timedelta(hours=4))
    assert tonight.startswith("Tonight, Friday 22:00 to Saturday 08:00, is likely")
