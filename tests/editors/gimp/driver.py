"""Runs inside GIMP, as a batch script: calls functions of `inside.py` for the tests, one at a time, over a socket."""

import json
import os
import socket
import sys
import traceback

sys.path.insert(0, os.environ["SCUMBLE_TEST_INSIDE"])
import inside

with socket.socket(socket.AF_UNIX) as connection:
    connection.connect(os.environ["SCUMBLE_TEST_SOCKET"])
    with connection.makefile("rw", encoding="utf-8") as stream:
        for line in stream:
            request = json.loads(line)
            try:
                reply = {"value": getattr(inside, request["call"])(**request["arguments"])}
            except Exception:
                reply = {"fault": traceback.format_exc()}
            stream.write(json.dumps(reply) + "\n")
            stream.flush()
