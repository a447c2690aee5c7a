"""What kernels do instead of giving a result, and what they do besides."""

import re
import warnings
from collections.abc import Sequence


class MisbehaviourError(Exception):
    """A kernel gave no result that could be judged; the message says why."""

    def __init__(self, reason: str, details: Sequence[str] = ()) -> None:
        """Keep lines on where that was, and what the kernel printed, as `traces` makes them."""
        super().__init__(reason)
        self.details = tuple(details)

    @property
    def deed(self) -> str:
        """What the kernel did, without particulars such as an exception's message."""
        return str(self).partition(":")[0]


class KernelWarning(UserWarning):
    """Something that a candidate did and that is no fault, such as a warning of its own."""


def tell(kernel: object, text: str) -> None:
    """Warn of what a kernel did, also where the user's warnings are errors: it is no fault."""
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn(f"{kernel}: {text}", KernelWarning, stacklevel=3)


class NotCalledError(MisbehaviourError):
    """A kernel was not called, since calls before had ended its process."""


def words(error: BaseException) -> str:
    """Return an exception in a few words that do not change from run to run."""
    try:
        text = str(error)[:2000]
    except BaseException:  # noqa: BLE001  (kernels may raise anything, also then)
        text = "a message that cannot be read"
    text = " ".join(re.sub(r"0x[0-9a-fA-F]{6,}", "0x...", text).split())
    return f"{type(error).__name__}: {text[:200] or 'no message'}"
