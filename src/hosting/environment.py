"""The container's environment: without what a user's shell sets for other programs.

In the container there is no proxy and no locale but C.UTF-8. A user's proxy would stand between
a handler and the model server, a locale would change how files are read. pip alone, which the
container gives an index of its own, is left what it needs to reach one from this machine.
"""

import json
import logging
import os
import re

# Set (JSON): who started this process has separated the two already, as the image does.
PIP_VARIABLE = "HOSTING_PIP_ENVIRONMENT"

# Its like for training jobs: train2deploy.processes.
_USERS = re.compile(
    r".*_proxy|LANG|LANGUAGE|LC_.*|TZ|PYTHON.*|PIP_.*|UV_.*|PYENV_.*|VIRTUAL_ENV.*|CONDA_.*"
    r"|MAKE.*|MFLAGS|GNUMAKEFLAGS|LD_PRELOAD|LD_AUDIT|LD_DEBUG.*|MALLOC_.*|GLIBC_TUNABLES"
    r"|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC|GEVENT.*"
    # What gunicorn reads by itself.
    r"|WEB_CONCURRENCY|SCRIPT_NAME|LISTEN_FDS|LISTEN_PID|FORWARDED_ALLOW_IPS|SENDFILE",
    re.I,
)
_PIPS = re.compile(
    r".*_proxy|SSL_CERT_.*|REQUESTS_CA_BUNDLE|CURL_CA_BUNDLE|NETRC"
    r"|PIP_(CONFIG_FILE|(EXTRA_)?INDEX_URL|NO_INDEX|FIND_LINKS|TRUSTED_HOST|(CLIENT_)?CERT|PROXY"
    r"|(DEFAULT_)?TIMEOUT|RETRIES|(NO_)?CACHE_DIR|KEYRING_PROVIDER|NO_INPUT|USE_FEATURE"
    r"|USE_DEPRECATED)",
    re.I,
)

# Of Python's log; today's container has another than the standard library's.
TODAYS_LOG = "%(process)d %(asctime)s %(levelname)-8s %(message)s"

# PIP_USER: pip.conf may say `user = true`, which suits neither --target nor a virtual environment.
_CONTAINERS = {"LANG": "C.UTF-8", "TZ": "UTC"}
_PIP_ALONE = {"PIP_USER": "0"}


def log_format():
    """The format of the container's log."""
    today = os.environ.get("HOSTING_CONTRACT") == "today"
    return TODAYS_LOG if today else logging.BASIC_FORMAT


def separate(environ):
    """Make `environ` the container's; returns what pip is given beside it.

    >>> separate({'http_proxy': 'http://a:1', 'PIP_TARGET': '/x', 'PIP_NO_INDEX': '1'})
    {'http_proxy': 'http://a:1', 'PIP_NO_INDEX': '1', 'PIP_USER': '0'}
    """
    told = environ.get(PIP_VARIABLE)
    if told is not None:
        del environ[PIP_VARIABLE]
        return dict(json.loads(told), **_PIP_ALONE)
    pips = {name: value for name, value in environ.items() if _PIPS.fullmatch(name)}
    for name in [name for name in environ if _USERS.fullmatch(name)]:
        del environ[name]
    environ.update(_CONTAINERS)
    return dict(pips, **_PIP_ALONE)
