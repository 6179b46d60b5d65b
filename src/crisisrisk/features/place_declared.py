"""Columns of what a site declares of its days and places: its own files, and rules of paydays.

Without a declaration they are not known, never 0. What is announced at or after an issue time changes none of them.
"""

from collections.abc import Sequence
from math import isnan

import numpy as np

from crisisrisk.features.place_days import days_since_benefit_day, days_since_payday, school_holiday
from crisisrisk.features.place_happenings import happening_counts
from crisisrisk.features.place_located import Numbers
from crisisrisk.features.place_points import point_columns
from crisisrisk.features.specs import FeatureSpec
from crisisrisk.tables.cells import Cells
from crisisrisk.tables.site import Site
from crisisrisk.timeline import Instants, Shift

DAYS = ("school_holiday", "days_since_payday", "days_since_benefit_day")
HAPPENINGS = ("happenings_here", "happenings_nearby", "happenings_everywhere")
POINTS = ("points_here", "points_nearby", "nearest_point_km")
DECLARED = (*DAYS, *HAPPENINGS, *POINTS)


def declared_column(
    spec: FeatureSpec, cells: Cells, shifts: Sequence[Shift], issued_at: Instants, site: Site
) -> Numbers:
    """The column of a spec whose aggregation is one of `DECLARED`. Broadcasts to (shifts, cells)."""
    if spec.aggregation in HAPPENINGS:
        values = happening_counts(spec, cells, shifts, issued_at, site)
    elif spec.aggregation in POINTS:
        values = point_columns(spec, cells, issued_at, site)
    elif spec.aggregation == "school_holiday":
        values = school_holiday(shifts, issued_at, site)[:, None]
    elif spec.aggregation == "days_since_payday":
        values = days_since_payday(shifts, site)[:, None]
    else:
        values = days_since_benefit_day(shifts, site)[:, None]
    return values if isnan(spec.if_none) else np.where(np.isnan(values), spec.if_none, values)
