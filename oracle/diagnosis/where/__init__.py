"""Where a kernel is wrong: statements, how they are found, and held against what was judged.

    scan          geometries around one, or at random, and what the kernel does on them
    statements    what can be said of a geometry's sizes
    parameters    and of its parameters
    conditions    the statement that parts wrong from right, found and then attacked
    grids         what was tried, by two sizes, as a picture has it
    signs         what wrong results have in common
    claims        what is said of a kernel, and what backs it
    seen          what a run has judged, against which claims are held

Nothing here decides whether a kernel is right.
"""
