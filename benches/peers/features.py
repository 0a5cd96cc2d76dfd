"""Features and outcomes of posteriordb's linear regressions, by name of the work: what the Stan programs compute from
their data."""

import numpy as np


def columns(data, *names):
    return [np.asarray(data[name], float) for name in names]


def with_intercept(features):
    return np.stack([np.ones_like(features[0]), *features], axis=-1)


def groups(data, name):
    """Columns that are 1 in the rows of group 2, 3 and 4."""
    return [(np.asarray(data[name]) == group).astype(float) for group in (2, 3, 4)]


def logearn_interaction(data):
    earn, height, male = columns(data, "earn", "height", "male")
    return with_intercept([height, male, height * male]), np.log(earn)


def kidscore_momiq(data):
    score, iq = columns(data, "kid_score", "mom_iq")
    return with_intercept([iq]), score


def kidscore_mom_work(data):
    (score,) = columns(data, "kid_score")
    return with_intercept(groups(data, "mom_work")), score


SIZES = ["diam1", "diam2", "canopy_height", "total_height", "density"]


def mesquite(data):
    weight, group, *sizes = columns(data, "weight", "group", *SIZES)
    return with_intercept([*sizes, group]), weight


def logmesquite(data):
    weight, group, *sizes = columns(data, "weight", "group", *SIZES)
    return with_intercept([*map(np.log, sizes), group]), np.log(weight)


def nes(data):
    party, ideology, race, *rest = columns(data, "partyid7", "real_ideo", "race_adj", "educ1", "gender", "income")
    return with_intercept([ideology, race, *groups(data, "age_discrete"), *rest]), party


def blr(data):
    return np.asarray(data["X"], float), np.asarray(data["y"], float)


FLAT = [logearn_interaction, kidscore_mom_work, mesquite, logmesquite, nes]
