"""The library's log lines are records of the logger "mediscan"."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Any

import mediscan
import pytest


def test_loads_and_unloads_are_logged(manager: mediscan.ModelManager, skin_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.DEBUG, "mediscan"):
        manager.load(skin_bundle, backend="mock").unload()
    assert {record.name for record in caplog.records} == {"mediscan"}
    said = [(record.levelname, record.getMessage().split(" on ")[0]) for record in caplog.records]
    assert said == [("INFO", "model skin-demo 1.0.0 READY"), ("INFO", "model skin-demo 1.0.0 UNLOADED")]


def test_a_failed_load_is_logged_as_an_error(manager: mediscan.ModelManager, skin_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(mediscan.Error):
        manager.load(skin_bundle, backend="mock", device="cuda:77")
    assert [record.levelname for record in caplog.records] == ["ERROR"]


def test_a_handler_that_raises_does_not_fail_the_load(
    manager: mediscan.ModelManager, skin_bundle: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Broken(logging.Handler):
        def handle(self, record: logging.LogRecord) -> bool:
            raise RuntimeError("disk full")

    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    logger, handler = logging.getLogger("mediscan"), Broken()
    logger.addHandler(handler)
    monkeypatch.setattr(logger, "level", logging.INFO)
    logger.manager._clear_cache()  # type: ignore[attr-defined]
    try:
        assert manager.load(skin_bundle, backend="mock").status().state == "READY"
    finally:
        logger.removeHandler(handler)
    assert [str(one.exc_value) for one in raised] == ["disk full"]


def test_a_handler_may_call_mediscan(manager: mediscan.ModelManager, skin_bundle: Path, caplog: pytest.LogCaptureFixture) -> None:
    states: list[str] = []

    class Asking(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            states.extend(status.state for status in manager.status())

    logger, handler = logging.getLogger("mediscan"), Asking()
    logger.addHandler(handler)
    try:
        with caplog.at_level(logging.INFO, "mediscan"):
            manager.load(skin_bundle, backend="mock")
    finally:
        logger.removeHandler(handler)
    assert states == ["READY"]
