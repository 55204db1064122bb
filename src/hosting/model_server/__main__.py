"""``python -m hosting.model_server`` with tensorflow_model_server's flags."""

import logging
import sys

from hosting.model_server import TODAY, flags, server
from hosting.model_server.graph import native


def main(arguments=None):
    values = flags.parse(sys.argv[1:] if arguments is None else arguments)
    if values.version:
        release = "2.20.0" if TODAY else "1.13.0"
        print(f"TensorFlow ModelServer: {release}-compatible (hosting.model_server)")
        print(f"TensorFlow Library: {native.library().TF_Version().decode()}")
        return 0
    logging.basicConfig(
        level=logging.INFO,
        stream=sys.stderr,
        format="%(asctime)s.%(msecs)03d000: %(levelname).1s %(name)s] %(message)s",
        datefmt="%Y-%m-%d %H:%M:%S",
    )
    return server.run(values)


if __name__ == "__main__":
    sys.exit(main())
