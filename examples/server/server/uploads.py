"""Files of a multipart request while it streams in: counted against every limit before they are held, never on disk, cut when too slow.

Knows nothing of pictures: whoever takes a file decides what it is.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass

import multipart
from starlette.requests import Request

from .clients import Buffer
from .errors import ClientGone, Refusal
from .settings import Settings

SLOWEST_RATE = 16 * 1024  # bytes a second, averaged, that an upload has to reach after its first `upload_timeout` seconds
PART_OVERHEAD = 16 * 1024  # of a part's delimiter and headers; the parser bounds the headers themselves
LONGEST_NAME = 255
FIELD = "files"


@dataclass(frozen=True, slots=True)
class Upload:
    """One file. The name is whatever the client says: text to show, never a path to open."""

    name: str
    data: bytes


def check_head(request: Request, settings: Settings) -> None:
    """Refuses by the headers alone what would be refused later, before a byte of the body is read."""
    if multipart.parse_options_header(request.headers.get("content-type", ""))[0] != "multipart/form-data":
        raise Refusal(
            415, "UNSUPPORTED_MEDIA_TYPE", "the body is not multipart/form-data", f"send the pictures as parts named {FIELD}", stage="upload"
        )
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared) > most_bytes(settings):
        raise _too_large(f"the request is {int(declared):,} bytes long", settings)


def most_bytes(settings: Settings) -> int:
    """A request can have."""
    return settings.max_files * (settings.max_file_bytes + PART_OVERHEAD)


async def files_of(request: Request, settings: Settings, buffer: Buffer) -> AsyncGenerator[Upload, None]:
    """The files in order, each as soon as it is complete. What one holds counts against the buffer until the next is asked for."""
    files = _Files(_parser(request, settings), settings, buffer)
    try:
        async with aclosing(_chunks(request, settings)) as chunks:
            async for chunk in chunks:
                for upload in files.feed(chunk):
                    yield upload
                    files.release()
        files.end()
    except multipart.ParserLimitReached:
        raise Refusal(
            413, "LIMIT_EXCEEDED", "the request has more parts or longer part headers than allowed", _hint(settings), stage="upload"
        ) from None
    except multipart.MultipartError:
        raise _malformed("the body is not what its multipart/form-data header says") from None
    finally:
        files.close()


def _parser(request: Request, settings: Settings) -> multipart.PushMultipartParser:
    _, options = multipart.parse_options_header(request.headers.get("content-type", ""))
    if not options.get("boundary"):
        raise _malformed("the Content-Type has no boundary")
    # One part more than allowed, so that it is this file that tells of it, with the limit's name.
    return multipart.PushMultipartParser(options["boundary"], max_segment_count=settings.max_files + 1, strict=True)


class _Files:
    """What the parser tells, gathered into files."""

    def __init__(self, parser: multipart.PushMultipartParser, settings: Settings, buffer: Buffer) -> None:
        self._parser = parser
        self._settings = settings
        self._buffer = buffer
        self._pieces: list[bytes] = []
        self._held = 0
        self._size = 0
        self._name = ""
        self._count = 0

    def feed(self, chunk: bytes) -> list[Upload]:
        """The files that this chunk completes."""
        complete = []
        for event in self._parser.parse(chunk):
            if isinstance(event, multipart.MultipartSegment):
                self._begin(event)
            elif event is None:
                complete.append(Upload(self._name, b"".join(self._pieces)))
                self._pieces = []
            else:
                self._add(bytes(event))
        return complete

    def end(self) -> None:
        """Refuses a body that breaks off, and one without a file."""
        self._parser.close(check_complete=True)
        if not self._count:
            raise Refusal(422, "INVALID_REQUEST", "the request has no file", f"send one or more parts named {FIELD}", stage="upload")

    def release(self) -> None:
        """Gives back what is held of complete files."""
        kept = sum(map(len, self._pieces))
        self._buffer.give_back(self._held - kept)
        self._held = kept

    def close(self) -> None:
        """Gives everything back, however it ended."""
        self._pieces = []
        self.release()

    def _begin(self, segment: multipart.MultipartSegment) -> None:
        if segment.name != FIELD:
            raise Refusal(
                422, "INVALID_REQUEST", f"the request has a part that is not named {FIELD}", f"name every part {FIELD}", stage="upload"
            )
        if segment.filename is None:
            raise Refusal(
                422, "INVALID_REQUEST", f"a part named {FIELD} is a text field: it has no file name", "give every part a file name", stage="upload"
            )
        self._count += 1
        if self._count > self._settings.max_files:
            raise _too_large("the request has too many files", self._settings)
        self._name, self._size = shown_name(segment.filename or ""), 0

    def _add(self, piece: bytes) -> None:
        self._size += len(piece)
        if self._size > self._settings.max_file_bytes:
            raise _too_large(f"{self._name or 'the file'} is too large", self._settings)
        self._buffer.take(len(piece))
        self._held += len(piece)
        self._pieces.append(piece)


async def _chunks(request: Request, settings: Settings) -> AsyncGenerator[bytes, None]:
    """The body as it arrives: within its limit, and fast enough."""
    clock = asyncio.get_running_loop().time
    begun, received = clock(), 0
    while True:
        latest = min(clock() + settings.upload_timeout, begun + settings.upload_timeout + received / SLOWEST_RATE)
        try:
            async with asyncio.timeout_at(latest):
                message = await request.receive()
        except TimeoutError:
            raise Refusal(
                408,
                "UPLOAD_TOO_SLOW",
                f"the upload was silent for {settings.upload_timeout:g} s, or slower than {SLOWEST_RATE // 1024} KiB/s",
                "send it again over a better connection, or make the picture smaller",
                stage="upload",
            ) from None
        if message["type"] == "http.disconnect":
            raise ClientGone
        body: bytes = message.get("body", b"")
        received += len(body)
        if received > most_bytes(settings):
            raise _too_large("the request is too long", settings)
        if body:
            yield body
        if not message.get("more_body", False):
            return


_UNSHOWN = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


def shown_name(name: str) -> str:
    """The last component of a file name, without control characters and marks that turn text around, and not endless."""
    last = re.split(r"[/\\]", name)[-1]
    return _UNSHOWN.sub("", last).encode("utf-8", "replace").decode()[:LONGEST_NAME].strip()


def _too_large(what: str, settings: Settings) -> Refusal:
    return Refusal(413, "LIMIT_EXCEEDED", what, _hint(settings), stage="upload")


def _hint(settings: Settings) -> str:
    return f"send at most {settings.max_files} files a request, each of at most {settings.max_file_bytes:,} bytes"


def _malformed(what: str) -> Refusal:
    return Refusal(400, "MALFORMED_REQUEST", what, "let a library build the request, and send all of it", stage="upload")
