"""Krita's entry points: the docker, and under Tools ▸ Scumble one action for each operation."""

from __future__ import annotations

from typing import Any

from krita import DockWidgetFactory, DockWidgetFactoryBase, Extension
from scumble_protocol.catalogue import Operation
from scumble_protocol.errors import ScumbleError

from .docker import ScumbleDocker
from .job import FAILED, Job
from .jobs import Jobs
from .qt import QtWidgets
from .request import make_request
from .settings import LastValues

DOCKER = "scumble"
MENU = "scumble_menu"
FREE, PICK = "scumble_free", "scumble_pick"  # no operation is called so: their actions have the ids of the catalogue
SELECTING = "select_object"


def install(application: Any) -> None:
    """Register everything with Krita."""
    extension = ScumbleExtension(application)
    application.addExtension(extension)
    place = getattr(DockWidgetFactoryBase, "DockPosition", DockWidgetFactoryBase).DockRight
    application.addDockWidgetFactory(DockWidgetFactory(DOCKER, place, extension.make_docker))


class ScumbleExtension(Extension):
    def __init__(self, application: Any) -> None:
        super().__init__(application)
        self._application = application
        self._last_values = LastValues(application)
        self.jobs = Jobs(application)
        self.jobs.catalogue_changed.connect(self._refresh_actions)
        self.jobs.changed.connect(self._tell_if_unseen)
        self.jobs.freed.connect(self._show)
        QtWidgets.QApplication.instance().aboutToQuit.connect(self.jobs.end)

    def setup(self) -> None:
        """Nothing to do before there is a window."""

    def make_docker(self) -> ScumbleDocker:
        return ScumbleDocker(self._application, self.jobs, self._last_values)

    # --- actions -------------------------------------------------------------------------------------------------

    def createActions(self, window: Any) -> None:  # noqa: N802 - Krita's name
        action = window.createAction(MENU, "Scumble", "tools")
        menu = QtWidgets.QMenu(MENU, window.qwindow())
        menu.setObjectName(MENU)
        action.setMenu(menu)
        self._add_actions(window, menu)

    def _add_actions(self, window: Any, menu: Any) -> None:
        """One action for each operation that has none yet; those that have left the catalogue are hidden."""
        present = {action.objectName(): action for action in menu.actions()}
        offered = {f"scumble_{operation.id}": operation for operation in self.jobs.catalogue.visible}
        for name, action in present.items():
            action.setVisible(name in offered or name in (FREE, PICK))
        for name, operation in offered.items():
            if name not in present:
                action = window.createAction(name, operation.title, f"tools/{MENU}")
                action.setToolTip(operation.description)
                action.triggered.connect(lambda _checked=False, chosen=operation.id: self._run(chosen))
                menu.addAction(action)  # Krita does this itself only while the window is being made
        if PICK not in present:
            action = window.createAction(PICK, "Select on the Canvas", f"tools/{MENU}")
            action.setToolTip("Click on an object to select it, and on more of it or beside it until it is right.")
            action.triggered.connect(lambda _checked=False: self._pick())
            menu.addAction(action)
        if FREE not in present:
            action = window.createAction(FREE, "Release Model Memory", f"tools/{MENU}")
            action.setToolTip("Let go of the models that are kept warm, so that other programs get the memory.")
            action.triggered.connect(lambda _checked=False: self.jobs.free_models())
            menu.addAction(action)

    def _refresh_actions(self) -> None:
        for window in self._application.windows():
            menu = window.qwindow().findChild(QtWidgets.QMenu, MENU)
            if menu is not None:
                self._add_actions(window, menu)

    def _run(self, operation_id: str) -> None:
        """Run an operation with the values it was last run with."""
        try:
            operation: Operation = self.jobs.catalogue.find(operation_id)
            self.jobs.run(make_request(operation, self._last_values.load(operation)))
        except ScumbleError as error:
            self._say(error)

    def _pick(self) -> None:
        window = self._application.activeWindow()  # Krita's own object for it does not live as long as the window
        docker = next((each for each in window.dockers() if isinstance(each, ScumbleDocker)), None)
        if docker is not None:
            docker.show()
            docker.raise_()
            docker.pick(SELECTING)

    def _tell_if_unseen(self, job: Job) -> None:
        """An error of a job that was started by a shortcut has to be seen where no docker is open."""
        if job.state == FAILED and job.error is not None and not self._is_docker_visible():
            self._say(job.error)

    def _is_docker_visible(self) -> bool:
        return any(isinstance(each, ScumbleDocker) and each.isVisible() for each in self._application.dockers())

    def _say(self, error: ScumbleError) -> None:
        self._show(str(error), "warning")

    def _show(self, text: str, icon: str = "dialog-information") -> None:
        window = self._application.activeWindow()
        view = window.activeView() if window is not None else None
        if view is not None and view.document() is not None:
            view.showFloatingMessage(text, self._application.icon(icon), 6000, 1)
