"""`scumble`, and `python -m scumble_daemon`: serving starts without loading the command line's libraries."""

from __future__ import annotations

import sys


def main() -> None:
    """Exit status: 0 done, 2 bad input, 1 anything else."""
    if sys.argv[1:] == ["serve"]:
        from . import server

        sys.exit(server.serve_here(print))
    from . import cli

    cli.main()


if __name__ == "__main__":
    main()
