"""The programs that are compared: where they are, their versions, and why one is absent."""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.environment import cache_directory
from tests.support.peers import PACKAGES, _find

__all__ = ["ORAS_PY", "Programs", "find_programs", "machine_facts", "uncompiled"]

ORAS_PY = "0.2.43"
"""The version of oras-py on PyPI."""

_UNCOMPILED = """
import importlib, os, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
for name, module in sorted(sys.modules.items()):
    spec = getattr(module, "__spec__", None)
    if spec is not None and spec.has_location and spec.cached and not os.path.exists(spec.cached):
        print(name)
"""
_MODULES = (
    "ocictl.cli.main",
    "ocictl.ops.push",
    "ocictl.ops.pull",
    "ocictl.stores.repository",
    "click",
    "requests",
)


@dataclass(kw_only=True)
class Programs:
    """Programs by name, and reasons for those that are not there.

    Attributes:
        found: the program, or the interpreter of oras-py.
        absent: the reason, with how to get it.
        versions: of those found.
    """

    found: dict[str, str] = field(default_factory=dict)
    absent: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)

    def add(self, name: str, program: str | None, reason: str, *version: str) -> None:
        """Note a program and ask it for its version, or note the reason."""
        if program is None:
            self.absent[name] = reason
            return
        self.found[name] = program
        shown = subprocess.run([program, *version], capture_output=True, text=True, check=False, timeout=60)
        number = re.search(r"\d+\.\d+(\.\d+)?\S*", shown.stdout)
        self.versions[name] = number[0].rstrip(",") if number else "unknown"


def find_programs(*, with_oras_py: bool = True) -> Programs:
    """Find ocictl and its peers; oras-py gets a virtual environment of its own under the cache directory."""
    path = f"{os.environ.get('PATH', '')}:/usr/bin:/usr/local/bin"
    programs = Programs()
    own = Path(sys.executable).with_name("ocictl")
    programs.add("ocictl", str(own) if own.exists() else None, "make venv", "version")
    oras = _find("oras")
    if isinstance(oras, Path):
        programs.add("oras", str(oras), "", "version")
    else:
        programs.absent["oras"] = f"missing: go install {PACKAGES['oras']}"
    for name, package, version in (
        ("curl", "curl", "--version"),
        ("openssl", "openssl", "version"),
        ("sha256sum", "coreutils", "--version"),
        ("skopeo", "skopeo", "--version"),
        ("docker-registry", "docker-registry", "--version"),
    ):
        programs.add(name, shutil.which(name, path=path), f"missing: apt-get install {package}", version)
    if with_oras_py:
        _add_oras_py(programs)
    else:
        programs.absent["oras-py"] = "left out"
    return programs


def _add_oras_py(programs: Programs) -> None:
    """Make the environment of oras-py unless it is there, and compile it."""
    folder = cache_directory() / f"bench-oras-py-{ORAS_PY}"
    python = folder / "bin" / "python"
    ready = folder / "ready"
    try:
        if not ready.exists():
            environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
            for command in (
                [sys.executable, "-m", "venv", "--clear", str(folder)],
                [str(python), "-m", "pip", "install", "--quiet", f"oras=={ORAS_PY}"],
                [str(python), "-m", "compileall", "-q", str(folder / "lib")],
                [str(python), "-c", "import oras.client"],
            ):
                done = subprocess.run(
                    command, env=environment, capture_output=True, text=True, check=False, timeout=600
                )
                # Some packages hold files of examples that don't compile.
                if done.returncode != 0 and "compileall" not in command:
                    last = (done.stderr.strip().splitlines() or ["no message"])[-1]
                    programs.absent["oras-py"] = f"not installed: {last[:120]}"
                    return
            ready.touch()
    except (OSError, subprocess.SubprocessError) as error:
        programs.absent["oras-py"] = f"not installed: {type(error).__name__}"
        return
    programs.found["oras-py"] = str(python)
    programs.versions["oras-py"] = ORAS_PY


def uncompiled() -> list[str]:
    """Compile ocictl and all that it imports; return the modules that still have no cached bytecode."""
    import click

    import ocictl

    folders = {str(Path(module.__file__).parent) for module in (ocictl,) if module.__file__}
    folders.add(str(Path(click.__file__).parent.parent))
    clean = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    subprocess.run(
        [sys.executable, "-m", "compileall", "-q", "-j", "0", *sorted(folders)],
        env=clean,
        capture_output=True,
        check=False,
        timeout=600,
    )
    check = subprocess.run(
        [sys.executable, "-c", _UNCOMPILED, *_MODULES],
        env=clean | {"PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return check.stdout.split()


def machine_facts(programs: Programs) -> dict[str, str]:
    """What the figures depend on, without names of machines or paths."""
    flags: list[str] = []
    model = ""
    about = Path("/proc/cpuinfo")
    if about.exists():
        for line in about.read_text().splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "flags" and not flags:
                flags = sorted({"sha_ni", "avx2", "avx512f", "vaes"} & set(value.split()))
            if key.strip() == "model name" and not model:
                model = value.strip()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    versions = {name: programs.versions[name] for name in programs.found if name in programs.versions}
    return {
        "machine": f"{os.cpu_count()} cores ({model or platform.machine()}; {', '.join(flags) or 'no flags known'}), "
        f"{memory:.0f} GiB, {platform.system()}",
        "Python": platform.python_version(),
        **versions,
    }
