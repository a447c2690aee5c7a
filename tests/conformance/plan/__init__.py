"""The plan: what is judged of a kernel without search, and in which order.

It knows neither pytest nor Hypothesis: the conformance tests walk it, and so does whoever judges a
kernel from Python.
"""
