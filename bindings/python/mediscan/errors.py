"""MediScan's exceptions: one class a status code of ``include/mediscan/error.hpp``, all of them below :class:`Error`."""

from __future__ import annotations

import enum


class ErrorCode(enum.IntEnum):
    """The library's status codes. Numbers never change and are never reused."""

    INVALID_ARGUMENT = 10
    NOT_FOUND = 11
    UNSUPPORTED = 12
    IO_ERROR = 13
    EMPTY_INPUT = 20
    UNSUPPORTED_FORMAT = 21
    CORRUPT_IMAGE = 22
    TRUNCATED_IMAGE = 23
    LIMIT_EXCEEDED = 24
    OUT_OF_MEMORY = 30
    BUNDLE_INVALID = 40
    HASH_MISMATCH = 41
    SELF_TEST_FAILED = 42
    BACKEND_UNAVAILABLE = 50
    BACKEND_FAILED = 51
    ABI_MISMATCH = 52
    PRECISION_UNSUPPORTED = 53
    NOT_READY = 60
    OVERLOADED = 61
    CANCELLED = 62
    DEADLINE_EXCEEDED = 63
    SHUT_DOWN = 64
    FORKED = 65
    INTERNAL = 90


class Error(Exception):
    """Every failure that MediScan reports.

    ``stage`` says where on the way from bytes to record it happened ("decode", "preprocess", "backend", ...), ``message``
    what and where in one sentence, ``hint`` what to do about it (may be empty). ``retry_after`` is the number of seconds
    after which the same call may succeed, where that can be told (:class:`Overloaded` above all), else None.
    """

    code: ErrorCode = ErrorCode.INTERNAL

    def __init__(self, message: str, hint: str = "", stage: str = "argument", retry_after: float | None = None) -> None:
        super().__init__(message, hint, stage, retry_after)  # the arguments, so that pickling can call this again
        self.message = message
        self.hint = hint
        self.stage = stage
        self.retry_after = retry_after

    def __str__(self) -> str:
        return f"{self.message}\n  hint: {self.hint}" if self.hint else self.message


class InvalidArgument(Error, ValueError):
    """An argument that means nothing here."""

    code = ErrorCode.INVALID_ARGUMENT


class InvalidType(InvalidArgument, TypeError):
    """An argument of a type that is not accepted; also a :class:`TypeError`."""


class NotFound(Error):
    """There is no such bundle."""

    code = ErrorCode.NOT_FOUND


class Unsupported(Error):
    """Something this build or this backend cannot do."""

    code = ErrorCode.UNSUPPORTED


class IoError(Error):
    """A file could not be read."""

    code = ErrorCode.IO_ERROR


class EmptyInput(Error):
    """A picture of no bytes."""

    code = ErrorCode.EMPTY_INPUT


class UnsupportedFormat(Error):
    """Neither JPEG nor PNG; the message says what it looks like."""

    code = ErrorCode.UNSUPPORTED_FORMAT


class CorruptImage(Error):
    """A damaged picture."""

    code = ErrorCode.CORRUPT_IMAGE


class TruncatedImage(Error):
    """A picture that ends too early."""

    code = ErrorCode.TRUNCATED_IMAGE


class LimitExceeded(Error):
    """A picture beyond one of :class:`mediscan.Limits`, which the message names."""

    code = ErrorCode.LIMIT_EXCEEDED


class OutOfMemory(Error, MemoryError):
    """There was not enough memory; also a :class:`MemoryError`."""

    code = ErrorCode.OUT_OF_MEMORY


class BundleInvalid(Error):
    """A bundle that contradicts its format; the message has the JSON path."""

    code = ErrorCode.BUNDLE_INVALID


class HashMismatch(Error):
    """Weights that are not those the bundle names."""

    code = ErrorCode.HASH_MISMATCH


class SelfTestFailed(Error):
    """A model that does not give the logits its bundle promises."""

    code = ErrorCode.SELF_TEST_FAILED


class BackendUnavailable(Error):
    """No backend that could run the model; the message says where was looked."""

    code = ErrorCode.BACKEND_UNAVAILABLE


class BackendFailed(Error):
    """The backend failed on this batch."""

    code = ErrorCode.BACKEND_FAILED


class AbiMismatch(Error):
    """A backend or program built for another version of MediScan."""

    code = ErrorCode.ABI_MISMATCH


class PrecisionUnsupported(Error):
    """A precision that the backend does not offer."""

    code = ErrorCode.PRECISION_UNSUPPORTED


class NotReady(Error):
    """A model that is not in service: unloaded, or failed."""

    code = ErrorCode.NOT_READY


class Overloaded(Error):
    """As much work is accepted as the manager's bounds allow; try again after ``retry_after`` seconds."""

    code = ErrorCode.OVERLOADED


class Cancelled(Error):
    """The job was cancelled."""

    code = ErrorCode.CANCELLED


class DeadlineExceeded(Error):
    """The job was not done within its ``timeout``, or it was foreseen at once that it would not be."""

    code = ErrorCode.DEADLINE_EXCEEDED


class ShutDown(Error):
    """MediScan takes no more work: the manager was drained or closed, or the interpreter is exiting."""

    code = ErrorCode.SHUT_DOWN


class Forked(Error):
    """A model or manager of the parent process, used in a child made by fork()."""

    code = ErrorCode.FORKED


class Internal(Error):
    """A fault in MediScan itself: please report it."""

    code = ErrorCode.INTERNAL


_CLASSES: dict[int, type[Error]] = {cls.code: cls for cls in Error.__subclasses__()}


def from_code(code: int, stage: str, message: str, hint: str, retry_after: float | None = None) -> Error:
    """The exception that the library means by a status code. For the extension module."""
    return _CLASSES[code](message, hint, stage, retry_after)
