"""Networks in use: which there are, how a file becomes one, how it runs on a device; `model_pool` keeps them warm.

    sources    what is installed: shipped with Scumble, fetched, or dropped into the weights folder (no torch)
    devices    names of devices, and what each has room for
    loading    a checkpoint becomes a network, and nothing in it is ever run
    traits     what is known of each architecture: where it may be tiled, in which precision it may compute
    running    a loaded network over numpy tiles: precision, finite-check, out of memory
    desk       what an operation sees: choose one, borrow it, put it over a layer

torch and spandrel are imported inside functions: importing these modules costs nothing.
"""
