"""The catalogue of mistakes: wrong kernels with a name, for each operation.

A mistake is written once, as a change to the trilinear form that all operations but the bias's
gradients are derivatives of, and told of every operation that can have it.  Those sum in wrong
ways.
"""

from functools import lru_cache

from convcheck.form.operations import operation_named

from .channels import CHANNELS
from .groups import GROUPS, of_bias_gradient
from .layers import of_both_layers
from .numbers import NUMBERS
from .padding import PADDING
from .sides import SIDES
from .slips import Mistake, of_one_layer, of_two_layers
from .spatial import AXES
from .states import of_state, right

__all__ = ["Mistake", "catalogue", "right"]

_SLIPS = (*AXES, *SIDES, *CHANNELS, *NUMBERS)
_OF_PARAMETERS = (*PADDING, *GROUPS)


@lru_cache
def catalogue(operation: str, *, parameters: bool = False) -> tuple[Mistake, ...]:
    """Return the mistakes that a kernel of `operation` can have, the plainer ones first.

    Those that only calls with `parameters` show come with these alone.
    """
    which = operation_named(operation)
    if which.trilinear:
        slips = (*_SLIPS, *_OF_PARAMETERS) if parameters else _SLIPS
        return (*of_one_layer(slips, which), *of_state(which))
    if which.default_fore is None:
        return (*of_bias_gradient(which),)
    return (*of_both_layers(which), *of_two_layers(_SLIPS, which), *of_state(which))
