#!/usr/bin/env python3
"""Filters ▸ Scumble: one GIMP procedure for each operation of the catalogue, and a check that everything works."""

from __future__ import annotations

import sys

import gi

for _namespace, _version in (("Babl", "0.1"), ("Gegl", "0.4"), ("Gimp", "3.0")):
    gi.require_version(_namespace, _version)
import procedures  # noqa: E402
from gi.repository import Babl, Gimp, GLib  # noqa: E402
from scumble_protocol.errors import Cancelled, ScumbleError  # noqa: E402

Status = Gimp.PDBStatusType


class Scumble(Gimp.PlugIn):
    """GIMP runs this file once to ask what there is, and once more for every call."""

    def do_set_i18n(self, _procedure_name):
        return False

    def do_query_procedures(self):
        procedures.remember_catalogue()
        return procedures.names()

    def do_create_procedure(self, name):
        return procedures.create(self, name, self.run)

    def run(self, procedure, run_mode, image, drawables, config, _data):
        try:
            values = procedures.run(procedure, run_mode, image, drawables, config)
        except Cancelled:
            return procedure.new_return_values(Status.CANCEL, GLib.Error())
        except ScumbleError as error:
            return procedure.new_return_values(Status.EXECUTION_ERROR, _as_gerror(str(error)))
        except Exception as fault:  # an artist is told in one line; the traceback goes to a file
            return procedure.new_return_values(Status.EXECUTION_ERROR, _as_gerror(procedures.record_fault(fault)))
        returned = procedure.new_return_values(Status.SUCCESS, GLib.Error())
        for index, value in enumerate(values, start=1):  # 0 is the status
            if value is not None:  # what stands there already; None has no GType, which crashes GIMP 3.0.4
                returned.remove(index)
                returned.insert(index, value)
        return returned


def _as_gerror(text):
    return GLib.Error.new_literal(Gimp.PlugIn.error_quark(), text, 0)


Babl.init()  # GIMP 3.0.4 aborts while querying without it
Gimp.main(Scumble.__gtype__, sys.argv)
