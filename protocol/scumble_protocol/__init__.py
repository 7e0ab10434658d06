"""The contract between an editor and the Scumble daemon; standard library and msgpack only."""

__version__ = "0.1.0"
