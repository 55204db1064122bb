"""Every environment variable of the container (docs/contract.md#a8), parsed once."""

import os
import re

CONTRACTS = ("2019", "head", "today")
WORKER_CLASSES = ("sync", "eventlet", "gevent", "tornado", "gthread")
LOG_LEVELS = ("debug", "info", "notice", "warn", "error", "crit", "alert", "emerg")
DEFAULT_GRPC_PORT = 9000
DEFAULT_REST_PORT = 8501


class Settings:
    """The container's configuration for one contract.

    `environ` is read when the object is made; a value the container refuses raises
    ValueError with the container's own words. Variables that the contract of 2019 does
    not know keep the fixed values of 2019 under it.
    """

    def __init__(self, environ=os.environ):
        self.contract = environ.get("HOSTING_CONTRACT") or "2019"
        if self.contract not in CONTRACTS:
            raise ValueError(
                "HOSTING_CONTRACT must be one of %s, not %r. 2019 is what serves "
                "framework version 1.13 in mid-2019, head the final container of that repository, "
                "today the one of TensorFlow 2.20." % (", ".join(CONTRACTS), self.contract)
            )
        head = environ if self.head else {}

        self.http_port = _port(environ, "SAGEMAKER_BIND_TO_PORT", 8080)
        self.default_model_name = environ.get("SAGEMAKER_TFS_DEFAULT_MODEL_NAME") or None
        self.nginx_log_level = environ.get("SAGEMAKER_TFS_NGINX_LOGLEVEL", "error")
        self.tfs_version = environ.get("SAGEMAKER_TFS_VERSION", "2.20" if self.today else "1.13")

        self.enable_batching = _true_or_false(environ, "SAGEMAKER_TFS_ENABLE_BATCHING")
        self.multi_model = _true_or_false(head, "SAGEMAKER_MULTI_MODEL")
        if head.get("SAGEMAKER_MULTI_MODEL_UNIVERSAL_BUCKET"):
            raise ValueError(
                "SAGEMAKER_MULTI_MODEL_UNIVERSAL_BUCKET is not supported "
                "here, without S3. Put the shared scripts into code/ of the model directory."
            )
        wait = 60 if self.today else 300
        self.instance_count = _number(head, "SAGEMAKER_TFS_INSTANCE_COUNT", 1)
        self.tfs_wait_seconds = _number(head, "SAGEMAKER_TFS_WAIT_TIME_SECONDS", wait)
        self.inter_op_parallelism = _number(head, "SAGEMAKER_TFS_INTER_OP_PARALLELISM", 0)
        self.intra_op_parallelism = _number(head, "SAGEMAKER_TFS_INTRA_OP_PARALLELISM", 0)
        self.gpu_memory_margin = float(head.get("SAGEMAKER_TFS_FRACTIONAL_GPU_MEM_MARGIN", "0.2"))

        self.gunicorn_workers = _number(head, "SAGEMAKER_GUNICORN_WORKERS", 1)
        self.gunicorn_threads = _number(head, "SAGEMAKER_GUNICORN_THREADS", 1)
        self.gunicorn_worker_class = head.get("SAGEMAKER_GUNICORN_WORKER_CLASS", "gevent")
        if self.today and self.gunicorn_worker_class not in WORKER_CLASSES:
            raise ValueError(
                "SAGEMAKER_GUNICORN_WORKER_CLASS must be one of %s, not %r"
                % (", ".join(WORKER_CLASSES), self.gunicorn_worker_class)
            )
        self.gunicorn_timeout = _number(head, "SAGEMAKER_GUNICORN_TIMEOUT_SECONDS", 30)
        self.gunicorn_log_level = head.get("SAGEMAKER_GUNICORN_LOGLEVEL", "info")
        self.proxy_read_timeout = max(
            _number(head, "SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS", 60), self.gunicorn_timeout
        )

        self.port_range = environ.get("SAGEMAKER_SAFE_PORT_RANGE")
        self.grpc_ports, self.rest_ports = self._model_server_ports()

        # Not the container's: for tests and for this machine.
        self.dev = environ.get("DEV", "0") == "1"
        # For the model server, which cannot refuse it as early.
        switch("HOSTING_MERGE", False, environ)
        self.metrics = switch("HOSTING_METRICS", self.head, environ)
        if environ.get("HOSTING_PROXY_READ_TIMEOUT"):
            self.proxy_read_timeout = float(environ["HOSTING_PROXY_READ_TIMEOUT"])
        if environ.get("HOSTING_GUNICORN_TIMEOUT"):
            self.gunicorn_timeout = int(environ["HOSTING_GUNICORN_TIMEOUT"])

    @property
    def head(self):
        """Whether the final container is reproduced, or today's, instead of that of 2019."""
        return self.contract != "2019"

    @property
    def today(self):
        """Whether it is today's container."""
        return self.contract == "today"

    def _model_server_ports(self):
        """gRPC is the lowest port of the safe range and REST the next, for each instance.

        docs/contract.md#a1
        """
        count = self.instance_count
        if self.multi_model:
            if self.port_range is None:
                raise ValueError(
                    "SAGEMAKER_MULTI_MODEL=true needs "
                    'SAGEMAKER_SAFE_PORT_RANGE="low-high", which is not set'
                )
            self.port_bounds()
            return [], []
        if self.port_range is None:
            if count > 1:
                raise ValueError(
                    f"SAGEMAKER_TFS_INSTANCE_COUNT={count} needs "
                    'SAGEMAKER_SAFE_PORT_RANGE="low-high", which is not set'
                )
            return [DEFAULT_GRPC_PORT], [DEFAULT_REST_PORT]
        low, high = self.port_bounds()
        if low + 2 * count > high:
            raise ValueError(
                f"not enough ports available in SAGEMAKER_SAFE_PORT_RANGE ({self.port_range})"
            )
        return ([low + 2 * i for i in range(count)], [low + 2 * i + 1 for i in range(count)])

    def port_bounds(self):
        """(low, high) of SAGEMAKER_SAFE_PORT_RANGE."""
        match = re.match(r"^\s*(\d+)-(\d+)", self.port_range)
        if not match:
            raise ValueError(
                'SAGEMAKER_SAFE_PORT_RANGE must be "low-high", such as "9000-9999", not '
                f"{self.port_range!r}"
            )
        return int(match.group(1)), int(match.group(2))


