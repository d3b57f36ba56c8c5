"""The real backend from Python: which LibTorch it is, and that a process never holds two. Skips where there is no torch."""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

import mediscan
import pytest
from conftest import ROOT, RunPython

SHOW_MAPPED = """
def show_mapped():
    print(sorted({line.split()[-1] for line in open("/proc/self/maps") if "libtorch_cpu.so" in line}), flush=True)
"""
ANALYSE = """
import sys, mediscan
result = mediscan.load(sys.argv[1]).analyze(sys.argv[2])
print(result.execution.backend, result.execution.simulated, result.findings[0].code, flush=True)
"""


@pytest.fixture(scope="session")
def site() -> Path:
    """The folder that holds a package torch, as pip makes it: MEDISCAN_LIBTORCH's, this environment's, or make setup's."""
    spec = importlib.util.find_spec("torch")
    named = Path(os.environ.get("MEDISCAN_LIBTORCH", "/nonexistent"))
    places = [*([named] if named.is_dir() else named.parents), ROOT / ".deps" / "libtorch"]
    if spec is not None and spec.origin is not None:
        places.insert(0, Path(spec.origin).parents[1])
    for place in places:
        if (place / "torch" / "lib" / "libtorch_cpu.so").exists():
            return place
    pytest.skip("no torch package: pip install torch, or make setup")


@pytest.fixture(scope="session")
def importable_torch() -> str:
    """The site-packages of a torch that `import torch` can use, all its dependencies included."""
    spec = importlib.util.find_spec("torch")
    if spec is None or spec.origin is None:
        pytest.skip("this environment has no torch to import")
    return str(Path(spec.origin).parents[1])


def test_the_torch_package_is_found_without_being_imported(
    run_python: RunPython, site: Path, skin_bundle: Path, nevus: Path
) -> None:
    program = SHOW_MAPPED + ANALYSE + "print('torch' in sys.modules)\nshow_mapped()"
    ended = run_python(program, skin_bundle, nevus, PYTHONPATH=python_path(site), MEDISCAN_LIBTORCH="")
    library = str((site / "torch" / "lib" / "libtorch_cpu.so").resolve())
    assert ended.stdout.splitlines() == ["torch False nv", "False", str([library])], ended.stderr


def test_a_torch_that_is_installed_later_is_found(run_python: RunPython, site: Path, skin_bundle: Path, nevus: Path) -> None:
    program = """
import sys, mediscan
sys.path[:] = [entry for entry in sys.path if "torch" not in entry]
from mediscan import _libtorch
installed = _libtorch._installed
_libtorch._installed = lambda: None  # an environment without torch, whatever this one has
try:
    mediscan.load(sys.argv[1])
except mediscan.BackendUnavailable:
    print("unavailable")
_libtorch._installed = installed
sys.path.insert(0, sys.argv[3])
print(mediscan.load(sys.argv[1]).analyze(sys.argv[2]).execution.backend)
"""
    ended = run_python(program, skin_bundle, nevus, site, MEDISCAN_LIBTORCH="", MEDISCAN_ONEDNN="/none", VIRTUAL_ENV="")
    assert ended.stdout.splitlines() == ["unavailable", "torch"], ended.stderr


def test_a_named_libtorch_wins_over_the_installed_one(run_python: RunPython, site: Path, skin_bundle: Path) -> None:
    program = """
import sys, mediscan
for manager in (mediscan.ModelManager(), mediscan.ModelManager(libtorch="/also/none")):
    try:
        manager.load(sys.argv[1])
    except mediscan.BackendUnavailable as error:
        print(error.message)
"""
    ended = run_python(program, skin_bundle, PYTHONPATH=python_path(site), MEDISCAN_LIBTORCH="/none", MEDISCAN_ONEDNN="/none")
    by_environment, by_option = ended.stdout.splitlines()
    assert "/none (MEDISCAN_LIBTORCH)" in by_environment
    assert "/also/none (option)" in by_option


def test_the_working_directory_is_never_searched(run_python: RunPython, tmp_path: Path) -> None:
    (tmp_path / "torch" / "lib").mkdir(parents=True)
    (tmp_path / "torch" / "__init__.py").touch()
    (tmp_path / "torch" / "lib" / "libtorch_cpu.so").touch()
    program = "import sys; from mediscan import _libtorch; print(sys.path[0] == '', str(_libtorch._installed()).startswith(sys.argv[1]))"
    assert run_python(program, tmp_path).stdout == "True False\n"


@pytest.mark.parametrize("order", ["torch first", "mediscan first"])
def test_one_libtorch_whatever_is_imported_first(
    run_python: RunPython, importable_torch: str, skin_bundle: Path, nevus: Path, order: str
) -> None:
    use_torch = "import torch\nprint(float(torch.nn.Conv2d(3, 4, 3)(torch.ones(1, 3, 8, 8)).isfinite().all()), flush=True)\n"
    parts = [use_torch, ANALYSE] if order == "torch first" else [ANALYSE, use_torch]
    ended = run_python(SHOW_MAPPED + "\n".join(parts) + "show_mapped()", skin_bundle, nevus, MEDISCAN_LIBTORCH="")
    expected = ["1.0", "torch False nv"] if order == "torch first" else ["torch False nv", "1.0"]
    library = str((Path(importable_torch) / "torch" / "lib" / "libtorch_cpu.so").resolve())
    assert ended.stdout.splitlines() == [*expected, str([library])], ended.stderr
    assert ended.returncode == 0


def test_a_real_model_has_proved_itself(real_torch: str, manager: mediscan.ModelManager, skin_bundle: Path, nevus: Path) -> None:
    model = manager.load(skin_bundle, backend="torch")
    status = model.status()
    assert (status.execution.backend_version, status.execution.simulated) == (real_torch, False)
    assert status.self_test.run and status.self_test.largest_difference is not None
    result = model.analyze(nevus)
    assert result.findings[0].code == "nv"
    assert "SIMULATED" not in result._repr_html_()
    many = model.analyze_many([nevus] * 9)
    assert all(isinstance(outcome, mediscan.Result) and outcome.findings[0].code == "nv" for outcome in many)


def test_real_work_in_flight_does_not_disturb_the_exit(run_python: RunPython, site: Path, skin_bundle: Path, nevus: Path) -> None:
    program = ANALYSE + """
import threading, time
model = mediscan.load(sys.argv[1])
def work():
    while True:
        model.analyze(sys.argv[2])
for _ in range(4):
    threading.Thread(target=work, daemon=True).start()
time.sleep(0.3)
print("end", flush=True)
"""
    for _ in range(3):
        ended = run_python(program, skin_bundle, nevus, PYTHONPATH=python_path(site), MEDISCAN_LIBTORCH="")
        assert (ended.returncode, ended.stdout) == (0, "torch False nv\nend\n"), ended.stderr
        assert "Fatal" not in ended.stderr and "terminate" not in ended.stderr


def python_path(site: Path) -> str:
    """The site after what is on the path already."""
    return os.pathsep.join(filter(None, [os.environ.get("PYTHONPATH", ""), str(site)]))
