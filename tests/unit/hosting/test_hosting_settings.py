"""The environment variables, parsed (docs/contract.md#a8)."""

import os

import pytest

from hosting.settings import Settings, batching_parameters


def test_a8_defaults_2019():
    settings = Settings({})
    assert (settings.contract, settings.http_port, settings.default_model_name) == (
        "2019",
        8080,
        None,
    )
    assert (settings.grpc_ports, settings.rest_ports) == ([9000], [8501])
    assert (settings.nginx_log_level, settings.tfs_version) == ("error", "1.13")
    assert not settings.enable_batching and not settings.dev and not settings.multi_model
    assert (
        settings.gunicorn_workers,
        settings.gunicorn_threads,
        settings.gunicorn_timeout,
        settings.gunicorn_worker_class,
        settings.gunicorn_log_level,
    ) == (1, 1, 30, "gevent", "info")
    assert settings.proxy_read_timeout == 60


def test_a8_defaults_head():
    settings = Settings({"HOSTING_CONTRACT": "head"})
    assert settings.head
    assert (settings.instance_count, settings.tfs_wait_seconds) == (1, 300)
    assert (settings.inter_op_parallelism, settings.intra_op_parallelism) == (0, 0)
    assert settings.gpu_memory_margin == 0.2


@pytest.mark.parametrize("contract, given, expected", [
    ("2019", None, False), ("2019", "1", True), ("2019", "", False),
    ("head", None, True), ("head", "0", False)])  # fmt: skip
def test_a11_metrics_are_off_in_2019_unless_asked_for(contract, given, expected):
    environ = {} if given is None else {"HOSTING_METRICS": given}
    assert Settings(dict(environ, HOSTING_CONTRACT=contract)).metrics is expected


def test_a8_variables_of_the_last_container_are_unknown_in_2019():
    later = {
        "SAGEMAKER_GUNICORN_WORKERS": "4",
        "SAGEMAKER_MULTI_MODEL": "true",
        "SAGEMAKER_TFS_INSTANCE_COUNT": "3",
        "SAGEMAKER_GUNICORN_TIMEOUT_SECONDS": "90",
        "SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS": "100",
    }
    settings = Settings(later)
    assert (
        settings.gunicorn_workers,
        settings.multi_model,
        settings.instance_count,
        settings.proxy_read_timeout,
    ) == (1, False, 1, 60)


@pytest.mark.parametrize(
    "nginx, gunicorn, expected",
    [(None, None, 60), ("90", None, 90), ("10", None, 30), ("60", "100", 100), (None, "45", 60)],
)
def test_a8_the_read_timeout_is_never_below_gunicorns(nginx, gunicorn, expected):
    environ = {"HOSTING_CONTRACT": "head"}
    if nginx:
        environ["SAGEMAKER_NGINX_PROXY_READ_TIMEOUT_SECONDS"] = nginx
    if gunicorn:
        environ["SAGEMAKER_GUNICORN_TIMEOUT_SECONDS"] = gunicorn
    assert Settings(environ).proxy_read_timeout == expected


def test_a1_port_ranges():
    settings = Settings({"SAGEMAKER_SAFE_PORT_RANGE": "15000-15002"})
    assert (settings.grpc_ports, settings.rest_ports) == ([15000], [15001])
    settings = Settings(
        {
            "HOSTING_CONTRACT": "head",
            "SAGEMAKER_TFS_INSTANCE_COUNT": "2",
            "SAGEMAKER_SAFE_PORT_RANGE": "15000-15004",
        }
    )
    assert (settings.grpc_ports, settings.rest_ports) == ([15000, 15002], [15001, 15003])