def batching_parameters(environ=os.environ):
    """The four batching parameters: ([(name, value)], [a warning for each default]).

    docs/contract.md#a8

    >>> batching_parameters({'SAGEMAKER_TFS_MAX_BATCH_SIZE': '32'})[0][0]
    ('max_batch_size', '32')
    """
    cpus = str(os.cpu_count() or 1)
    # SageMaker batch transform limits the number of requests in flight itself.
    enqueued = "100000000" if "SAGEMAKER_BATCH" in environ else cpus
    tune = "Tuning this parameter may yield better performance."
    values, warnings = [], []
    for name, default, why in (
        ("max_batch_size", "8", tune),
        ("batch_timeout_micros", "1000", tune),
        ("num_batch_threads", cpus, "The default is the number of CPUs."),
        (
            "max_enqueued_batches",
            enqueued,
            "Tuning this parameter may be necessary when out-of-memory errors occur.",
        ),
    ):
        variable = "SAGEMAKER_TFS_" + name.upper()
        if variable in environ:
            values.append((name, environ[variable]))
        else:
            values.append((name, default))
            warnings.append(
                "%s defaulted to %s. Set %s to override default. %s"
                % (name, default, variable, why)
            )
    return values, warnings


def switch(name, default, environ=os.environ):
    """The value of one of this project's own variables that are 0 or 1; unset or empty: `default`.

    >>> switch('HOSTING_MERGE', True, {'HOSTING_MERGE': '0'})
    False
    """
    value = environ.get(name)
    if value not in (None, "", "0", "1"):
        raise ValueError(f"{name} must be 0 or 1, not {value!r}")
    return value == "1" if value else default


def _true_or_false(environ, name):
    value = environ.get(name, "false").lower()
    if value not in ("true", "false"):
        raise ValueError(f"{name} must be 'true' or 'false'")
    return value == "true"


def _number(environ, name, default):
    value = environ.get(name)
    if value is None:
        return default
    try:
        return int(value)
    except ValueError:
        raise ValueError(f"{name} must be a whole number, not {value!r}") from None


def _port(environ, name, default):
    port = _number(environ, name, default)
    if not 0 <= port <= 65535:
        raise ValueError(f"{name} must be a port (0 to 65535), not {port}")
    return port
