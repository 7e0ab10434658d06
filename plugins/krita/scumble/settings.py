"""Remember, in Krita's own settings, the values each operation was last run with."""

from __future__ import annotations

import json
from typing import Any, Dict

from scumble_protocol.catalogue import Operation
from scumble_protocol.errors import Invalid

GROUP = "scumble"
PROMPTS = ("points", "box", "reference")


class LastValues:
    """Values by parameter name, and the prompts as they were written."""

    def __init__(self, application: Any) -> None:
        self._application = application

    def load(self, operation: Operation) -> Dict[str, Any]:
        """Every parameter's last value, or its default where there is none that still fits."""
        values = self._read(operation.id)
        loaded = {name: str(values.get(name, "")) for name in PROMPTS}
        for parameter in operation.parameters:
            try:
                loaded[parameter.name] = parameter.check(values.get(parameter.name, parameter.default))
            except Invalid:  # of another version, whose range or choices were others
                loaded[parameter.name] = parameter.default
        return loaded

    def save(self, operation: Operation, values: Dict[str, Any]) -> None:
        self._application.writeSetting(GROUP, operation.id, json.dumps(values))

    def last_operation(self) -> str:
        return self._application.readSetting(GROUP, "operation", "")

    def save_last_operation(self, operation_id: str) -> None:
        self._application.writeSetting(GROUP, "operation", operation_id)

    def _read(self, operation_id: str) -> Dict[str, Any]:
        try:
            values = json.loads(self._application.readSetting(GROUP, operation_id, "{}"))
        except ValueError:
            return {}
        return values if isinstance(values, dict) else {}
