"""What of the outcome's doors and ends a trust sheet may say."""

from crisisrisk.evaluation.card.released import by_door


def test_a_part_of_another_count_is_not_released() -> None:
    # 24 died, 20 of them after an outcome: both together would tell the four that are too few to be said.
    ends = [("died_in_horizon", "died inside the horizon", 24), ("died_after_outcome", "of them, after an outcome", 20)]
    outcome = {"competing": [{"event": event, "meaning": words, "people": count, "rows": count}
                             for event, words, count in ends]}  # fmt: skip
    assert [one["name"] for one in by_door(outcome)] == ["died inside the horizon"]
