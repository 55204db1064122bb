"""`make status`: what is here and what it was made of, what is stale, and the next command of each.

Read from manifests; nothing is made, started or asked of an account.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from train2deploy import console, endpoint, manifest, package, paths, staleness
from train2deploy.datasets import channels
from train2deploy.hashing import sha256_file, sha256_tree


@dataclass(frozen=True)
class Node:
    """A line of the tree."""

    name: str  # what it is
    text: str  # what it was made of; "" where it is not there
    stale: str = ""  # why it does not fit what it hangs on; "" where it does
    command: str = ""  # what makes it, makes it again, or takes it a step on
    children: tuple["Node", ...] = ()


def show() -> None:
    for node in tree():
        for line in lines(node):
            console.say(line)


def lines(node: Node, before: str = "", after: str = "") -> Iterator[str]:
    """A node and those below it.

    >>> for line in lines(Node("job", "v1", children=(Node("package", "", "", "make package"),))):
    ...     print(line)
    job: v1
    └─ package: none yet
          next: make package
    """
    yield f"{before}{node.name}: {node.text or 'none yet'}"
    below = f"{after}{'│  ' if node.children else '   '}"
    if node.stale:
        yield f"{below}STALE: {node.stale}"
    if node.command:
        yield f"{below}next: {node.command}"
    for place, child in enumerate(node.children, start=1):
        is_last = place == len(node.children)
        yield from lines(
            child, after + ("└─ " if is_last else "├─ "), after + ("   " if is_last else "│  ")
        )


def tree() -> list[Node]:
    """What is there: of the data, and of the cloud."""
    there = (paths.DATASET / "train").is_dir()
    data = channels.facts(paths.DATASET) if there else None
    return [_data(data, (_vectors(data), _job(data, (_package(),)))), _cloud()]


def _data(data: dict[str, Any] | None, children: Sequence[Node]) -> Node:
    if data is None:
        return Node("data", "", command="make data DATASET=…", children=tuple(children))
    counts = (manifest.read(paths.DATASET / "manifest.json") or {}).get("counts", {})
    sizes = [f"{sum(counts.get(part, {}).values()):,} {part}" for part in ("train", "test")]
    changed = channels.changed(paths.DATASET)
    again = f"make data {staleness.asked(data)}" if changed else ""
    text = f"{channels.named(data)}, {' and '.join(sizes)} rows"
    return Node("data", text, changed, again, tuple(children))


def _vectors(data: dict[str, Any] | None) -> Node:
    record = manifest.read(paths.VECTORS / "manifest.json")
    if record is None:
        return Node("vectors", "", command="make vectors")
    learnt = record.get("learnt_from")
    text = f"{record['inputs']['vectors']}" + (
        f", learnt from {channels.named(learnt)}" if learnt else ""
    )
    stale = staleness.vectors_differ(record, data) if data else ""
    return Node("vectors", text, stale, f"make vectors {staleness.asked(data or {})}" * bool(stale))


def _job(data: dict[str, Any] | None, children: Sequence[Node]) -> Node:
    below = tuple(children)
    record = manifest.read(paths.LATEST_JOB / "manifest.json")
    if record is None:
        return Node("latest job", "", command="make local-train", children=below)
    inputs, trained = record.get("inputs", {}), record.get("data")
    given = inputs.get("hyperparameters", {})
    text = f"{paths.LATEST_JOB.resolve().name}, VERSION={inputs.get('version', '…')}"
    text += f" SEED={given['seed']}" if "seed" in given else ""
    text += f", trained on {channels.named(trained)}" if trained else ""
    others = sum(path.is_dir() and not path.is_symlink() for path in paths.JOBS.iterdir()) - 1
    text += f"; {others} earlier" if others > 0 else ""
    stale, command = "", ""
    if trained and data and trained["train_sha256"] != data["train_sha256"]:
        stale = f"{paths.relative(paths.DATASET)} holds other training rows"
        command = f"make local-train {staleness.asked(data, str(inputs.get('version')))}"
    return Node("latest job", text, stale, command, below)


def _package() -> Node:
    archive = paths.MODEL_ARCHIVE
    if not archive.exists():
        return Node("package", "", command="make package")
    digest, inputs = sha256_file(archive), package.made_of(archive)
    made_of = [f"{name} {inputs[name]}" for name in ("job", "model", "code") if name in inputs]
    text = f"{paths.relative(archive)}, {archive.stat().st_size / 1e6:.1f} MB, sha256 {digest[:8]}…"
    text += f", of {', '.join(made_of)}" if made_of else ", not packed here"
    stale = staleness.outdated()
    children = (
        _endpoint(digest),
        _measured("evaluation", paths.EVALUATION, digest, "make evaluate"),
        _measured("verification", paths.VERIFICATION, digest, "make verify"),
    )
    return Node("package", text, stale, "make package" if stale else "", children)


def _endpoint(digest: str) -> Node:
    running = endpoint.current()
    if running is None:
        return Node("endpoint", "", command="make local-serve DETACH=1")
    text = f"{running.url} (pid {running.pid}, {running.runtime})"
    if running.model_sha256 == digest:
        return Node("endpoint", text, command="make invoke Q='…'")
    served = f"sha256 {running.model_sha256[:8]}…" if running.model_sha256 else "a MODEL_DIR"
    again = "make local-stop local-serve DETACH=1"
    return Node("endpoint", text, f"it serves {served}, not this package", again)


def _measured(name: str, path: Path, digest: str, command: str) -> Node:
    found = manifest.read(path)
    if found is None:
        return Node(name, "", command=command)
    model = found.get("model")
    text = f"{paths.relative(path)}"
    if model:
        text += f", accuracy {model['accuracy']:.3f} on {model['n']:,} test rows"
    stale = "" if found["model_sha256"] == digest else "it is of another package"
    test = paths.DATASET / "test"
    if not stale and "test_sha256" in found and test.is_dir():
        stale = "" if found["test_sha256"] == sha256_tree(test) else "it is of other test rows"
    return Node(name, text, stale, command if stale else "")


def _cloud() -> Node:
    """As `make cloud-deploy` left it: what has become of it since only the account knows."""
    found = manifest.read(paths.CLOUD_ENDPOINT)
    if found is None:
        return Node("cloud", "", command="make cloud-plan")
    text = f"endpoint {found['endpoint']}, deployed {found['at']} to {found['account']}"
    archive = paths.MODEL_ARCHIVE
    stale = ""
    if archive.exists() and sha256_file(archive) != found["model_sha256"]:
        stale = f"it serves sha256 {found['model_sha256'][:8]}…, not {paths.relative(archive)}"
    suffix = " CLOUD=emulator" if found["account"] == "the emulator" else ""
    return Node("cloud", text, stale, f"make {'cloud-deploy' if stale else 'cloud-status'}{suffix}")
