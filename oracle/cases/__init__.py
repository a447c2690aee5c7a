"""Cases: numbers and regions to judge kernels on.

    case      operation, geometry, dtype, fill and seed, with its id; `numbers` draws them
    regions   every geometry up to a size, by rank; `axes`, along one axis

Nothing here knows of results.
"""
