"""What the tests can ask of Krita: each public function is called by name, with plain values, from outside."""

# Runs inside Krita, whose modules are not here.
# pyright: reportMissingImports=false, reportAttributeAccessIssue=false

import time

from krita import Krita, Selection
from PyQt5.QtCore import QByteArray, QEventLoop, QPointF, Qt, QTimer
from PyQt5.QtTest import QTest
from PyQt5.QtWidgets import (
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QMessageBox,
    QProgressBar,
    QScrollArea,
    QTabWidget,
    QTreeWidget,
    QWidget,
)

application = Krita.instance()
documents = {}
numbers = iter(range(1, 1 << 30))


def settle(seconds=10.0, until=None):
    """Let Krita work until `until` holds; without it, until the event queue was empty a few times."""
    latest = time.monotonic() + seconds
    rounds = 0
    while time.monotonic() < latest:
        QApplication.processEvents(QEventLoop.AllEvents, 20)
        rounds += 1
        if until is not None and until():
            return True
        if until is None and rounds >= 10:
            return True
        time.sleep(0.002)
    return False


def version():
    return application.version()


# --- documents ---------------------------------------------------------------------------------------------------


def new(width, height, model="RGBA", depth="U8", profile="sRGB-elle-V2-srgbtrc.icc", layers=()):
    """A document of its own view; the first of `layers` fills the background layer. Its number."""
    document = application.createDocument(width, height, "picture", model, depth, profile, 72.0)
    assert document.colorProfile() == profile, (document.colorProfile(), profile)
    root = document.rootNode()
    background = root.childNodes()[0]
    for index, layer in enumerate(layers):
        node = background if index == 0 else document.createNode(layer["name"], "paintlayer")
        node.setName(layer["name"])
        with open(layer["file"], "rb") as file:
            node.setPixelData(QByteArray(file.read()), layer["x"], layer["y"], layer["width"], layer["height"])
        if index:
            root.addChildNode(node, None)
    return _show(document)


def open_file(path):
    return _show(application.openDocument(path))


def _show(document):
    """Give it a view; Krita brings that to the front when its event loop comes round."""
    number = next(numbers)
    documents[number] = document
    application.activeWindow().addView(document)
    return number


def bring_to_front(number):
    """Ask for it; Krita does it when its event loop comes round."""
    for view in application.activeWindow().views():
        if view.document() == documents[number]:
            view.setVisible()
    return True


def is_in_front(number):
    return application.activeDocument() == documents[number]


def has_document():
    return application.activeDocument() in application.documents()


def choose(number, name=""):
    """Ask for a node to be the active one, the topmost where no name is given; whether it is."""
    document = documents[number]
    tops = [node for node in document.rootNode().childNodes() if node.type() != "selectionmask"]
    node = document.nodeByName(name) if name else tops[-1]
    active = document.activeNode()
    if active is not None and active.uniqueId() == node.uniqueId():
        return True
    document.setActiveNode(node)
    return False


def close(number):
    _close(documents.pop(number))
    return True


def _close(document):
    document.waitForDone()
    # Krita 5.2 crashes where its Layers docker still has news of a layer to show when that layer's document goes
    # (KisNodeModel::processUpdateQueue); the docker collects news for a tenth of a second.
    settle(0.3, lambda: False)
    document.setModified(False)
    document.close()
    settle()


def close_all():
    """Those that other tests have left, too; how many are left then."""
    for document in application.documents():
        _close(document)
    return len(application.documents())


def save(number, path):
    documents[number].setBatchmode(True)
    return documents[number].saveAs(path)


def documents_open():
    return len(application.documents())


def take_front():
    """A number for the document in front, which the tests have not made."""
    number = next(numbers)
    documents[number] = application.activeDocument()
    return number


def resolution(number, across=None, down=None):
    """In pixels per inch; set where given."""
    document = documents[number]
    if across:
        document.setXRes(across)
        document.setYRes(down)
    return [document.xRes(), document.yRes()]


def is_modified(number):
    return documents[number].modified()


def info(number):
    document = documents[number]
    return {
        "model": document.colorModel(),
        "depth": document.colorDepth(),
        "profile": document.colorProfile(),
        "width": document.width(),
        "height": document.height(),
        "active": document.activeNode().name() if document.activeNode() else "",
        "annotations": {name: bytes(document.annotation(name)).decode("utf-8", "replace")
                        for name in document.annotationTypes()},
    }  # fmt: skip


def tree(number):
    return [_described(node) for node in documents[number].rootNode().childNodes() if node.type() != "selectionmask"]


