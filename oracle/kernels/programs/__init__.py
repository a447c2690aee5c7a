"""Kernels in other languages: programs that are asked over pipes."""
