"""A call as a person sees it: what went wrong in it, code that makes it alone, its time."""
