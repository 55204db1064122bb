"""What the model server says to Prometheus: its versions and their session runs."""

from hosting import prometheus


class Runs:
    """The session runs of one servable; its scheduler adds each."""

    __slots__ = ("requests", "rows", "seconds")

    def __init__(self):
        self.requests = self.rows = 0
        self.seconds = prometheus.Histogram()

    def add(self, tasks, seconds):
        self.requests += len(tasks)
        self.rows += sum([task.rows for task in tasks])
        self.seconds.observe(seconds)


def metrics(versions, available):
    """The text for Versions; `available`: the state of one that is served."""
    states, runs = [], []
    for version in versions:
        labels = {"model": version.model, "version": version.number}
        states.append((labels, int(version.state == available)))
        servable = version.servable
        if servable is not None:
            runs.append((labels, servable.scheduler.runs))
    seconds = [(labels, run.seconds) for labels, run in runs]
    requests = [(labels, run.requests) for labels, run in runs]
    described = {
        "version_available gauge Whether a version of a model is served.": states,
        "run_seconds histogram Session runs, each of one request or of several.": seconds,
        "requests_total counter Requests that were run.": requests,
        "rows_total counter Rows of these requests.": [(labels, run.rows) for labels, run in runs],
    }
    return prometheus.families("model_server_", described)
