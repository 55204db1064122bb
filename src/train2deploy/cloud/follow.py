"""Jobs: which one to take up, waiting for its end with its log as it comes, what Ctrl-C means."""

import sys
import time
from collections.abc import Callable
from typing import Any

import botocore.exceptions

from train2deploy import console, jobs
from train2deploy.cloud.session import Cloud, CloudError
from train2deploy.cloud_settings import names
from train2deploy.errors import UserError

GROUP = "/aws/sagemaker/TrainingJobs"
ENDED = ("Completed", "Failed", "Stopped")
LOST = (
    botocore.exceptions.ConnectionError,
    botocore.exceptions.HTTPClientError,
    botocore.exceptions.ClientError,
)
PATIENCE_SECONDS = 600.0


class Log:
    """The lines of a job's streams that have not been shown yet."""

    def __init__(self, cloud: Cloud, job: str) -> None:
        self._logs = cloud.client("logs")
        self._job = job
        self._tokens: dict[str, str] = {}

    def show(self, everything: bool) -> None:
        """Prints what is new: the lines that matter, or all."""
        try:
            for stream in self._streams():
                self._show_stream(stream, everything)
        except self._logs.exceptions.ResourceNotFoundException:
            return  # not begun yet

    def _streams(self) -> list[str]:
        answer = self._logs.describe_log_streams(
            logGroupName=GROUP, logStreamNamePrefix=f"{self._job}/"
        )
        return [stream["logStreamName"] for stream in answer["logStreams"]]

    def _show_stream(self, stream: str, everything: bool) -> None:
        while True:
            token = self._tokens.get(stream)
            answer = self._logs.get_log_events(
                logGroupName=GROUP, logStreamName=stream, startFromHead=True,
                **({"nextToken": token} if token else {}),
            )  # fmt: skip
            for event in answer["events"]:
                line = event["message"].rstrip("\n")
                if everything or jobs.SHOWN.match(line):
                    console.say(line)
            self._tokens[stream] = answer["nextForwardToken"]
            if answer["nextForwardToken"] == token or not answer["events"]:
                return


def choose(
    stem: str | Callable[[int], str],
    describe: Callable[[str], dict[str, Any] | None],
    status: str,
    is_over: Callable[[dict[str, Any]], bool] = lambda job: False,
) -> tuple[str, dict[str, Any] | None]:
    """The name for a job of the same inputs, and the job that has it, if it is to be taken up.

    Args:
        stem: the first one's name; or the name of each attempt.
        status: the key of a job's status; one that failed or was stopped is passed over.
        is_over: whether another one is passed over as well.
    """
    for attempt in range(1, names.ATTEMPTS):
        name = names.attempt(stem, attempt) if isinstance(stem, str) else stem(attempt)
        job = describe(name)
        if job is None or not (job[status] in ENDED[1:] or is_over(job)):
            return name, job
    raise UserError(
        f"{name}: it and {names.ATTEMPTS - 2} more jobs of these inputs are there, failed or over."
        " Change a setting or an input."
    )


def to_the_end(
    cloud: Cloud,
    title: str,
    describe: Callable[[], dict[str, Any] | None],
    status: str,
    said: Callable[[dict[str, Any]], str],
) -> dict[str, Any]:
    """Says what there is to say of a job whenever that changes; its description at its end."""
    shown = ""

    def look() -> dict[str, Any] | None:
        nonlocal shown
        job = describe()
        if job is None:
            raise CloudError(f"{title}: it no longer exists.")
        if (line := said(job)) != shown:
            shown = line
            console.say(f"{title}: {line}")
        return job if job[status] in ENDED else None

    try:
        return patiently(cloud, look)
    except KeyboardInterrupt:
        console.say(
            f"the {title} is still running and costs money; run the same command to follow it again"
        )
        raise


def training_job(cloud: Cloud, name: str, everything: bool = False) -> dict[str, Any]:
    """Follows a job to its end, through lost connections; the description of its end.

    Raises:
        KeyboardInterrupt: Ctrl-C; the user was asked what becomes of the job.
    """
    log = Log(cloud, name)
    shown = ""

    def look() -> dict[str, Any] | None:
        nonlocal shown
        job = cloud.sagemaker.describe_training_job(TrainingJobName=name)
        log.show(everything)
        if job["SecondaryStatus"] != shown:
            shown = job["SecondaryStatus"]
            console.say(f"{name}: {shown}")
        return dict(job) if job["TrainingJobStatus"] in ENDED else None

    try:
        job = patiently(cloud, look)
        log.show(everything)
        return job
    except KeyboardInterrupt:
        _ask_what_becomes_of(cloud, name)
        raise


def patiently(
    cloud: Cloud, look: Callable[[], dict[str, Any] | None], every: float = 0.0
) -> dict[str, Any]:
    """Calls `look` again and again until it returns something; lost connections pass.

    Args:
        every: seconds between two calls, 0: as for a job.
    """
    failing_since = None
    while True:
        try:
            found = look()
            failing_since = None
        except LOST as error:
            if not _may_pass(error):
                raise
            failing_since = failing_since or time.monotonic()
            if time.monotonic() - failing_since > PATIENCE_SECONDS:
                raise
            console.say(f"no answer from the account, still trying: {error}")
            found = None
        if found is not None:
            return found
        time.sleep(every or cloud.poll_seconds)


def _may_pass(error: Exception) -> bool:
    if not isinstance(error, botocore.exceptions.ClientError):
        return True
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    return status >= 500 or "Throttling" in error.response["Error"]["Code"]


def _ask_what_becomes_of(cloud: Cloud, name: str) -> None:
    if sys.stdin.isatty():
        console.say(f"\nstop the job {name}? It costs until it ends. [s]top / [L]eave:")
        if sys.stdin.readline().strip().lower().startswith("s"):
            cloud.sagemaker.stop_training_job(TrainingJobName=name)
            console.say("the job is being stopped")
            return
    console.say(
        f"the job {name} is still running and costs money; run the same command to follow it again,"
        " `make cloud-status FOLLOW=1` shows its log, `make cloud-delete` stops it"
    )
