"""Continue a picture into a hole in it, with patches of what is around: after Wexler, Barnes and Newson."""


def warm_up() -> None:
    """Load the compiled loops."""
    from . import compiled  # noqa: F401