def _described(node):
    area = node.bounds()
    return {
        "name": node.name(),
        "type": node.type(),
        "id": node.uniqueId().toString().strip("{}"),
        "mode": node.blendingMode(),
        "opacity": node.opacity(),
        "visible": node.visible(),
        "depth": node.colorDepth(),
        "profile": node.colorProfile(),
        "passes_through": node.type() == "grouplayer" and node.passThroughMode(),
        "bounds": [area.x(), area.y(), area.width(), area.height()],
        "children": [_described(child) for child in node.childNodes()],
    }


def composite(number, file):
    document = documents[number]
    document.refreshProjection()
    document.waitForDone()
    with open(file, "wb") as out:
        out.write(bytes(document.pixelData(0, 0, document.width(), document.height())))
    return {"depth": document.colorDepth(), "model": document.colorModel(),
            "width": document.width(), "height": document.height()}  # fmt: skip


def read(number, name, file):
    """A node's own pixels (a mask's coverage) over its bounds."""
    node = documents[number].nodeByName(name)
    area = node.bounds()
    with open(file, "wb") as out:
        out.write(bytes(node.pixelData(area.x(), area.y(), area.width(), area.height())))
    return {"depth": node.colorDepth(), "model": node.colorModel(),
            "x": area.x(), "y": area.y(), "width": area.width(), "height": area.height()}  # fmt: skip


def mask_of(number, name, x, y, width, height, file):
    """Coverage of a layer's transparency mask over a rectangle, None where it has none."""
    for child in documents[number].nodeByName(name).childNodes():
        if child.type() == "transparencymask":
            with open(file, "wb") as out:
                out.write(bytes(child.selection().pixelData(x, y, width, height)))
            return True
    return None


def change(number, name, visible=None, locked=None, remove=False):
    node = documents[number].nodeByName(name)
    if visible is not None:
        node.setVisible(visible)
    if locked is not None:
        node.setLocked(locked)
    if remove:
        node.remove()
    documents[number].waitForDone()
    settle()
    return True


