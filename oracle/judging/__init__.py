"""Judging: what decides whether a kernel is right, and with what certainty.

    judge         one kernel on one case: a `Verdict` (`verdicts`, which `explain` tells)
    oracles       what is right, computed in three ways that `cross_check` holds together
    bounds        how far rounding may lead; `normwise`, of FFT and Winograd kernels
    spread        which results NaN and infinities enter, for certain or possibly
    laws          what holds without any oracle
    enumeration   every geometry of a region, exactly

Nothing here knows why a kernel is wrong: see `diagnosis`.
"""
