"""``python -m hosting.model_server`` with tensorflow_model_server's flags."""

import logging
import sys

from hosting.model_server import flags, server


def main(arguments=None):
    """Run the server; returns the process' exit code."""
    try:
        values = flags.parse(sys.argv[1:] if arguments is None else arguments)
    except flags.FlagError as error:
        sys.stdout.write(str(error))
        return 255
    logging.basicConfig(level=logging.INFO, stream=sys.stderr,
                        format='%(asctime)s.%(msecs)03d000: %(levelname).1s %(name)s] %(message)s',
                        datefmt='%Y-%m-%d %H:%M:%S')
    return server.run(values)


if __name__ == '__main__':
    sys.exit(main())
