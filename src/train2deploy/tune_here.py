"""`make tune`: the search of tune.toml on this machine, by Optuna.

An interrupted search resumes where it stopped: the study lies in
build/tune/<name>/study.db, named by what is searched and on which data.
"""

import shutil
from typing import Any

from train2deploy import console, jobs, log_metrics, manifest, paths, search
from train2deploy.errors import JobFailed
from train2deploy.given_channels import Channels
from train2deploy.hashing import sha256_tree, sha256_value
from train2deploy.runtimes import Runtime


def tune(
    wanted: search.Search,
    version: str,
    fixed: dict[str, object],
    runtime: Runtime,
    given: Channels = jobs.NO_CHANNELS,
) -> None:
    """Runs the jobs one after the other, and reports.

    Args:
        fixed: hyperparameters that are not searched.
        given: channels of the user's own, see given_channels.
    """
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sources = jobs.channel_sources(given=given)
    data = {name: sha256_tree(path) for name, path in sources.items()}
    facts = [data, version, fixed, [each.__dict__ for each in wanted.ranges], wanted.objective]
    directory = paths.SEARCHES / sha256_value(facts)[:10]
    directory.mkdir(parents=True, exist_ok=True)
    sampler = (
        optuna.samplers.RandomSampler(seed=wanted.seed)
        if wanted.strategy == "Random"
        else optuna.samplers.TPESampler(seed=wanted.seed)
    )
    study = optuna.create_study(
        study_name="search",
        storage=f"sqlite:///{directory / 'study.db'}",
        direction=wanted.direction.lower(),
        sampler=sampler,
        load_if_exists=True,
    )
    done = [trial for trial in study.trials if trial.state.is_finished()]
    if done:
        console.say(f"{len(done)} of {wanted.jobs} jobs are done already")

    def objective(trial: Any) -> float:
        chosen = {each.name: _suggest(trial, each) for each in wanted.ranges}
        job = jobs.TrainingJob(version, {**fixed, **chosen})
        folder = directory / f"job-{trial.number:03d}"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        console.say(f"{folder.name}: " + ", ".join(f"{k} {v:.4g}" for k, v in chosen.items()))
        jobs.run(job, folder, runtime, sources)
        found = log_metrics.Metrics(log_metrics.of(version))
        for line in (folder / "train.log").read_text(encoding="utf-8").splitlines():
            found.read(line)
        for part in ("input", "source", "code", "model"):
            shutil.rmtree(folder / part, ignore_errors=True)
        if wanted.objective not in found.last:
            raise JobFailed(f"{folder.name}: {wanted.objective} is not in its log.")
        return found.last[wanted.objective]

    study.optimize(objective, n_trials=max(0, wanted.jobs - len(done)), catch=(JobFailed,))
    trials = [
        search.Trial(
            f"job-{trial.number:03d}",
            {name: repr(value) for name, value in trial.params.items()},
            trial.value if trial.state.is_finished() else None,
        )
        for trial in study.trials
        if trial.state.is_finished()
    ]
    search.report(wanted, trials, directory)
    manifest.write_json(directory / "search.json", {"facts": facts})


def _suggest(trial: Any, each: search.Range) -> Any:
    if each.is_whole:
        return trial.suggest_int(each.name, each.low, each.high, log=each.log)
    return trial.suggest_float(each.name, each.low, each.high, log=each.log)
