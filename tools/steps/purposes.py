"""What each purpose needs installed: the order of set-up and the one place that says who needs what."""

from steps import apt, libtorch, onednn, python_env, stb
from steps.console import heading, one_at_a_time

PURPOSES = ("build", "demo", "test", "parity", "serve", "web", "lint")


def ensure(*purposes):
    """Installs everything that the purposes need, with one apt-get call at most. Without the network when nothing changed."""
    heading(f"Set-up for {' and '.join(purposes)}")
    with one_at_a_time():
        packages = list(apt.BUILD)
        if apt.needs_venv_package():
            packages += apt.VENV
        if "test" in purposes:
            packages += apt.TEST
        if set(purposes) & {"test", "parity", "serve", "web"} and apt.needs_header_package():
            packages += apt.HEADERS
        if "web" in purposes:
            packages += apt.WEB
        if "lint" in purposes:
            packages += apt.LINT
        apt.ensure(packages)
        stb.ensure()
        if set(purposes) & {"demo", "test", "parity", "serve", "web"}:
            libtorch.ensure()
        if set(purposes) & {"test", "parity"}:
            onednn.ensure()
        if "test" in purposes:
            python_env.ensure("python", ["requirements-test.txt", "requirements-python.txt", "requirements-server.txt"],
                              "makes test pictures, tests the Python package and its server")
        if "serve" in purposes:
            python_env.ensure("server", ["requirements-server.txt"], "serves the page and the API")
        if "web" in purposes:
            python_env.ensure("web", ["requirements-test.txt", "requirements-server.txt", "requirements-web.txt"],
                              "tests the page in Chromium and the API against its document")
        if "parity" in purposes:
            python_env.ensure("python-parity", ["requirements-parity.txt", "requirements-convert.txt", "requirements-server.txt",
                                                "requirements-bench-server.txt", "requirements-bench.txt"],
                              "torch, torchvision, torchxrayvision, MONAI and the peers to compare with (about 6 GB)")
