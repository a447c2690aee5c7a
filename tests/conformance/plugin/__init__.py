"""The pytest plugin: what is judged, recorded and told."""
