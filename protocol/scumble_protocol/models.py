"""What an editor shows of a model: its place in the list, its state in words, and what can be done with it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence, Tuple

from .messages import Fetching
from .words import in_words, share_in_words

OWN_FILES = "Your own files"
NO_OPERATION = "Not for this version"
STATES = {
    "shipped": "comes with Scumble",
    "installed": "installed",
    "partial": "partly fetched",
    "damaged": "damaged",
    "absent": "not installed",
    "own": "your file",
    "waiting": "being looked at",
    "broken": "cannot be used",
}
MARKS = {"shipped": "✓", "installed": "✓", "own": "✓", "partial": "…", "waiting": "…", "damaged": "✗", "broken": "✗"}
FETCH_LABELS = {"absent": "Fetch", "partial": "Go on", "damaged": "Fetch again"}
ROLES = {
    "default": "The first choice for its task on a graphics card.",
    "light": "Quick, also without a graphics card.",
    "heavy": "Slow and large, for the last bit of quality.",
}


@dataclass(frozen=True)
class ModelEntry:
    """One model of a `models` message. `bytes`: its size, None where nobody knows · `operations`: titles ·
    `problem`: what is wrong with its files · `trouble`: why the last fetch or removal ended without success ·
    `questions`: what the artist has to agree to before it is fetched."""

    id: str
    title: str
    operations: Tuple[str, ...] = ()
    role: str = ""
    state: str = "absent"
    bytes: Optional[int] = None
    is_exact: bool = True
    here_bytes: int = 0
    licence: str = ""
    licence_note: str = ""
    data_note: str = ""
    note: str = ""
    problem: str = ""
    trouble: str = ""
    questions: Tuple[str, ...] = ()
    is_usable: bool = True
    fetching: Optional[Fetching] = None

    @staticmethod
    def from_table(table: Mapping[str, Any]) -> "ModelEntry":
        """What a daemon says, believed as far as it has the right form; what it leaves out has its default."""

        def text(name: str) -> str:
            value = table.get(name)
            return value if isinstance(value, str) else ""

        def count(name: str) -> Optional[int]:
            value = table.get(name)
            return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None

        named = [each for each in _items(table, "operations") if isinstance(each, Mapping)]
        return ModelEntry(
            id=text("id"),
            title=text("title") or text("id"),
            operations=tuple(str(each.get("title") or each.get("id") or "") for each in named),
            role=text("role"),
            state=text("state") or "absent",
            bytes=count("bytes"),
            is_exact=table.get("is_exact") is not False,
            here_bytes=count("here_bytes") or 0,
            licence=text("licence"),
            licence_note=text("licence_note"),
            data_note=text("data_note"),
            note=text("note"),
            problem=text("problem"),
            trouble=text("trouble"),
            questions=tuple(each for each in _items(table, "questions") if isinstance(each, str)),
            is_usable=table.get("is_usable") is not False,
            fetching=_fetching(text("id"), table.get("fetching")),
        )

    # --- in words ------------------------------------------------------------------------------------------------

    @property
    def size(self) -> str:
        if self.bytes is None:
            return in_words(self.here_bytes) if self.here_bytes else "?"
        return in_words(self.bytes) if self.is_exact else f"≈ {in_words(self.bytes)}"

    @property
    def status(self) -> str:
        """A word or two for the list."""
        if self.fetching is None:
            return STATES.get(self.state, self.state)
        if self.fetching.stage == "checking":
            return "checking"
        if self.fetching.stage == "waiting" or self.fraction < 0:
            return "fetching"
        return f"fetching, {self.fraction * 100:.0f} %"

    @property
    def mark(self) -> str:
        """The same for a narrow list."""
        if self.fetching is not None:
            return f"{self.fraction * 100:.0f} %" if self.fraction >= 0 else "…"
        return MARKS.get(self.state, "")

    @property
    def explanation(self) -> str:
        """What its state means, in a sentence."""
        if not self.is_usable:
            return "No operation of this version of Scumble can run it yet."
        if self.fetching is not None:
            return "It is being fetched, and goes on when this is closed."
        return {
            "shipped": "It came with Scumble and is always there.",
            "installed": f"It is on this computer, checked, and takes {in_words(self.here_bytes)}.",
            "partial": f"{self._share(self.here_bytes)} are here from an earlier try; fetching goes on there.",
            "damaged": "Its files are not what was fetched.",
            "absent": "It is not on this computer. Fetching it takes a network; using it does not.",
            "own": "You put it into the models' folder; to take it away, delete it there.",
            "waiting": "It was put into the models' folder just now and is being looked at.",
            "broken": "You put it into the models' folder, but Scumble cannot use it.",
        }.get(self.state, "")

    @property
    def facts(self) -> List[Tuple[str, str]]:
        """Everything to know before it is fetched: (heading, text)."""
        found = [
            ("For", ", ".join(self.operations)),
            ("Suits", ROLES.get(self.role, "")),
            ("Size", "" if self.size == "?" else self.size),
            ("Licence", " ".join(filter(None, (_sentence(self.licence), self.licence_note)))),
            ("Learned from", _sentence(self.data_note)),
            ("Note", self.note),
            ("Problem", self.problem),
        ]
        return [(heading, text) for heading, text in found if text]

    @property
    def progress(self) -> str:
        """What a running fetch does, in words."""
        if self.fetching is None:
            return ""
        if self.fetching.stage == "waiting":
            return "Another program fetches it; waiting for that…"
        came = share_in_words(self.fetching.done_bytes, self.fetching.whole_bytes)
        return f"Checking what came: {came}" if self.fetching.stage == "checking" else came

    @property
    def fraction(self) -> float:
        """Of the fetch, 0 to 1; -1 where it cannot be known."""
        now = self.fetching
        if now is None or now.stage == "waiting" or now.whole_bytes <= 0:
            return -1.0
        return min(1.0, now.done_bytes / now.whole_bytes)

    # --- what can be done ----------------------------------------------------------------------------------------

    @property
    def fetch_label(self) -> str:
        """For the button; "" where there is nothing to fetch."""
        return FETCH_LABELS.get(self.state, "") if self.is_usable and self.fetching is None else ""

    @property
    def can_be_removed(self) -> bool:
        return self.state in ("installed", "partial", "damaged") and self.fetching is None

    @property
    def fetch_question(self) -> str:
        return f"Fetch «{self.title}»?"

    @property
    def consent(self) -> str:
        """What to ask the artist before; "" where nothing has to be."""
        if not self.questions:
            return ""
        return "\n\n".join([*self.questions, "Fetch it only if you agree to this."])

    @property
    def remove_question(self) -> str:
        return f"Remove «{self.title}»?"

    @property
    def remove_consequence(self) -> str:
        return f"{in_words(self.here_bytes)} are given back to the disk. It can be fetched again at any time."

    def _share(self, count: int) -> str:
        return share_in_words(count, -1 if self.bytes is None else self.bytes)


def grouped(entries: Sequence[ModelEntry]) -> List[Tuple[str, List[ModelEntry]]]:
    """(operation, its models) in the order they came; the artist's own files last. Models that nothing can run are
    left out unless they take room here."""
    groups: Dict[str, List[ModelEntry]] = {}
    own: List[ModelEntry] = []
    for entry in entries:
        if entry.role == "own":
            own.append(entry)
        elif entry.is_usable:
            groups.setdefault(entry.operations[0] if entry.operations else NO_OPERATION, []).append(entry)
        elif entry.here_bytes:
            groups.setdefault(NO_OPERATION, []).append(entry)
    without = groups.pop(NO_OPERATION, [])
    found = list(groups.items())
    found += [(OWN_FILES, own)] if own else []
    return found + ([(NO_OPERATION, without)] if without else [])


def with_progress(entry: ModelEntry, now: Fetching) -> ModelEntry:
    return replace(entry, fetching=now, trouble="")


def _items(table: Mapping[str, Any], name: str) -> Sequence[Any]:
    value = table.get(name)
    return value if isinstance(value, (list, tuple)) else ()


def _fetching(model: str, table: Any) -> Optional[Fetching]:
    if not isinstance(table, Mapping):
        return None
    done, whole = table.get("done_bytes"), table.get("whole_bytes")
    return Fetching(
        "",
        model,
        str(table.get("stage", "fetching")),
        done if isinstance(done, int) else 0,
        whole if isinstance(whole, int) else -1,
    )


def _sentence(text: str) -> str:
    return f"{text}." if text and text[-1] not in ".!?" else text
