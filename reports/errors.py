"""What goes wrong with reports."""


class ReportError(ValueError):
    """A report cannot be read, written or used; the message is one line."""


class UnwrittenError(ReportError):
    """A report could not be written where it should have been possible, as on a full disk."""


class ContradictionError(ReportError):
    """A document contradicts itself."""
