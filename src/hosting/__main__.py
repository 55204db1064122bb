"""`python -m hosting --model-dir DIR`: the container's command `serve`."""

import argparse
import json
import logging
import os
import signal
import sys

from hosting import commands, environment
from hosting.processes import die_with_parent
from hosting.settings import Settings
from hosting.supervisor import StartError, Supervisor


def parse_arguments(arguments=None):
    parser = argparse.ArgumentParser(
        prog="python -m hosting",
        description=__doc__,
        epilog="Everything else is configured by the container's environment variables "
        "(SAGEMAKER_BIND_TO_PORT, SAGEMAKER_TFS_…), by HOSTING_CONTRACT=2019|head|today and "
        "by DEV=1 (stop when inference.py cannot be loaded).",
    )
    parser.add_argument(
        "--model-dir", required=True, help="an unpacked model.tar.gz; stands for /opt/ml/model"
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--die-with-parent",
        action="store_true",
        help="end when the process that started this one ends",
    )
    return parser.parse_args(arguments)


def main(arguments=None):
    options = parse_arguments(arguments)
    if options.die_with_parent:
        die_with_parent(signal.SIGTERM, os.getppid())
    inherited = environment.PIP_VARIABLE not in os.environ
    pip_environment = environment.separate(os.environ)
    if inherited and sys.getfilesystemencoding() != "utf-8":
        # The caller's locale can neither write nor log every path; the container's can.
        os.environ[environment.PIP_VARIABLE] = json.dumps(pip_environment)
        os.execve(
            sys.executable,
            [sys.executable, "-m", "hosting"] + sys.argv[1:],
            commands.child_environment(),
        )
    logging.basicConfig(level=logging.INFO, format=environment.log_format())
    if not os.path.isdir(options.model_dir):
        sys.exit(f"--model-dir: {options.model_dir} is not a directory")
    try:
        return Supervisor(Settings(), options.model_dir, options.host, pip_environment).run()
    except StartError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    sys.exit(main())
