"""The resident daemon: keeps models warm and runs operations for the editors."""

__version__ = "0.1.0"
