"""Runs outside Krita, on the PyQt that is named: all of the plug-in that needs no Krita, with a real daemon.

python3 without_krita.py PyQt6 PLUGIN_FOLDER: prints what was seen, as JSON.
"""

# Runs in the editors' own Python, whose modules are not here.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import ast
import json
import sys
import types
from pathlib import Path

BINDING, FOLDER = sys.argv[1], Path(sys.argv[2])
for other in {"PyQt5", "PyQt6"} - {BINDING}:
    sys.modules[other] = None  # type: ignore[assignment] # its import fails, as it does in Krita 5.3
package = types.ModuleType("scumble")  # without running its __init__, which asks for Krita
package.__path__ = [str(FOLDER)]
sys.modules["scumble"] = package
sys.path.append(str(FOLDER))  # for scumble_protocol

from scumble import qt  # noqa: E402
from scumble.form import Form  # noqa: E402
from scumble.job import DONE, Job  # noqa: E402
from scumble.models import Models  # noqa: E402
from scumble.models_tab import ModelsTab  # noqa: E402
from scumble.request import make_request  # noqa: E402
from scumble.rows import JobList  # noqa: E402
from scumble.session import Order, Session  # noqa: E402
from scumble.source import Pixels  # noqa: E402
from scumble_protocol.connection import load_catalogue  # noqa: E402
from scumble_protocol.image import Bounds  # noqa: E402

if BINDING == "PyQt6":
    from PyQt6.QtTest import QTest
else:
    from PyQt5.QtTest import QTest

