"""What is wrong with a request, told by field: no value is ever repeated, since any may be a secret."""

import re

import msgspec

FAULTS_MAX = 20
"""Faults named in one answer; the check of a body stops there."""

_NOT_TEXT = re.compile("[\x00\ud800-\udfff]")
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
_ODD_IN_NAME = re.compile(r"[^\w .,:;|~/@#%&+()-]")
_NAME_LENGTH_SHOWN = 64


class Fault(msgspec.Struct, frozen=True):
    """One thing that is wrong with a request."""

    path: str
    """The field, as `documents[3].file_path`; empty: the body as a whole."""
    message: str


class InvalidRequest(ValueError):
    """A request that cannot be honoured as it is; `faults` says why, never echoing a value."""

    def __init__(self, faults: list[Fault]) -> None:
        super().__init__(
            "; ".join(f"{fault.path}: {fault.message}" if fault.path else fault.message for fault in faults)
        )
        self.faults = faults


class MalformedBody(InvalidRequest):
    """The body is no JSON that can be read at all, so that no field can be named."""

    def __init__(self, message: str) -> None:
        super().__init__([Fault("", message)])


class Faults:
    """Collects what is wrong, up to `FAULTS_MAX`; then, or at `settle`, raises it all at once."""

    __slots__ = ("_found",)

    def __init__(self) -> None:
        self._found: list[Fault] = []

    def __len__(self) -> int:
        return len(self._found)

    def add(self, path: str, message: str) -> None:
        """Note a fault.

        Raises:
            InvalidRequest: it was the last that one answer names.
        """
        self._found.append(Fault(path, message))
        if len(self._found) >= FAULTS_MAX:
            self.settle()

    def settle(self) -> None:
        """Raises: InvalidRequest, if anything was noted."""
        if self._found:
            raise InvalidRequest(self._found)


def text_fault(value: object, length_max: int) -> str | None:
    """Why `value` is no text of at most `length_max` characters, or None."""
    if type(value) is not str:
        return "wants text"
    if len(value) > length_max:
        return f"wants at most {length_max:,} characters"
    if _NOT_TEXT.search(value):
        return "holds a NUL or half a surrogate pair, which is no text"
    return None


def line_fault(value: object, length_max: int) -> str | None:
    """Why `value` is no single line of text of 1 to `length_max` characters, or None."""
    fault = text_fault(value, length_max)
    if fault is None and not value:
        return "is empty"
    if fault is None and _CONTROL.search(str(value)):
        return "holds a control character"
    return fault


def shown(name: str) -> str:
    """A name of the caller's, fit for a path: odd characters become `?`, a long one is cut."""
    return _ODD_IN_NAME.sub("?", name[:_NAME_LENGTH_SHOWN]) + ("…" if len(name) > _NAME_LENGTH_SHOWN else "")
