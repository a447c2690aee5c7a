"""Kernels: what is judged, what it promises, and how it is called.

    subjects      what is judged; its kinds are `functions`, `declared` and `isolation`
    promises      what a kernel promises of rounding and zeros, or declines
    declared      kernels that a line names, which `loading` finds, and what it says of them
    calls         one call, and whether anything is wrong with it: `misbehaviour`
    arrangements  how arguments of the same values may be handed over
    settings      of a process, and `floating`, of its processor: what calls leave as they are
    traces        where a call failed, and what it printed
    shown         a call that went wrong: as evidence, as code, as a message

Nothing here knows what is right.
"""
