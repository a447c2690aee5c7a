"""A call as a person sees it: what went wrong in it, and code that makes it alone."""
