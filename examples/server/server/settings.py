"""What a server is told at its start: options, their defaults and bounds, and the combinations that are refused. Reads no model."""

from __future__ import annotations

import argparse
import ipaddress
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, cast

TOKEN_VARIABLE = "MEDISCAN_SERVER_TOKEN"  # noqa: S105
SHORTEST_TOKEN = 16
MIB = 1 << 20

Fallback = Literal["never", "mock"]


class SettingsError(Exception):
    """Settings that the server does not start with: what is wrong, and what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(f"{message}\n  hint: {hint}")
        self.message = message
        self.hint = hint


@dataclass(frozen=True, slots=True)
class Settings:
    """All of a server's settings. Times are seconds, sizes bytes. docs/server.md says what each is for."""

    models: Path = Path("models")
    skin: str | None = None
    chest: str | None = None
    host: str = "127.0.0.1"
    port: int = 8000
    token: str | None = field(default=None, repr=False)
    allowed_hosts: tuple[str, ...] = ()
    backend: str = "auto"
    fallback: Fallback = "never"
    threads: int = 0
    max_file_bytes: int = 32 * MIB
    max_files: int = 32
    max_pixels: int = 64_000_000
    max_jobs: int = 256
    kept_jobs: int = 1000
    kept_seconds: float = 600.0
    kept_bytes: int = 64 * MIB
    timeout: float = 30.0
    upload_timeout: float = 30.0
    uploads_per_client: int = 8
    upload_buffer_bytes: int = 256 * MIB
    max_connections: int = 1024
    drain_timeout: float = 30.0
    cache_bytes: int = 32 * MIB
    redis: str = ""
    redis_key: bytes = field(default=b"", repr=False)
    log_level: str = "info"

    def __post_init__(self) -> None:
        """Refuses what would be open to the network without a secret, and numbers that mean nothing."""
        if self.token is not None and (len(self.token) < SHORTEST_TOKEN or not self.token.isascii() or not self.token.isprintable() or " " in self.token):
            short = len(self.token) < SHORTEST_TOKEN
            raise SettingsError(
                f"the token has only {len(self.token)} characters" if short else "the token holds a space or another character that no header can carry",
                f"take {SHORTEST_TOKEN} or more printable ASCII characters, for instance of: python3 -c 'import secrets; print(secrets.token_urlsafe(32))'",
            )
        if not is_loopback(self.host):
            self._check_open_address()
        self._check_numbers()

    def _check_open_address(self) -> None:
        if self.token is None:
            raise SettingsError(
                f"--host {self.host} can be reached from other machines, and there is no token",
                f"give --token-file FILE or set {TOKEN_VARIABLE}, or stay on 127.0.0.1",
            )
        if not self.allowed_hosts:
            raise SettingsError(
                f"--host {self.host} can be reached from other machines, and no name is allowed for it",
                "give --allowed-host NAME for every name or address that people type into their browser",
            )

    def _check_numbers(self) -> None:
        least: dict[str, float] = {
            "max_file_bytes": 1, "max_files": 1, "max_pixels": 1, "max_jobs": 1, "kept_jobs": 1, "kept_seconds": 1, "kept_bytes": 1,
            "timeout": 0.001, "upload_timeout": 0.001, "uploads_per_client": 1, "upload_buffer_bytes": 1, "max_connections": 1,
            "threads": 0, "port": 0, "cache_bytes": 0, "drain_timeout": 0,
        }  # fmt: skip
        for name, bound in least.items():
            if not bound <= getattr(self, name) < float("inf"):
                raise SettingsError(f"{name} is {getattr(self, name)}", f"give {bound:g} or more")
        if self.port > 65535:
            raise SettingsError(f"port is {self.port}", "give 0 (any free one) to 65535")

    @property
    def hosts(self) -> frozenset[str]:
        """What a request's Host may name, in lower case and without a port."""
        names = {"localhost", "127.0.0.1", "::1", *self.allowed_hosts}
        if is_loopback(self.host):
            names.add(self.host)
        return frozenset(name.lower().strip("[]") for name in names)


def is_loopback(host: str) -> bool:
    """True for an address or name that only this machine can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def from_command_line(arguments: Sequence[str], environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of a command line. ``--help`` and wrong usage end the program, as argparse does."""
    given = _parser().parse_args(arguments)
    return Settings(
        models=Path(given.models),
        skin=given.skin,
        chest=given.chest,
        host=given.host,
        port=given.port,
        token=_token(given.token_file, environment),
        allowed_hosts=tuple(given.allowed_host),
        backend=given.backend,
        fallback=cast(Fallback, given.fallback),
        threads=given.threads,
        max_file_bytes=int(given.max_file_mb * MIB),
        max_files=given.max_files,
        max_pixels=given.max_pixels,
        max_jobs=given.max_jobs,
        kept_jobs=given.kept_jobs,
        timeout=given.timeout,
        upload_timeout=given.upload_timeout,
        uploads_per_client=given.uploads_per_client,
        upload_buffer_bytes=int(given.upload_buffer_mb * MIB),
        max_connections=given.max_connections,
        drain_timeout=given.drain_timeout,
        cache_bytes=int(given.cache_mb * MIB),
        redis=given.redis,
        redis_key=_file(given.redis_key_file).strip() if given.redis_key_file else b"",
        log_level=given.log_level,
    )