@pytest.mark.parametrize("environ, message", [
    ({"HOSTING_MERGE": "no"}, "HOSTING_MERGE must be 0 or 1, not 'no'"),
    ({"HOSTING_METRICS": "on"}, "HOSTING_METRICS must be 0 or 1, not 'on'"),
    ({"HOSTING_CONTRACT": "2020"}, "HOSTING_CONTRACT must be one of 2019, head"),
    ({"SAGEMAKER_SAFE_PORT_RANGE": "15000-15001"}, "not enough ports available"),
    ({"SAGEMAKER_SAFE_PORT_RANGE": "all"}, 'must be "low-high"'),
    ({"SAGEMAKER_BIND_TO_PORT": "http"}, "must be a whole number"),
    ({"SAGEMAKER_BIND_TO_PORT": "70000"}, "must be a port"),
    *[({"SAGEMAKER_TFS_ENABLE_BATCHING": value, "HOSTING_CONTRACT": contract},
       "SAGEMAKER_TFS_ENABLE_BATCHING must be 'true' or 'false'")
      for value in ("1", "yes", "") for contract in ("2019", "head")],
    *[({"HOSTING_CONTRACT": "head", "SAGEMAKER_MULTI_MODEL": value},
       "SAGEMAKER_MULTI_MODEL must be 'true' or 'false'") for value in ("yes", "")],
    ({"HOSTING_CONTRACT": "head", "SAGEMAKER_TFS_INSTANCE_COUNT": "2",
      "SAGEMAKER_SAFE_PORT_RANGE": "20000-20003"},
     "not enough ports available in SAGEMAKER_SAFE_PORT_RANGE"),
    ({"HOSTING_CONTRACT": "head", "SAGEMAKER_MULTI_MODEL": "true"}, "SAGEMAKER_SAFE_PORT_RANGE"),
    ({"HOSTING_CONTRACT": "head", "SAGEMAKER_MULTI_MODEL_UNIVERSAL_BUCKET": "b"},
     "is not supported here"),
    ({"HOSTING_CONTRACT": "head", "SAGEMAKER_TFS_INSTANCE_COUNT": "2"},
     "SAGEMAKER_SAFE_PORT_RANGE"),
])  # fmt: skip
def test_a8_refused_values_say_what_is_expected(environ, message):
    with pytest.raises(ValueError) as error:
        Settings(environ)
    assert message in str(error.value)


def test_a8_batching_parameters_default_with_a_warning_each():
    values, warnings = batching_parameters({})
    cpus = str(os.cpu_count())
    assert values == [
        ("max_batch_size", "8"),
        ("batch_timeout_micros", "1000"),
        ("num_batch_threads", cpus),
        ("max_enqueued_batches", cpus),
    ]
    assert len(warnings) == 4
    values, warnings = batching_parameters(
        {"SAGEMAKER_BATCH": "no", "SAGEMAKER_TFS_NUM_BATCH_THREADS": "3"}
    )
    assert values[2:] == [("num_batch_threads", "3"), ("max_enqueued_batches", "100000000")]
    assert len(warnings) == 3


@pytest.mark.parametrize(
    "value, enabled",
    [("true", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False)],
)
def test_a8_batching_is_on_or_off_in_any_case(value, enabled):
    assert Settings({"SAGEMAKER_TFS_ENABLE_BATCHING": value}).enable_batching is enabled


def test_a8_todays_container_has_other_defaults_and_worker_classes():
    def of(**environ):
        return Settings(dict(environ, HOSTING_CONTRACT="today"))

    assert (of().head, of().today, of().tfs_wait_seconds, of().tfs_version) == (
        True,
        True,
        60,
        "2.20",
    )
    assert of(SAGEMAKER_GUNICORN_WORKER_CLASS="gthread").gunicorn_worker_class == "gthread"
    with pytest.raises(ValueError, match="must be one of sync, eventlet, gevent"):
        of(SAGEMAKER_GUNICORN_WORKER_CLASS="gaiohttp")
    head = Settings({"HOSTING_CONTRACT": "head"})
    assert (head.today, head.tfs_wait_seconds) == (False, 300)
