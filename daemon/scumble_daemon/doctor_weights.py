"""The doctor's look at the models: whether the index can be read, and whether what is installed is whole."""

from __future__ import annotations

from collections.abc import Iterator

from scumble_protocol.errors import ScumbleError
from scumble_protocol.words import in_words

from . import config
from .finding import Finding
from .weights import index
from .weights.store import Store


def weights_findings() -> Iterator[Finding]:
    try:
        models, store = index.read().models, Store.open(config.read())
        conditions = {model: store.condition(model) for model in models}
    except ScumbleError as error:
        yield Finding("bad", error.message, error.hint)
        return
    for model, condition in conditions.items():
        if condition.state == "damaged":
            what = f"The model {model.id} is damaged: {'; '.join(condition.damage)}."
            yield Finding("bad", what, f"`scumble weights fetch {model.id}` fetches it again.")
    here = [condition for condition in conditions.values() if condition.state == "installed"]
    size = in_words(sum(condition.here_bytes for condition in here))
    yield Finding("good", f"{len(here)} of {len(models)} models are installed ({size}) in {store.folder}")
