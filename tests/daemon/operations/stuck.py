"""Never come back from C code, holding the interpreter's lock: no thread of the process can run."""

import ctypes
import time

from scumble_daemon.registry import OperationParams, operation


class Params(OperationParams):
    pass


@operation("stuck", title="Stuck", menu="Test", hidden=True)
def stuck(image, params, context):
    context.progress(0, "Stuck from now on")
    time.sleep(1)  # for the thread that sends this
    ctypes.PyDLL(None).sleep(600)
    return []
