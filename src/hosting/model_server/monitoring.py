"""What the model server says to Prometheus: its versions and their session runs."""

from hosting import prometheus


class Runs:
    """The session runs of one servable; its scheduler adds each."""

    __slots__ = ("requests", "rows", "seconds")

    def __init__(self):
        self.requests = self.rows = 0
        self.seconds = prometheus.Histogram()

    def add(self, tasks, seconds):
        """Take note of a run for these tasks."""
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
    return "".join(
        prometheus.family("model_server_" + name, kind, text, samples)
        for name, kind, text, samples in [
            ("version_available", "gauge", "Whether a version of a model is served.", states),
            (
                "run_seconds",
                "histogram",
                "Session runs, each for one request or for several together.",
                [(labels, run.seconds) for labels, run in runs],
            ),
            (
                "requests_total",
                "counter",
                "Requests that were run.",
                [(labels, run.requests) for labels, run in runs],
            ),
            (
                "rows_total",
                "counter",
                "Rows (instances) of these requests.",
                [(labels, run.rows) for labels, run in runs],
            ),
        ]
    )
