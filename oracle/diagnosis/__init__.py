"""Diagnosis: why a kernel is wrong, and where; never whether it is.

    diagnose    the way from a verdict that failed to what is told of it (`diagnosis`)
    session     the kernel, called again: what it answers to `probes`, and to other calls
    answers     beside what is right, and beside what `mistakes` answer: which give all, or some
    around      what holds of many calls around the one that failed: `where`, and `patterns`
    history     what results depend on besides arguments: earlier calls, chance, memory
    advice      what the kernel might declare, and be right
    beside      how it compares with the kernel that it replaces

What is said of a kernel is held against all that a run has judged of it: see `where.seen`.
"""
