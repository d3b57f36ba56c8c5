"""The library behind the API: which bundle serves which domain, loaded in the background, and what can be said of it meanwhile."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

import mediscan

from .errors import Problem, Refusal, problem_of, refusal_of
from .settings import Settings, SettingsError


class Domain(StrEnum):
    """As they stand in addresses."""

    SKIN = "skin-analysis"
    RADIOLOGY = "radiology"


BUNDLE_DOMAIN = {Domain.SKIN: "skin", Domain.RADIOLOGY: "radiology"}
OPTION = {Domain.SKIN: "--skin", Domain.RADIOLOGY: "--chest"}
MANIFEST = "mediscan.json"


@dataclass(slots=True)
class Served:
    """A domain: the bundle that serves it, or why there is none."""

    domain: Domain
    directory: Path | None
    model: mediscan.Model | None = None
    failure: mediscan.Error | None = None  # of a bundle that cannot even be read
    bundle: dict[str, Any] = field(default_factory=dict)

    @property
    def configured(self) -> bool:
        """False where no bundle of this domain was given."""
        return self.directory is not None

    def status(self) -> mediscan.ModelStatus | None:
        """The model's, where there is one."""
        return self.model.status() if self.model is not None else None

    def problem(self) -> Problem | None:
        """Why it cannot serve, if it cannot."""
        error = self.error()
        return problem_of(error) if error is not None else None

    def error(self) -> mediscan.Error | None:
        """The library's reason why it cannot serve; None while it loads and when it serves."""
        if self.model is None:
            return self.failure or mediscan.NotReady(
                f"this server has no model for {self.domain}", f"start it with a bundle for {OPTION[self.domain]}", "model"
            )
        try:
            self.model.wait(0)
        except TimeoutError:
            return None
        except mediscan.Error as error:
            return error
        return None

    def simulated(self, backend: str) -> bool | None:
        """Whether its results are simulated; None while that is not known yet."""
        status = self.status()
        if status is not None and status.execution.backend:
            return status.execution.simulated
        return True if backend == "mock" and self.model is not None else None


class Engine:
    """One manager and the models of all domains."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self.domains = {domain: Served(domain, directory) for domain, directory in bundles_of(settings).items()}
        try:
            self.manager = mediscan.ModelManager(
                threads=settings.threads,
                max_jobs=settings.max_jobs,
                cache_memory_bytes=settings.cache_bytes,
                redis=settings.redis,
                hmac_key=settings.redis_key,
            )
        except mediscan.Error as error:
            raise SettingsError(error.message, error.hint) from None

    def load(self) -> None:
        """Begins to load every model and returns. What cannot be read is that domain's failure; the others serve."""
        for served in self.domains.values():
            if served.directory is None:
                continue
            try:
                model = self.manager.load_async(served.directory, backend=self._settings.backend, fallback=self._settings.fallback)
                served.bundle = model.bundle
                served.model = model
            except mediscan.Error as error:
                served.failure = error

    def model(self, domain: Domain) -> mediscan.Model:
        """The model of a domain, loading or ready; refuses where it has failed."""
        served = self.domains[domain]
        error = served.error()
        if error is not None:
            raise refusal_of(error)
        assert served.model is not None
        return served.model

    def not_ready(self) -> list[str]:
        """A sentence for every configured domain that does not serve."""
        told = []
        for served in self.domains.values():
            status = served.status()
            if served.configured and (status is None or status.state not in ("READY", "EVICTED")):
                problem = served.problem()
                state = status.state if status is not None else "FAILED"
                why = problem.code if problem is not None else status.phase if status is not None else "not begun"
                told.append(f"{served.domain} is {state} ({why})")
        return told


def status_dict(status: mediscan.ModelStatus) -> dict[str, Any]:
    """Plain values, with the names of the library."""
    return dataclasses.asdict(status)


def bundles_of(settings: Settings) -> dict[Domain, Path | None]:
    """The bundle that serves each domain: the one that an option names, else the only one of that domain in --models."""
    found, unreadable = _scan(settings.models)
    chosen: dict[Domain, Path | None] = {}
    for domain, wanted in ((Domain.SKIN, settings.skin), (Domain.RADIOLOGY, settings.chest)):
        here = found.get(BUNDLE_DOMAIN[domain], [])
        if wanted is not None:
            chosen[domain] = _named(wanted, settings.models, domain)
        elif len(here) > 1:
            raise SettingsError(
                f"{settings.models} holds {len(here)} bundles for {domain}: {', '.join(path.name for path in here)}",
                f"say which one serves: {OPTION[domain]} {here[0].name}",
            )
        elif here:
            chosen[domain] = here[0]
        else:
            # Which domain an unreadable bundle has nobody knows: the domains that have no other tell of it.
            chosen[domain] = unreadable[0] if unreadable else None
    if not any(chosen.values()):
        raise SettingsError(
            f"there is no bundle in {settings.models}", f"give --models a folder of bundles (folders that hold a {MANIFEST}), or one of them"
        )
    return chosen


def _scan(models: Path) -> tuple[dict[str, list[Path]], list[Path]]:
    """Bundles by their domain, and those whose manifest does not say it."""
    candidates = [models] if (models / MANIFEST).is_file() else sorted(path.parent for path in models.glob(f"*/{MANIFEST}"))
    found: dict[str, list[Path]] = {}
    unreadable = []
    for folder in candidates:
        try:
            found.setdefault(str(json.loads((folder / MANIFEST).read_bytes())["domain"]), []).append(folder)
        except (OSError, ValueError, KeyError, TypeError):
            unreadable.append(folder)
    return found, unreadable


def _named(wanted: str, models: Path, domain: Domain) -> Path:
    for folder in (models / wanted, Path(wanted)):
        if (folder / MANIFEST).is_file():
            return folder
    raise SettingsError(
        f"{OPTION[domain]} {wanted} is no bundle", f"name a folder that holds a {MANIFEST}, by its name in {models} or by its path"
    )


def unavailable(message: str, code: str, hint: str, retry_after: float) -> Refusal:
    """503 for what comes back by itself."""
    return Refusal(503, code, message, hint, stage="model", retry_after=retry_after)
