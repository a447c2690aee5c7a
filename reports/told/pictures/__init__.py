"""Pictures of the data, laid out here and written as inline SVG by `templates/pictures.html`.

Nothing is judged here: what is marked as wrong is what the report says is wrong.
"""

from .calls import of_calls, of_error, of_tried, of_windows
from .grid import Picture
from .regions import of_distribution, of_region, region_table
from .sparks import of_runs
from .values import of_values, shade, values_table

__all__ = [
    "Picture",
    "of_calls",
    "of_distribution",
    "of_error",
    "of_region",
    "of_runs",
    "of_tried",
    "of_values",
    "of_windows",
    "region_table",
    "shade",
    "values_table",
]
