"""Networks in use: which there are, how a file becomes one, how it runs on a device; `model_pool` keeps them warm.

    sources    what is installed: shipped with Scumble, fetched, or dropped into the weights folder (no torch)
    devices    names of devices, and what each has room for
    tensors    what a checkpoint holds; nothing in it is ever run
    loading    what is installed becomes a network: with_spandrel, or by a file of architectures/
    networks   what a network is then, image → image or another
    traits     what is known of each architecture: where it may be tiled, in which precision it may compute
    pretrained a folder of the transformers library becomes a network, without any code from it
    running    a loaded network over numpy tiles: precision, finite-check, out of memory
    segmenter  Segment Anything over a picture: encoded once, then a mask for every click
    desk       what an operation sees: choose one, borrow it, put it over a layer

torch, spandrel and transformers are imported inside functions: importing these modules costs nothing.
"""
