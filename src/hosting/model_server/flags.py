"""The flags of tensorflow_model_server (1.13) that mean something here, with its defaults.

One that is not here is refused: the container passes none.
"""

import argparse

_LARGE = 1 << 63


def _int(limit=1 << 31):
    def number(text):
        value = int(text)
        if not -limit <= value < limit:
            raise ValueError(text)
        return value

    return number


def _bool(text):
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


_FLAGS = {
    "port": (_int(), 8500),
    "rest_api_port": (_int(), 0),
    "rest_api_timeout_in_ms": (_int(), 30000),
    "enable_batching": (_bool, False),
    "batching_parameters_file": (str, ""),
    "model_config_file": (str, ""),
    "model_name": (str, "default"),
    "model_base_path": (str, ""),
    "max_num_load_retries": (_int(), 5),
    "load_retry_interval_micros": (_int(_LARGE), 60 * 1000 * 1000),
    "file_system_poll_wait_seconds": (_int(), 1),
    "tensorflow_session_parallelism": (_int(_LARGE), 0),
    "tensorflow_intra_op_parallelism": (_int(_LARGE), 0),
    "tensorflow_inter_op_parallelism": (_int(_LARGE), 0),
    "per_process_gpu_memory_fraction": (float, 0.0),
    "saved_model_tags": (str, "serve"),
    "enable_model_warmup": (_bool, True),
}


def parse(arguments):
    """The values of the command line, each as an attribute; wrong ones end the process."""
    parser = argparse.ArgumentParser(
        prog="tensorflow_model_server", description=__doc__, allow_abbrev=False
    )
    parser.add_argument("--version", action="store_true")
    for name, (kind, default) in _FLAGS.items():
        optional: dict = {"nargs": "?", "const": True} if kind is _bool else {}
        parser.add_argument("--" + name, type=kind, default=default, **optional)
    values = parser.parse_args(arguments)
    if not (values.version or values.model_base_path or values.model_config_file):
        parser.error("--model_base_path or --model_config_file is needed")
    return values
