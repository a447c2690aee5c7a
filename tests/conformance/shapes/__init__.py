"""Shapes: which geometries the tests judge."""
