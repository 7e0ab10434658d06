"""A Krita plug-in for the tests: runs functions of inside.py for whoever listens on $SCUMBLE_TEST_SOCKET."""

# Runs inside Krita, whose modules are not here.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import faulthandler
import importlib.util
import json
import os
import socket
import traceback

from krita import Extension, Krita
from PyQt5.QtCore import QSocketNotifier, QTimer


class Driver(Extension):
    def setup(self):
        """The window comes later."""

    def createActions(self, window):  # noqa: N802 - Krita's name
        if not hasattr(self, "connection"):
            self.connection = socket.socket(socket.AF_UNIX)
            QTimer.singleShot(0, self.start)  # when the window is there and every plug-in has had its turn

    def start(self):
        spec = importlib.util.spec_from_file_location("inside", os.environ["SCUMBLE_TEST_INSIDE"])
        assert spec is not None
        assert spec.loader is not None
        self.inside = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(self.inside)
        self.connection.connect(os.environ["SCUMBLE_TEST_SOCKET"])
        self.stream = self.connection.makefile("rw", encoding="utf-8")
        self.notifier = QSocketNotifier(self.connection.fileno(), QSocketNotifier.Read)
        self.notifier.activated.connect(self.answer)

    def answer(self, *_):
        self.notifier.setEnabled(False)  # a function may let events through: the next call has to wait
        line = self.stream.readline()
        if not line:
            os._exit(0)  # the tests are over; Krita would ask about unsaved pictures
        try:
            asked = json.loads(line)
            reply = {"value": getattr(self.inside, asked["call"])(**asked["arguments"])}
        except BaseException:
            reply = {"fault": traceback.format_exc()}
        self.stream.write(json.dumps(reply) + "\n")
        self.stream.flush()
        self.notifier.setEnabled(True)


faulthandler.enable(2)  # standard error: where Krita was in Python when it crashes
Krita.instance().addExtension(Driver(Krita.instance()))
