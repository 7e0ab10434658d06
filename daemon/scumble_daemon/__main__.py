"""`python -m scumble_daemon` is `scumble`."""

from .cli import main

main()
