"""nginx's two logs: the access log (combined format) on stdout, the error log on stderr."""

import os
import re
import time

from hosting.settings import LOG_LEVELS

_TO_ESCAPE = re.compile(r'[^ -~]|["\\]')


class AccessLog:
    """A line for each request, /ping included, as nginx's predefined format `combined`.

    `later(function)` calls a function when answers that are ready have been sent: no client
    waits for its line to be written.
    """

    def __init__(self, later, descriptor=1):
        self._later = later
        self._lines = []
        self._descriptor = descriptor
        self._time = ("", 0)

    def __call__(self, request, status, sent):
        now = int(time.time())
        text, second = self._time
        if now != second:
            text = time.strftime("%d/%b/%Y:%H:%M:%S %z", time.localtime(now))
            self._time = (text, now)
        if request is None:
            line = f'- - - [{text}] "-" {status} {sent} "-" "-"\n'
        else:
            asked = request.memo.get("logged")
            if asked is None:
                asked = request.memo["logged"] = _asked(request)
            line = f"{request.peer} - - [{text}] {asked[0]} {status} {sent} {asked[1]}\n"
        self._lines.append(line)
        if len(self._lines) == 1:
            self._later(self._write)

    def _write(self):
        lines, self._lines = self._lines, []
        for line in lines:
            _write(self._descriptor, line)  # not as one: a long text may be torn apart by others'


class ErrorLog:
    """nginx's error_log at a level (SAGEMAKER_TFS_NGINX_LOGLEVEL)."""

    def __init__(self, level="error", descriptor=2):
        if level not in LOG_LEVELS:
            raise ValueError(
                'invalid log level "%s"; one of %s is expected '
                "(SAGEMAKER_TFS_NGINX_LOGLEVEL)" % (level, ", ".join(LOG_LEVELS))
            )
        self._threshold = LOG_LEVELS.index(level)
        self._descriptor = descriptor

    def __call__(self, level, message, request=None, upstream=None):
        if LOG_LEVELS.index(level) < self._threshold:
            return
        parts = [time.strftime("%Y/%m/%d %H:%M:%S"), f" [{level}] {os.getpid()}#0: ", message]
        if request is not None:
            parts.append(
                ', client: %s, request: "%s %s HTTP/%s"'
                % (request.peer, request.method, _escaped(request.target), request.http_version)
            )
        if upstream is not None:
            parts.append(f', upstream: "{upstream}"')
        _write(self._descriptor, "".join(parts) + "\n")


def _asked(request):
    """(the request line, Referer and User-Agent), which follow from a request's head."""
    referer = agent = "-"
    for name, value in request.headers:
        if name == b"user-agent":
            agent = _escaped(value)
        elif name == b"referer":
            referer = _escaped(value)
    return (
        f'"{request.method} {_escaped(request.target)} HTTP/{request.http_version}"',
        f'"{referer}" "{agent}"',
    )


def _escaped(value):
    """A client's bytes as nginx logs them: quotes, backslashes and non-ASCII as \\xXX."""
    text = value.decode("latin-1")
    if not _TO_ESCAPE.search(text):
        return text
    return _TO_ESCAPE.sub(lambda match: "\\x%02X" % ord(match.group()), text)


def _write(descriptor, line):
    try:
        os.write(descriptor, line.encode("ascii", "replace"))
    except OSError:
        pass  # nobody reads the log any more; serving goes on
