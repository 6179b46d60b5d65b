"""Where a reader finds each of the 27 items of TRIPOD+AI (Collins and others, BMJ 2024;385:e078378)."""

SITE = "to be filled in by the site"

_ITEMS = (
    ("Title", "the heading of this sheet"),
    ("Abstract", "Summary"),
    ("Background", SITE),
    ("Objectives", "Summary; What it must not be used for"),
    ("Data: sources and dates", "How it was made; How fresh the data were"),
    ("Participants: setting and eligibility", "How it was made; Who was judged"),
    ("Data preparation", "How it was made; the page on tables among the software’s own"),
    ("Outcome", "How it was made"),
    ("Predictors", "What moves the number; the feature recipe kept with the run"),
    ("Sample size", "Who was judged"),
    ("Missing data", "How it was made"),
    ("Analytical methods", "How it was made; the training recipe kept with the run"),
    ("Class imbalance", "How it was made (rows are weighted exactly, and the judged rows are all rows)"),
    ("Fairness", "Subgroups"),
    ("Model output", "Summary; Does it mean what it says"),
    ("Training versus evaluation", "How it was made (judged on later rows, or on other people)"),
    ("Ethical approval", SITE),
    ("Open science: funding, interests, protocol, registration, data, code", SITE),
    ("Patient and public involvement", SITE),
    ("Results: participants", "Who was judged; Subgroups"),
    ("Results: model development", "How it was made"),
    ("Results: model specification", "the bundle of the run: model, recipes and calibration, with their digests"),
    ("Results: model performance", "How it did; Does it mean what it says; Week by week; Subgroups"),
    ("Results: model updating", SITE),
    ("Interpretation", SITE),
    ("Limitations", "What it must not be used for"),
    ("Usability in current care", "What the lists mean to the teams; " + SITE),
)


def tripod_items() -> list[dict[str, str]]:
    """Number, name and place of each item."""
    return [{"item": str(number), "name": name, "where": where} for number, (name, where) in enumerate(_ITEMS, 1)]
