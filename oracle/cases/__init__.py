"""Cases: numbers and regions to judge kernels on.

    case      operation, geometry, dtype, fill and seed, with its id; `numbers` draws them
    arrangements   how arguments of the same values may be handed over
    regions   every geometry up to a size, by rank; `axes`, along one axis

Nothing here knows of results.
"""
