"""Imports go one way: no circle in src/, and nothing reaches up (docs/architecture.md)."""

import ast
import functools
from pathlib import Path

import pytest

from train2deploy import paths

SEARCHED = (paths.SRC, paths.TRAIN_SOURCE, paths.TRAIN_SOURCE / "published", paths.PREDICT_CODE)
"""What stands on the search path of one Python or the other."""

LAYERS = [
    # 1: files, processes, what is said to the user
    "answers archives bundles console disk downloads endpoint_log errors exits fonts hashing kinds"
    " machine manifest modules_beside partial paths processes requests serving signature stack toml"
    " uncertainty yardsticks cloud_settings bench.names",
    # 2: what there is to train, and on what
    "datasets declaration given_channels hyperparameters job_source labelled log_metrics pythons"
    " texts versions",
    # 3: where and how it runs; what make asks for
    "make model_path package_lint runtimes vectors",
    # 4: the steps of the main job
    "article_graph clean contract_parity doctor endpoint evaluate golden invoke jobs package"
    " package_code package_speed parity parity_stacks staleness status verify",
    # 5: many jobs
    "next_step plots runs search tune_here",
    # 6: what is made of them
    "bench cloud notebooks playground published_check report upgrade",
    # 7: the command line
    "cli bare commands __main__ __init__",
]
HOSTING = {
    "http": set(),
    "edge": {"http"},
    "handler_service": {"http"},
    "model_server": {"http"},
    "model_server.graph": set(),
    "model_server.json": {"model_server.graph"},
    "model_server.queues": {"model_server.graph"},
    "model_server.rest": {"http", "model_server.graph", "model_server.json", "model_server.queues"},
    "model_server.grpc": {"model_server.graph", "model_server.queues"},
}
"""What the packages of the endpoint may use of each other."""


@functools.cache
def modules() -> dict[str, Path]:
    """Every module of src/ by its dotted name below it."""
    found = {}
    for path in paths.SRC.rglob("*.py"):
        parts = path.relative_to(paths.SRC).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def resolved(name: str) -> str | None:
    """The module of ours that an import's name means: the longest part of it that is one."""
    while name:
        for folder in SEARCHED:
            full = ".".join((*folder.relative_to(paths.SRC).parts, name))
            if full in modules():
                return full
        name = name.rpartition(".")[0]
    return None


@functools.cache
def graph() -> dict[str, set[str]]:
    """Module → the modules of ours that it imports, wherever in it."""
    found: dict[str, set[str]] = {}
    for module, path in modules().items():
        names = []
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                names += [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                assert node.level == 0, f"{paths.relative(path)}: imports are absolute here"
                names += [f"{node.module}.{alias.name}" for alias in node.names]
        found[module] = {each for name in names if (each := resolved(name))} - {module}
    return found


def circle(edges: dict[str, set[str]]) -> list[str]:
    """A way that comes back to where it began, or nothing."""
    done: set[str] = set()

    def walk(node: str, way: list[str]) -> list[str]:
        if node in way:
            return [*way[way.index(node) :], node]
        if node not in done:
            for following in sorted(edges.get(node, ())):
                if found := walk(following, [*way, node]):
                    return found
            done.add(node)
        return []

    return next((found for node in sorted(edges) if (found := walk(node, []))), [])


def layer(module: str) -> int:
    """The layer of a module of the host tool: that of the longest name listed for it."""
    own = module.removeprefix("train2deploy.")
    places = {name: place for place, names in enumerate(LAYERS, 1) for name in names.split()}
    while own not in places:
        own = own.rpartition(".")[0]
        assert own, f"{module}: in no layer; add it to LAYERS"
    return places[own]


def test_a_circle_is_found_where_there_is_one():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle({"a": {"b", "c"}, "b": {"c"}}) == []


def test_the_graph_holds_what_the_source_says():
    assert "encoding" in graph()["train.train_v1"]
    assert "train2deploy.cloud.deploy" in graph()["train2deploy.cloud.commands"]
    assert "train.train_v1" not in graph()["predict.code.inference"]


def test_no_modules_import_each_other_in_a_circle():
    assert circle(graph()) == []


def test_no_packages_of_the_host_tool_import_each_other_in_a_circle():
    def package(module: str) -> str:
        return module if module == "train2deploy.bench.names" else module.split(".")[1]

    edges: dict[str, set[str]] = {}
    for module, imported in graph().items():
        ours = {each for each in imported if each.startswith("train2deploy.")}
        if module.startswith("train2deploy.") and ours:
            edges.setdefault(package(module), set()).update(map(package, ours))
    assert circle({name: others - {name} for name, others in edges.items()}) == []


def test_no_module_of_the_host_tool_imports_from_a_layer_above_it():
    up = [
        f"{module} → {each}"
        for module, imported in graph().items()
        if module.startswith("train2deploy.")
        for each in imported
        if each.startswith("train2deploy.") and layer(each) > layer(module)
    ]
    assert up == []


@pytest.mark.parametrize(
    ("top", "allowed"),
    [
        ("train2deploy", set()),
        ("emulator", {"train2deploy"}),
        ("hosting", set()),
        ("bench", {"hosting"}),
        ("train", {"encoding"}),
        ("predict", {"encoding"}),
        ("encoding", set()),
    ],
)
def test_each_side_imports_no_more_than_it_may(top: str, allowed: set[str]):
    mine = [name for name in graph() if name.split(".")[0] == top]
    used = {each.split(".")[0] for name in mine for each in graph()[name]} - {top}
    assert mine and used <= allowed


def room(module: str) -> str:
    """The package of the endpoint that a module is in, the innermost of those listed; or ""."""
    inside = [name for name in HOSTING if f"{module}.".startswith(f"hosting.{name}.")]
    return max(inside, key=len, default="")


@pytest.mark.parametrize("package", HOSTING)
def test_the_parts_of_the_endpoint_do_not_know_each_other(package: str):
    mine = [name for name in graph() if room(name) == package]
    packages = {room(each) for name in mine for each in graph()[name]} - {"", package}
    # What is not in a room of its own is there for the rooms, and uses them.
    family = {name for name in HOSTING if package.startswith(name) or name.startswith(package)}
    assert mine and packages <= HOSTING[package] | family
