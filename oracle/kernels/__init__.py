"""Kernels: what is judged, what it promises, and how it is called."""
