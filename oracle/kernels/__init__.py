"""Kernels: what is judged, what it promises, and how it is called.

    subjects      what is judged; its kinds are `functions`, `candidates` and `isolation`
    promises      what a kernel promises of rounding and zeros, or declines
    candidates    kernels that a line names; `loading` finds them, `literals` reads values
    calls         one call, and whether anything is wrong with it: `misbehaviour`
    arrangements  how arguments of the same values may be handed over
    settings      of a process, and `floating`, of its processor: what calls leave as they are
    traces        where a call failed, and what it printed
    shown         a call that went wrong: as evidence, as code, as a message

Nothing here knows what is right.
"""
