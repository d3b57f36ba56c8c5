"""The one shape of every error answer, and which status code a failure has. docs/server.md lists all codes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import mediscan
from mediscan import ErrorCode

CLIENT_CLOSED_REQUEST = 499  # nginx's: the client went away. Logged and counted; there is nobody to send it to
INTERNAL_MESSAGE = "something went wrong in the server"

_STATUS: dict[ErrorCode, int] = {
    ErrorCode.INVALID_ARGUMENT: 422,
    ErrorCode.NOT_FOUND: 503,  # a bundle that is not there
    ErrorCode.UNSUPPORTED: 422,
    ErrorCode.EMPTY_INPUT: 422,
    ErrorCode.UNSUPPORTED_FORMAT: 415,
    ErrorCode.CORRUPT_IMAGE: 422,
    ErrorCode.TRUNCATED_IMAGE: 422,
    ErrorCode.LIMIT_EXCEEDED: 413,
    ErrorCode.OUT_OF_MEMORY: 503,
    ErrorCode.BUNDLE_INVALID: 503,
    ErrorCode.HASH_MISMATCH: 503,
    ErrorCode.SELF_TEST_FAILED: 503,
    ErrorCode.BACKEND_UNAVAILABLE: 503,
    ErrorCode.ABI_MISMATCH: 503,
    ErrorCode.PRECISION_UNSUPPORTED: 503,
    ErrorCode.NOT_READY: 503,
    ErrorCode.OVERLOADED: 429,
    ErrorCode.CANCELLED: CLIENT_CLOSED_REQUEST,
    ErrorCode.DEADLINE_EXCEEDED: 504,
    ErrorCode.SHUT_DOWN: 503,
}
# Seconds after which asking again makes sense, where the library does not say. A broken bundle needs a person.
_RETRY_AFTER: dict[int, float] = {429: 1.0, 503: 30.0}


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told of a failure: to the client, and of a job to whoever asks for it."""

    code: str
    stage: str
    message: str
    hint: str

    def to_json(self, request_id: str) -> str:
        """The error shape."""
        return compact(
            {"code": self.code, "stage": self.stage, "message": self.message, "hint": self.hint, "request_id": request_id}
        )


class Refusal(Exception):
    """Ends a request with a status code and the error shape."""

    def __init__(
        self,
        status: int,
        code: str,
        message: str,
        hint: str = "",
        *,
        stage: str = "http",
        retry_after: float | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(code)
        self.status = status
        self.problem = Problem(code, stage, message, hint)
        self.headers = dict(headers or {})
        seconds = retry_after if retry_after is not None else _RETRY_AFTER.get(status)
        if seconds is not None:
            self.headers["Retry-After"] = str(max(1, math.ceil(seconds)))


class ClientGone(Exception):
    """The client closed the connection before its answer: its work is cancelled."""


def problem_of(error: mediscan.Error) -> Problem:
    """What may be told of a failure of the library. Faults of the program itself keep their details to the log."""
    if error.code in (ErrorCode.INTERNAL, ErrorCode.IO_ERROR, ErrorCode.FORKED):
        return internal()
    return Problem(error.code.name, error.stage, error.message, error.hint)


def internal() -> Problem:
    """Of a fault in the program."""
    return Problem("INTERNAL", "http", INTERNAL_MESSAGE, "tell the operator the request_id: the log has the rest")


def status_of(error: mediscan.Error) -> int:
    """The status code that a failure of the library has."""
    return _STATUS.get(error.code, 500)


def refusal_of(error: mediscan.Error) -> Refusal:
    """A failure of the library as the end of a request."""
    problem = problem_of(error)
    return Refusal(
        status_of(error), problem.code, problem.message, problem.hint, stage=problem.stage, retry_after=error.retry_after
    )


def is_transient(status: int) -> bool:
    """True where the same request may succeed later."""
    return status in (429, 503)


def of_status(status: int) -> Refusal:
    """Of what the framework refuses by itself."""
    if status == 404:
        return Refusal(404, "NOT_FOUND", "there is nothing at this address", "/openapi.json lists what there is")
    if status == 405:
        return Refusal(405, "METHOD_NOT_ALLOWED", "this address does not have that method", "the header Allow lists those it has")
    try:
        phrase = HTTPStatus(status).phrase
    except ValueError:
        phrase = "refused"
    return Refusal(status, "INVALID_REQUEST", phrase, "/openapi.json describes every request")


def compact(value: Any) -> str:
    """JSON on one line, as the library writes it."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