def _token(path: str | None, environment: Mapping[str, str]) -> str | None:
    """Never of the command line itself: every user of the machine can read that."""
    text = _file(path).decode("utf-8", "replace").strip() if path else environment.get(TOKEN_VARIABLE)
    if path and not text:
        raise SettingsError(f"{path} is empty", "put the token into it, on one line")
    return text or None


def _file(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise SettingsError(f"{path} cannot be read: {error.strerror}", "name a file that this user can read") from None


def _parser() -> argparse.ArgumentParser:
    default = Settings()
    parser = argparse.ArgumentParser(
        prog="python -m mediscan.server",
        description="Serves MediScan's HTTP API and page. Research use only, not a medical device.",
        epilog=f"The bearer token is taken from --token-file or the variable {TOKEN_VARIABLE}. docs/server.md describes all of it.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
        allow_abbrev=False,  # --token is not --token-file: a token has no place here
    )
    models = parser.add_argument_group("models")
    models.add_argument("--models", metavar="DIR", default="models", help="folder of bundles, or one bundle")
    models.add_argument("--skin", metavar="NAME|DIR", help="the bundle that serves skin-analysis, where --models holds several")
    models.add_argument("--chest", metavar="NAME|DIR", help="the bundle that serves radiology, where --models holds several")
    models.add_argument("--backend", choices=("auto", "torch", "onednn", "mock"), default=default.backend, help="what runs the models; mock results are simulated")
    models.add_argument("--fallback", choices=("never", "mock"), default=default.fallback, help="mock: simulated results where no real backend works")
    models.add_argument("--threads", type=int, default=default.threads, help="thread budget; 0: what scheduler and cgroup allow")
    net = parser.add_argument_group("network")
    net.add_argument("--host", default=default.host, help="address to listen on; any but loopback needs a token and --allowed-host")
    net.add_argument("--port", type=int, default=default.port, help="0: any free one; the address is printed")
    net.add_argument("--token-file", metavar="FILE", help="file that holds the bearer token")
    net.add_argument("--allowed-host", metavar="NAME", action="append", default=[], help="a name that requests may have in Host; repeatable")
    net.add_argument("--max-connections", type=int, default=default.max_connections, help="open at once; more are answered 503")
    _add_limits(parser.add_argument_group("limits"), default)
    return parser


def _add_limits(limits: argparse._ArgumentGroup, default: Settings) -> None:
    limits.add_argument("--max-file-mb", type=float, default=default.max_file_bytes / MIB, help="largest file, MiB")
    limits.add_argument("--max-files", type=int, default=default.max_files, help="files a request")
    limits.add_argument("--max-pixels", type=int, default=default.max_pixels, help="pixels a picture")
    limits.add_argument("--max-jobs", type=int, default=default.max_jobs, help="analyses accepted and not finished")
    limits.add_argument("--kept-jobs", type=int, default=default.kept_jobs, help="finished jobs that can be asked for, for 10 minutes")
    limits.add_argument("--timeout", type=float, default=default.timeout, help="longest time of one analysis, seconds")
    limits.add_argument("--upload-timeout", type=float, default=default.upload_timeout, help="an upload that is silent for so many seconds is cut")
    limits.add_argument("--uploads-per-client", type=int, default=default.uploads_per_client, help="uploads of one address at once")
    limits.add_argument("--upload-buffer-mb", type=float, default=default.upload_buffer_bytes / MIB, help="of all uploads together, MiB")
    limits.add_argument("--drain-timeout", type=float, default=default.drain_timeout, help="seconds that a shutdown waits for accepted work")
    limits.add_argument("--cache-mb", type=float, default=default.cache_bytes / MIB, help="results kept in memory, MiB; 0: none")
    limits.add_argument("--redis", metavar="URL", default="", help="results kept in a Redis, redis://host:port or unix:/path")
    limits.add_argument("--redis-key-file", metavar="FILE", help="key that authenticates what stands in Redis, 16 bytes or more")
    limits.add_argument("--log-level", choices=("debug", "info", "warning", "error"), default=default.log_level, help="of the log on stderr")
