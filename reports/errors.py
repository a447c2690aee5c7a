"""What goes wrong with reports."""


class ReportError(ValueError):
    """A report cannot be read, written or used; the message is one line."""
