"""Images of a user's own: whatever keeps the contract of /opt/ml runs in Docker, where it is there.

docs/contract.md#b1 for jobs (`train`); for endpoints (`serve`) /ping and /invocations on port 8080.
"""

import re
import shutil
import subprocess

from train2deploy.runtimes import Runtime, docker, engine

OURS = re.compile(r"(.*/)?(tensorflow-(inference|training)|sagemaker-tensorflow[a-z-]*)([:@].*)?")
"""AWS's images of TensorFlow: what they do, the emulator's runtime does."""


def runtime(image: str) -> Runtime | None:
    """Containers of an image, as whom the image says; None: it is none that Docker has here."""
    if not image or OURS.fullmatch(image) or shutil.which("docker") is None:
        return None
    try:
        found = engine.docker("image", "inspect", image, seconds=engine.ANSWER_SECONDS)
    except subprocess.TimeoutExpired:
        return None
    return docker.Docker(image, image, aws=True) if found.returncode == 0 else None
