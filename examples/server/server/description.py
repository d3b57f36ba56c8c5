"""What the OpenAPI document says of every endpoint besides its own answer: error answers, and how files are sent."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from . import bodies
from .settings import Settings
from .uploads import FIELD

_WHEN = {
    400: "The header Host does not name this server, or the request is malformed",
    401: "The bearer token is missing or wrong",
    403: "A page of another origin sent this",
    404: "There is no such thing, or not any more",
    408: "The upload was too slow",
    413: "Too many bytes, pixels or files",
    415: "Not multipart/form-data, or neither JPEG nor PNG",
    422: "A parameter that means nothing, or a picture that is empty, damaged or truncated",
    429: "As much is in progress as the server takes; Retry-After says when to ask again",
    500: "A fault in the server",
    503: "The server shuts down, or the model cannot serve; Retry-After says when to ask again",
    504: "The analysis was not done in time",
}
_HEADERS: dict[int, dict[str, Any]] = {
    401: {"WWW-Authenticate": {"schema": {"type": "string"}, "description": "Bearer"}},
    429: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
    503: {"Retry-After": {"schema": {"type": "integer"}, "description": "seconds"}},
}


def text(description: str, media_type: str, schema: dict[str, Any], *codes: int) -> dict[int | str, dict[str, Any]]:
    """The answers of an endpoint that gives text; its errors are JSON as everywhere."""
    described = errors(*codes)
    for answer in described.values():
        del answer["model"]
        answer["content"] = {"application/json": {"schema": {"$ref": f"#/components/schemas/{bodies.ErrorBody.__name__}"}}}
    described[200] = {"description": description, "content": {media_type: {"schema": schema}}}
    return described


def errors(*codes: int) -> dict[int | str, dict[str, Any]]:
    """The error answers of an endpoint."""
    described: dict[int | str, dict[str, Any]] = {}
    for code in codes:
        described[code] = {"model": bodies.ErrorBody, "description": f"{HTTPStatus(code).phrase}. {_WHEN[code]}"}
        if code in _HEADERS:
            described[code]["headers"] = _HEADERS[code]
    return described


def upload_body(settings: Settings) -> dict[str, Any]:
    """A request body of files. The framework is not told: it would read all of it before the endpoint is asked."""
    picture = {"type": "string", "format": "binary", "description": f"JPEG or PNG of at most {settings.max_file_bytes:,} bytes"}
    schema = {
        "type": "object",
        "required": [FIELD],
        "additionalProperties": False,
        "properties": {FIELD: {"type": "array", "items": picture, "minItems": 1, "maxItems": settings.max_files}},
    }
    return {"requestBody": {"required": True, "content": {"multipart/form-data": {"schema": schema}}}}
