"""The one room that knows all stages, and the order they run in."""
