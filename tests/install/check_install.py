#!/usr/bin/env python3
"""Installs a build into a prefix, moves the prefix, and uses it as a stranger would: the examples by find_package, C and C++ programs by
pkg-config, the command. Prints what it saw; ends with 1 at the first thing that is wrong.

usage: check_install.py SOURCE_TREE BUILD_TREE
"""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ENVIRONMENT = {name: value for name, value in os.environ.items() if name not in {"LD_LIBRARY_PATH", "PKG_CONFIG_PATH", "CMAKE_PREFIX_PATH"}}
ALLOWED = re.compile(r"bin/mediscan|include/mediscan/[\w.]+\.(h|hpp)|lib[\w/-]*/libmediscan\.so(\.1(\.\d+)?)?|lib[\w/-]*/cmake/mediscan/[\w-]+\.cmake"
                     r"|lib[\w/-]*/pkgconfig/mediscan\.pc|share/doc/mediscan/LICENSE")


class Wrong(Exception):
    """What a stranger would stumble over."""


def run(*command, **environment):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False, env={**ENVIRONMENT, **environment})
    if done.returncode != 0:
        raise Wrong(f"`{' '.join(map(str, command))}` ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def installed(build, folder):
    """The moved prefix."""
    first, moved = folder / "first", folder / "somewhere" / "else"
    run("cmake", "--install", build, "--prefix", first)
    moved.parent.mkdir()
    first.rename(moved)
    return moved


def check_files(prefix, tree, build):
    files = sorted(path for path in prefix.rglob("*") if not path.is_dir())
    for path in files:
        name = path.relative_to(prefix).as_posix()
        if not ALLOWED.fullmatch(name):
            raise Wrong(f"{name} is installed and nobody said so")
        if path.suffix in {".cmake", ".pc", ".h", ".hpp"}:
            text = path.read_text(encoding="utf-8")
            for place in (str(tree), str(build), str(prefix), str(prefix.parents[1] / "first")):
                if place in text:
                    raise Wrong(f"{name} names {place}")
            leak = re.search(r"(fmt|OpenSSL|JPEG|PNG|ZLIB|nlohmann_json)::|find_dependency", text)
            if leak and path.suffix == ".cmake":
                raise Wrong(f"{name} leaks a dependency: {leak[0]}")
    libraries = [path for path in files if ".so" in path.name and not path.is_symlink()]
    if len(libraries) != 1:
        raise Wrong(f"one library file was expected, there are {libraries}")
    print(f"{len(files)} files installed; one library, {libraries[0].stat().st_size:,} bytes; no path of the build or the first prefix in them")


def check_find_package(tree, prefix, folder):
    model, picture = tree / "models" / "skin-demo", tree / "examples" / "images" / "skin-nevus.jpg"
    for language in ("c", "cpp"):
        build = folder / f"build-{language}"
        run("cmake", "-S", tree / "examples" / language, "-B", build, f"-DCMAKE_PREFIX_PATH={prefix}", "-DCMAKE_BUILD_TYPE=Release")
        run("cmake", "--build", build)
        said = run(build / "analyze", model, picture, MEDISCAN_EXAMPLE_BACKEND="mock")
        if "melanoma" not in said or "SIMULATED" not in said or "research use only" not in said:
            raise Wrong(f"examples/{language} said:\n{said}")
        print(f"examples/{language}: built by find_package(mediscan), ran")
    said = run(folder / "build-cpp" / "custom_backend", tree / "examples" / "cpp" / "mean-color", picture)
    if "mean-color" not in said:
        raise Wrong(f"examples/cpp/custom_backend said:\n{said}")


def check_pkg_config(tree, prefix, folder):
    where = {"PKG_CONFIG_PATH": str(next(prefix.rglob("pkgconfig")))}
    if not shutil.which("pkg-config"):
        raise Wrong("pkg-config is not there to be tried (Debian: apt-get install pkg-config)")
    words = run("pkg-config", "--cflags", "--libs", "mediscan", **where).split()
    library = next(prefix.rglob("libmediscan.so")).parent
    for compiler, standard, source in (("gcc", "-std=c11", "c/analyze.c"), ("g++", "-std=c++20", "cpp/analyze.cpp")):
        program = folder / f"by-pkg-config-{compiler}"
        run(compiler, standard, tree / "examples" / source, "-o", program, *words)
        run(program, tree / "models" / "skin-demo", tree / "examples" / "images" / "skin-nevus.jpg", MEDISCAN_EXAMPLE_BACKEND="mock",
            LD_LIBRARY_PATH=str(library))
        print(f"examples/{source}: built by {compiler} with `pkg-config --cflags --libs mediscan`, ran")


def check_command(tree, prefix):
    said = run(prefix / "bin" / "mediscan", "analyze", "--backend", "mock", "--model", tree / "models" / "skin-demo",
               tree / "examples" / "images" / "skin-nevus.jpg")
    if "simulated" not in said.lower():
        raise Wrong(f"the installed command said:\n{said}")
    print("bin/mediscan: ran from the moved prefix")


def main():
    tree, build = (pathlib.Path(path).resolve() for path in sys.argv[1:3])
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name).resolve()
        try:
            prefix = installed(build, folder)
            check_files(prefix, tree, build)
            check_find_package(tree, prefix, folder)
            check_pkg_config(tree, prefix, folder)
            if (prefix / "bin" / "mediscan").exists():
                check_command(tree, prefix)
        except Wrong as wrong:
            print(f"WRONG: {wrong}")
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