WAIT_MS = 60_000
AREA = Bounds(0, 0, 60, 40)
PICTURE = bytes(range(240)) * (AREA.area * 4 // 240)


class Queue(qt.QObject):
    """The queue as its rows see it."""

    changed = qt.Signal(object)
    removed = qt.Signal(object)

    def __init__(self):
        super().__init__()
        self.jobs = []
        self.clicked = []

    def cancel(self, job):
        self.clicked.append(["cancel", job.number])

    def forget(self, job):
        self.clicked.append(["forget", job.number])


def names_that_are_missing():
    """The names of Qt that the plug-in's files write in full, such as `Qt.ItemFlag.ItemIsEnabled`, and Qt has not."""
    missing, found = [], 0
    for file in sorted(FOLDER.glob("*.py")):
        for node in ast.walk(ast.parse(file.read_text("utf-8"))):
            written = ast.unparse(node) if isinstance(node, ast.Attribute) else ""
            first, *rest = written.split(".")
            if first not in qt.__all__ or not all(part.isidentifier() for part in rest):
                continue
            found += 1
            value = getattr(qt, first)
            for part in rest:
                value = getattr(value, part, None)
            if value is None:
                missing.append(f"{file.name}: {written}")
    assert found > 50, "the plug-in's files were read"
    return missing


def set_a_form(operation):
    """What a form holds at first, and after it was typed, clicked and slid into."""
    form = Form(operation)
    defaults = {parameter.name: parameter.default for parameter in operation.parameters}
    form.set_values({"reference": "", **defaults})
    first, changes = form.values(), []
    form.changed.connect(lambda: changes.append(form.values()))
    form.show()
    amount = form.findChild(qt.QtWidgets.QWidget, "scumble_value_amount")
    amount.slider.setValue(amount.slider.maximum())
    slid = form.values()["amount"]
    amount.spin.selectAll()
    QTest.keyClicks(amount.spin, "0.25")
    QTest.mouseClick(
        form.findChild(qt.QtWidgets.QCheckBox, "scumble_value_is_soft"),
        qt.Qt.MouseButton.LeftButton,
        pos=qt.QtCore.QPoint(8, 8),
    )
    form.set_values({"kind": "cold", "words": "été"})
    return form, {"first": first, "slid": slid, "set": form.values(), "changes": len(changes)}


def run(operation, values):
    """The job's signals in their order, and what came, read as the plug-in reads it for Krita."""
    request, seen, came = make_request(operation, values), [], {}
    loop = qt.QtCore.QEventLoop()
    session = Session("test")
    session.submitted.connect(lambda number: seen.append(["submitted", number]))
    session.accepted.connect(lambda number, position: seen.append(["accepted", number, position]))
    session.progressed.connect(lambda number, fraction, _stage: seen.append(["progressed", number, fraction >= 0]))
    session.failed.connect(lambda number, error: (seen.append(["failed", number, str(error)]), loop.quit()))

    def take(number, result):
        seen.append(["finished", number])
        came["notes"] = list(result.notes)
        came["layers"] = {layer.name: copied(layer.raster.data) for layer in result.layers}
        came["in the GUI's thread"] = qt.QThread.currentThread() == application.thread()
        session.release(number)
        loop.quit()

    session.finished.connect(take)
    session.start()
    pixels = Pixels(AREA, "u8", "RGBA", qt.QByteArray(PICTURE))
    session.submit(Order(7, operation.id, pixels, AREA, dict(request.parameters)))
    qt.QTimer.singleShot(WAIT_MS, loop.quit)
    loop.exec()
    session.end()
    return {"signals": seen, "thread ended": session.isFinished(), **came}


def copied(data):
    """The mean sample of what Krita is given."""
    given = qt.byte_array(data)
    return [given.size(), sum(bytes(given)) / given.size()]


def keeps_what_it_reads():
    """Whether a byte array holds its bytes although nothing else does, and their place in memory is in demand."""
    made = qt.byte_array(bytes([1]) * 57_200)
    others = [bytes([2]) * 4096 for _ in range(100)]  # as large as the tiles that Krita makes meanwhile
    return bool(others) and bytes(made) == bytes([1]) * 57_200


def watch_rows():
    """A row while its job runs and when it is done, and what its button calls."""
    queue = Queue()
    rows = JobList(queue)
    rows.show()
    job = Job(3, "Paint Test", where="photo", fraction=0.25, stage="Half done")
    queue.changed.emit(job)
    row = rows.findChild(qt.QtWidgets.QWidget, "scumble_job_3")
    button = row.findChild(qt.QtWidgets.QToolButton, "scumble_cancel")
    bar = row.findChild(qt.QtWidgets.QProgressBar)
    while_running = [bar.value(), bar.isVisibleTo(row), button.text()]
    QTest.mouseClick(button, qt.Qt.MouseButton.LeftButton)
    job.state, job.notes = DONE, ("a note",)
    queue.changed.emit(job)
    QTest.mouseClick(button, qt.Qt.MouseButton.LeftButton)
    said = row.findChild(qt.QtWidgets.QLabel, "scumble_said").text()
    at_the_end = [said, bar.isVisibleTo(row), button.text()]
    queue.removed.emit(job)
    return {"running": while_running, "over": at_the_end, "clicked": queue.clicked}


def watch_models():
    """The tab with a real daemon's list, and the question that a restricted model's Fetch asks."""
    session = Session("test")
    session.start()
    tab = ModelsTab(Models(session))
    tab.show()
    loop = qt.QtCore.QEventLoop()
    tab._models.changed.connect(lambda is_new: loop.quit() if is_new else None)
    qt.QTimer.singleShot(WAIT_MS, loop.quit)
    loop.exec()
    tree = tab.findChild(qt.QtWidgets.QTreeWidget, "scumble_models_list")
    item = next(each for each in _leaves(tree) if each.data(0, qt.Qt.ItemDataRole.UserRole) == "denoise-realplksr")
    tree.setCurrentItem(item)
    fetch = tab.findChild(qt.QtWidgets.QPushButton, "scumble_model_fetch")
    QTest.mouseClick(fetch, qt.Qt.MouseButton.LeftButton)
    box = tab.findChild(qt.QtWidgets.QMessageBox, "scumble_models_question")
    seen = {
        "first": tree.topLevelItem(0).child(0).text(1),
        "facts": tab.findChild(qt.QtWidgets.QLabel, "scumble_model_facts").text(),
        "question": f"{box.text()} {box.informativeText()}",
        "buttons": sorted(button.text().replace("&", "") for button in box.buttons()),
    }
    box.close()
    session.end()
    return seen


def _leaves(tree):
    tops = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
    return [top.child(row) for top in tops for row in range(top.childCount())]


application = qt.QtWidgets.QApplication(["test"])
paint = load_catalogue().find("paint_test")
form, described = set_a_form(paint)
for each in load_catalogue().visible:
    Form(each).values()
print(
    json.dumps(
        {
            "qt": qt.QtCore.__name__,
            "missing": names_that_are_missing(),
            "form": described,
            "job": run(paint, form.values()),
            "rows": watch_rows(),
            "models": watch_models(),
            "keeps what it reads": keeps_what_it_reads(),
        }
    )
)
