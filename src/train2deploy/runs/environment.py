"""What a run was made with: versions, processor, locks. Nothing that names the machine."""

import os
import platform
import re
from pathlib import Path
from typing import Any

from train2deploy import manifest, paths, runtimes, stack
from train2deploy.hashing import sha256_file
from train2deploy.runtimes import Runtime, Side

PACKAGES = ("tensorflow", "keras-self-attention", "text-vectorian", "numpy")


def describe(runtime: Runtime) -> dict[str, Any]:
    """The environment of a run in this runtime.

    Versions of packages are those of the lock files, from which every environment and image
    is made.
    """
    train, serve = (locked(stack.lock(side)) for side in ("train", "serve"))
    return {
        "runtime": runtime.name,
        "python": {
            "host": platform.python_version(),
            "train": _python(runtime, "train"),
            "serve": _python(runtime, "serve"),
        },
        **{name: train.get(name) for name in PACKAGES},
        **(
            {"tensorflow": train["tensorflow-cpu"], "keras": train["keras"]}
            if stack.is_todays()
            else {}
        ),
        "tensorflow_serving": serve.get("tensorflow"),
        "cpu": cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "platform": f"{platform.system()} {platform.machine()}, {' '.join(platform.libc_ver())}",
        "git": manifest.git_state(),
        "locks": {
            path.name: sha256_file(path) for path in sorted(paths.REQUIREMENTS.glob("*.lock"))
        },
    }


def locked(lock: Path) -> dict[str, str]:
    """Package to version, as a lock file pins them."""
    pins = re.findall(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", lock.read_text(encoding="utf-8"), re.M)
    return dict(pins)


def _python(runtime: Runtime, side: Side) -> str:
    launch = runtime.python(side, ["-c", "import platform; print(platform.python_version())"], {})
    _, lines = runtimes.run(runtime, launch)
    return (lines or [""])[-1]


def cpu() -> str:
    """The processor's name as Linux tells it, else its architecture."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8")
    except OSError:
        return platform.machine()
    found = re.search(r"^model name\s*: (.*)$", text, re.M)
    return found.group(1).strip() if found else platform.machine()