def add(number, kind, name, inside=None, mask=None):
    """A layer of another kind on top (or a paint layer in the group `inside`); `mask`: of a layer, left half shown."""
    document = documents[number]
    if mask:
        node = document.createTransparencyMask(name)
        selection = Selection()
        selection.select(0, 0, document.width() // 2, document.height(), 255)
        node.setSelection(selection)
        document.nodeByName(mask).addChildNode(node, None)
    elif kind == "vectorlayer":
        node = document.createVectorLayer(name)
        document.rootNode().addChildNode(node, None)
        node.addShapesFromSvg(
            f'<svg width="{document.width()}" height="{document.height()}">'
            '<rect x="5" y="5" width="20" height="15" fill="#c04010"/></svg>'
        )
        assert settle(until=lambda: any(bytes(node.projectionPixelData(8, 8, 1, 1)))), "the shape is never drawn"
    else:
        node = document.createGroupLayer(name) if kind == "grouplayer" else document.createNode(name, kind)
        parent = document.nodeByName(inside) if inside else document.rootNode()
        parent.addChildNode(node, None)
    document.refreshProjection()
    document.waitForDone()
    settle()
    return True


def move_into(number, name, group):
    document = documents[number]
    node = document.nodeByName(name).duplicate()
    document.nodeByName(name).remove()
    document.nodeByName(group).addChildNode(node, None)
    document.refreshProjection()
    document.waitForDone()
    settle()
    return True


# --- selections and undo -----------------------------------------------------------------------------------------


def select(number, x, y, width, height, file=None):
    """Select by coverage bytes, or the whole rectangle."""
    selection = Selection()
    if file:
        with open(file, "rb") as data:
            selection.setPixelData(QByteArray(data.read()), x, y, width, height)
    else:
        selection.select(x, y, width, height, 255)
    documents[number].setSelection(selection)
    settle()
    return True


def select_nothing(number):
    documents[number].setSelection(None)
    settle()
    return True


def selection(number, file):
    """Coverage of the canvas; False where nothing is selected."""
    document = documents[number]
    found = document.selection()
    if found is None:
        return False
    with open(file, "wb") as out:
        out.write(bytes(found.pixelData(0, 0, document.width(), document.height())))
    return True


def action(name):
    found = application.action(name)
    assert found is not None, name
    found.trigger()
    settle()
    if application.activeDocument():
        application.activeDocument().waitForDone()
    settle()
    return found.isEnabled()


def history():
    """What the Undo History docker lists for the document in front, oldest first."""
    listed = next(each for each in application.dockers() if each.objectName() == "History").findChild(QAbstractItemView)
    model = listed.model()
    return [str(model.index(row, 0).data()) for row in range(model.rowCount())]


# --- the docker --------------------------------------------------------------------------------------------------


def docker():
    return next(each for each in application.dockers() if each.windowTitle() == "Scumble")


def show_docker(alone=False):
    """Show it; `alone`: without the other dockers on its side, for a picture."""
    window = application.activeWindow().qwindow()
    window.showMaximized()
    if alone:
        for each in application.dockers():
            if each.windowTitle() not in ("Scumble", "Layers", "Toolbox", "Scumble"):
                each.hide()
    docker().show()
    docker().raise_()
    settle(0.5, lambda: False)
    return True


def part(name, kind=QWidget):
    found = docker().findChild(kind, name)
    assert found is not None, name
    return found


def listed(search=""):
    """Titles the docker lists while `search` is in the search field."""
    field = part("scumble_search")
    field.clear()
    QTest.keyClicks(field, search)
    operations = part("scumble_operations", QTreeWidget)
    found = []
    for index in range(operations.topLevelItemCount()):
        heading = operations.topLevelItem(index)
        found.append([heading.text(0), [heading.child(row).text(0) for row in range(heading.childCount())]])
    return found


def pick(title):
    """Search for an operation and click it."""
    listed(title)
    operations = part("scumble_operations", QTreeWidget)
    item = operations.findItems(title, Qt.MatchExactly | Qt.MatchRecursive)[0]
    operations.scrollToItem(item)
    QTest.mouseClick(operations.viewport(), Qt.LeftButton, pos=operations.visualItemRect(item).center())
    settle()
    return part("scumble_description", QLabel).text()


def fill(**values):
    """Set fields as an artist does: type numbers and texts, choose from lists, click switches."""
    for name, value in values.items():
        widget = part(f"scumble_value_{name}")
        if isinstance(widget, QComboBox):
            widget.setCurrentIndex(widget.findData(value))
        elif isinstance(value, bool):
            if widget.isChecked() != value:
                widget.click()
        elif hasattr(widget, "spin"):
            widget.spin.selectAll()
            QTest.keyClicks(widget.spin, str(value))
            QTest.keyClick(widget.spin, Qt.Key_Tab)
        else:
            widget.clear()
            if str(value).isascii():
                QTest.keyClicks(widget, str(value))
            else:
                widget.insert(value)  # QTest types ASCII only
    settle()
    return values_shown()


def references():
    """What the list of a reference picture shows when it opens."""
    choice = part("scumble_reference_choice", QComboBox)
    choice.showPopup()
    settle()
    choice.hidePopup()
    return [choice.itemText(index) for index in range(choice.count())]


def choose_reference(title):
    """Open the list and take an entry; the text that is shown then."""
    choice = part("scumble_reference_choice", QComboBox)
    choice.showPopup()
    settle()
    choice.setCurrentIndex(choice.findText(title, Qt.MatchEndsWith))
    choice.hidePopup()
    settle()
    return choice.currentText()


def slide(name, share):
    """Drag a number's slider to `share` of its length; the value."""
    number = part(f"scumble_value_{name}")
    number.slider.setValue(round(number.slider.maximum() * share))
    return number.spin.value()


def values_shown():
    return docker()._form.values()


def pictures_of(name):
    """Of a list's choices: the side of each one's picture, 0 for none, and the colours that are in its middle."""
    choice, found = part(f"scumble_value_{name}"), {}
    for index in range(choice.count()):
        picture = choice.itemIcon(index).pixmap(choice.iconSize()).toImage()
        middle = picture.pixelColor(picture.width() // 2, picture.height() // 2).getRgb()[:3] if picture.width() else []
        found[choice.itemData(index)] = [picture.width(), list(middle)]
    return found


def defaults():
    QTest.mouseClick(part("scumble_defaults"), Qt.LeftButton)
    return values_shown()


def click_run():
    """Click Run; the new job's number, None where the form was refused."""
    before = {job.number for job in jobs().jobs}
    QTest.mouseClick(part("scumble_run"), Qt.LeftButton)
    new_jobs = [job.number for job in jobs().jobs if job.number not in before]
    return new_jobs[0] if new_jobs else None


def place_of(name):
    """Where the middle of a part of the docker is on the screen."""
    widget = part(name)
    middle = widget.mapToGlobal(widget.rect().center())
    return [middle.x(), middle.y()]


def share_in_sight(name):
    """Of a part of the docker, without scrolling."""
    settle()
    widget = part(name)
    shown = widget.visibleRegion().boundingRect()
    return shown.width() * shown.height() / max(1, widget.width() * widget.height())


def give_room(height=None):
    """So many pixels of height at most for what is scrolled in the docker; without it, what there is."""
    scroll = docker()._scroll
    scroll.setMaximumHeight(height or 16777215)  # Qt's own limit
    settle()
    docker()._rows.fit_pictures(scroll.viewport().height())
    return True


def place_on_canvas(x, y):
    """Where a place of the document is on the screen, while the artist points on the canvas."""
    canvas = docker()._picking._canvas
    place = canvas.widget.mapToGlobal(canvas.transform().map(QPointF(x, y)).toPoint())
    return [place.x(), place.y()]


# --- the models' tab -----------------------------------------------------------------------------------------------


def show_tab(name):
    tabs = part("scumble_tabs", QTabWidget)
    tabs.setCurrentIndex([tabs.tabText(index) for index in range(tabs.count())].index(name))
    settle()
    return True


def models_listed():
    """Title and mark of every model, by heading."""
    tree = part("scumble_models_list", QTreeWidget)
    headings = [tree.topLevelItem(index) for index in range(tree.topLevelItemCount())]
    return {
        heading.text(0): {heading.child(row).text(0): heading.child(row).text(1) for row in range(heading.childCount())}
        for heading in headings
    }


def choose_model(title):
    """Click it in the list; what is told of it."""
    tree = part("scumble_models_list", QTreeWidget)
    item = tree.findItems(title, Qt.MatchExactly | Qt.MatchRecursive)[0]
    tree.scrollToItem(item)
    QTest.mouseClick(tree.viewport(), Qt.LeftButton, pos=tree.visualItemRect(item).center())
    settle()
    return model_shown()


def model_shown():
    names = ("title", "state", "facts", "trouble", "bytes", "fetch", "cancel", "remove")
    parts = {name: part(f"scumble_model_{name}") for name in names}
    shown = {name: each.text() if each.isVisible() else "" for name, each in parts.items()}
    return {**shown, "progress": part("scumble_model_progress", QProgressBar).value()}


def models_problem():
    label = part("scumble_models_problem", QLabel)
    return label.text() if label.isVisible() else ""


def click_retry():
    QTest.mouseClick(part("scumble_models_retry"), Qt.LeftButton)
    return True


def click_model(button):
    QTest.mouseClick(part(f"scumble_model_{button}"), Qt.LeftButton)
    settle()
    return True


def _question():
    boxes = docker().findChildren(QMessageBox, "scumble_models_question")
    return next((box for box in boxes if box.isVisible()), None)


def question():
    """What the box asks; "" where there is none."""
    box = _question()
    return f"{box.text()}\n{box.informativeText()}" if box is not None else ""


def answer_question(text):
    box = _question()
    assert box is not None, "no question is asked"
    button = next(each for each in box.buttons() if each.text().replace("&", "") == text)
    QTest.mouseClick(button, Qt.LeftButton)
    settle()
    return question()


def problem():
    label = part("scumble_problem", QLabel)
    return label.text() if label.isVisible() else ""


def jobs():
    return docker()._jobs


def job(number):
    """What the queue shows of a job."""
    found = next(each for each in jobs().jobs if each.number == number)
    row = part(f"scumble_job_{number}")
    return {
        "state": found.state,
        "over": found.is_over,
        "fraction": found.fraction,
        "bar": row.findChild(QProgressBar).value() if row.findChild(QProgressBar).isVisibleTo(row) else None,
        "stage": row.findChild(QLabel, "scumble_stage").text(),
        "said": row.findChild(QLabel, "scumble_said").text(),
        "title": row.findChildren(QLabel)[0].text(),
    }


def newest_job():
    return jobs().jobs[0].number if jobs().jobs else None


def click_cancel(number):
    """Click a row's button: Cancel, or × where the job is over. The state shown then, "" where the row is gone."""
    QTest.mouseClick(part(f"scumble_job_{number}").findChild(QWidget, "scumble_cancel"), Qt.LeftButton)
    return job(number)["state"] if number in rows() else ""


def preview(number):
    """Where the picture of a running job is on the screen, how much is in sight, and whether Finish now can be clicked.

    None where there is no picture.
    """
    row = part(f"scumble_job_{number}")
    picture = row.findChild(QWidget, "scumble_preview")
    if not picture.isVisible():
        return None
    around = next(each for each in docker().findChildren(QScrollArea) if each.isAncestorOf(picture))
    settle()
    size = picture.sizeHint()
    shown = picture.visibleRegion().boundingRect()
    corner = picture.mapToGlobal(picture.rect().topLeft())
    x = corner.x() + (picture.width() - size.width()) // 2
    return {
        "area": [x, corner.y(), size.width(), size.height()],
        "height": picture.height(),
        "in_sight": [shown.width(), shown.height()],
        "room": around.viewport().width(),
        "finish": row.findChild(QWidget, "scumble_finish").isEnabled(),
    }


def has_finish(number):
    return part(f"scumble_job_{number}").findChild(QWidget, "scumble_finish").isVisible()


def click_finish(number):
    """What the row says then."""
    QTest.mouseClick(part(f"scumble_job_{number}").findChild(QWidget, "scumble_finish"), Qt.LeftButton)
    return job(number)["stage"]


def rows():
    return [each.number for each in jobs().jobs]


# --- the window --------------------------------------------------------------------------------------------------


def tools_menu():
    """Texts under Tools ▸ Scumble."""
    bar = application.activeWindow().qwindow().menuBar()
    tools = next(entry.menu() for entry in bar.actions() if "ools" in entry.text())
    found = next(entry.menu() for entry in tools.actions() if entry.text() == "Scumble")
    return [entry.text() for entry in found.actions() if entry.isVisible()]


def canvas_place():
    """The middle of the visible canvas on the screen."""
    widget = _canvas()
    middle = widget.mapToGlobal(widget.rect().center())
    return [middle.x(), middle.y()]


def _canvas():
    return next(each for each in QApplication.allWidgets()
                if each.metaObject().className().startswith("KisOpenGLCanvas2")
                or each.metaObject().className() == "KisQPainterCanvas" if each.isVisible())  # fmt: skip


ticks = {"timer": None, "last": 0.0, "longest": 0.0, "count": 0}


def watch_ticks():
    """Start to note how long Krita's own thread is ever busy between two ticks of 5 ms."""
    timer = QTimer()
    timer.setInterval(5)
    ticks.update(timer=timer, last=time.perf_counter(), longest=0.0, count=0)

    def tick():
        now = time.perf_counter()
        ticks["longest"] = max(ticks["longest"], now - ticks["last"])
        ticks["last"] = now
        ticks["count"] += 1

    timer.timeout.connect(tick)
    timer.start()
    return True


def ticked():
    """Ticks so far, and the longest time between two, in seconds."""
    return {"count": ticks["count"], "longest": ticks["longest"]}


def zoom_to_fit():
    application.action("zoom_to_fit").trigger()
    settle(0.4, lambda: False)
    return True


def profiles(model, depth):
    return application.profiles(model, depth)


def select_empty(number):
    """A selection that has no pixel in it."""
    documents[number].setSelection(Selection())
    settle()
    return True


def run_as_by_shortcut():
    """Run what the form holds without the mouse; the new job's number."""
    docker().run()
    return newest_job()


def be_still():
    """Until notes that float over the canvas are gone, the form is scrolled to its top and no text cursor blinks."""
    docker().setFocus()
    for area in docker().findChildren(QScrollArea):
        area.verticalScrollBar().setValue(0)
    settle(2.5, lambda: False)
    return True


# --- pointing on the canvas --------------------------------------------------------------------------------------


def turn_canvas(zoom=1.0, rotation=0.0, mirrored=False):
    """How the document in front lies on the screen."""
    canvas = application.activeWindow().activeView().canvas()
    canvas.resetZoom()
    canvas.resetRotation()
    canvas.setMirror(mirrored)
    canvas.setRotation(rotation)
    canvas.setZoomLevel(zoom)
    settle(0.3, lambda: False)
    return [canvas.zoomLevel(), canvas.rotation(), canvas.mirror()]


def pick_on_canvas(combination="replace"):
    """The action under Tools, as a shortcut calls it."""
    application.action("scumble_pick").trigger()
    settle()
    choice = part("scumble_pick_combination", QComboBox)
    choice.setCurrentIndex(choice.findData(combination))
    return picking()


def click_pick():
    QTest.mouseClick(part("scumble_pick"), Qt.LeftButton)
    settle()
    return picking()


def picking():
    """What is pointed with now, and whether something is found; None where the mode is off."""
    now = docker()._picking
    if now is None:
        return None
    return {**values_shown(), "found": now.found is not None, "looking": now._looking is not None}
