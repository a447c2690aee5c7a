"""Text in Markdown, whatever a kernel says or is called: it makes no markup."""

from convcheck.kernels.shown.text import one_line

_PLAIN = " -,/=()+'"
"""what means nothing to Markdown, nor to HTML, beside letters and digits"""


def code(text: str, longest: int = 200) -> str:
    """Return text as code in Markdown, also in a table or within HTML: it makes no markup."""
    return f"<code>{escaped(text, longest)}</code>"


def escaped(text: str, longest: int = 400) -> str:
    """Return text that Markdown and HTML take for nothing else."""
    return "".join(
        each if each.isalnum() or each in _PLAIN else f"&#{ord(each)};"
        for each in one_line(text, longest)
    )
