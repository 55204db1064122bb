"""What the newer containers do otherwise with a package's own Python files: read, not run."""

import ast
import collections.abc
from collections.abc import Container, Iterator

from train2deploy.upgrade.finding import HANDLER, HEAD, TODAY, Finding

FIELDS = (9, 10)  # how many a context has in 2019 and in the final container
COUNTS = (
    "2019 has 9, the final container 10 (channel, in the middle) and today's 11 (timeout, at the"
    " end): use their names, such as context.rest_uri"
)
OF = {HEAD: "a7", TODAY: HANDLER}  # the section of docs/contract.md on a context, by contract
HANDLERS = {"handler": 1, "input_handler": 1, "output_handler": 1}
"""The place of their argument `context`."""
GONE = {
    "tensorflow": "list tensorflow in code/requirements.txt, or ask the model server over REST",
    "tensorflow_serving": "its messages need tensorflow: list that in code/requirements.txt",
    "keras": "list it in code/requirements.txt",
    "h5py": "list it in code/requirements.txt",
    "PIL": "list Pillow in code/requirements.txt",
    "chardet": "use charset_normalizer, or list it in code/requirements.txt",
    "pkg_resources": "use importlib.metadata and importlib.resources",
    "setuptools": "list it in code/requirements.txt",
}
"""Not in today's container, whatever an older one had."""
REMOVED = {
    "imp": "importlib", "distutils": "setuptools or packaging", "asyncore": "asyncio",
    "asynchat": "asyncio", "smtpd": "aiosmtpd", "binhex": "binascii", "formatter": "your own code",
    "parser": "ast", "symbol": "ast", "macpath": "os.path", "dummy_threading": "threading",
    "_dummy_threading": "threading", "_bootlocale": "locale",
}  # fmt: skip
"""Modules of the standard library that Python 3.12 no longer has, and what takes their place."""
ABSTRACT = [name for name in collections.abc.__all__ if name not in ("ByteString", "Buffer")]
REMOVED_NAMES = {
    ("time", "clock"): "time.perf_counter",
    ("inspect", "getargspec"): "inspect.getfullargspec",
    ("base64", "encodestring"): "base64.encodebytes",
    ("base64", "decodestring"): "base64.decodebytes",
    ("cgi", "escape"): "html.escape",
    ("fractions", "gcd"): "math.gcd",
    ("asyncio", "coroutine"): "async def",
    ("platform", "linux_distribution"): "platform.freedesktop_os_release",
    ("os", "errno"): "import errno",
    ("xml.etree", "cElementTree"): "xml.etree.ElementTree",
    ("random", "jumpahead"): "nothing",
    ("locale", "format"): "locale.format_string",
    ("ssl", "wrap_socket"): "ssl.SSLContext.wrap_socket",
    ("pipes", "quote"): "shlex.quote",
    **{("numpy", name): name for name in ("bool", "complex", "float", "int", "object", "str")},
    **{("collections", name): f"collections.abc.{name}" for name in ABSTRACT},
}  # fmt: skip


def findings(name: str, tree: ast.Module, brought: Container[str]) -> Iterator[Finding]:
    """What speaks against a file.

    Args:
        name: of the file, below the package.
        brought: modules that the package brings or installs.
    """
    yield from _imports(name, tree, brought)
    yield from _removed_names(name, tree)
    if name.endswith("_pb2.py") and any(map(_makes_descriptor, ast.walk(tree))):
        text = (
            "an old protoc made it, whose messages protobuf 6 refuses: make it again with a newer"
        )
        yield Finding(name, text)
    for function in ast.walk(tree):
        if isinstance(function, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield from _context(name, function)
            if function.name == "output_handler":
                yield from _status(name, function)


def imported(tree: ast.Module) -> Iterator[tuple[str, int]]:
    """The modules that a file imports, with the line; not those that it can do without."""
    skipped: set[ast.AST] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Try) and any(_catches_import(each) for each in node.handlers):
            skipped |= {inner for statement in node.body for inner in ast.walk(statement)}
    for node in ast.walk(tree):
        if node in skipped:
            continue
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module, node.lineno
        elif isinstance(node, ast.Call) and _is_import_call(node):
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value, node.lineno


def _catches_import(handler: ast.ExceptHandler) -> bool:
    if handler.type is None:
        return True
    names = {node.id for node in ast.walk(handler.type) if isinstance(node, ast.Name)}
    return not names.isdisjoint({"ImportError", "ModuleNotFoundError", "Exception"})


def _is_import_call(node: ast.Call) -> bool:
    called = node.func
    name = called.attr if isinstance(called, ast.Attribute) else getattr(called, "id", "")
    return name in ("import_module", "__import__") and bool(node.args)


def _makes_descriptor(node: ast.AST) -> bool:
    """Whether a field of a message is described by itself, as protoc did before 3.20."""
    return isinstance(node, ast.Attribute) and node.attr == "FieldDescriptor"


def _imports(name: str, tree: ast.Module, brought: Container[str]) -> Iterator[Finding]:
    for module, line in imported(tree):
        top = module.partition(".")[0]
        place = f"{name}, line {line}"
        if top in brought:
            continue
        if top in GONE:
            text = f"imports {top}, which today's container does not hold: {GONE[top]}"
            yield Finding(place, text)
        elif top in REMOVED:
            text = f"imports {top}, which Python 3.12 no longer has: use {REMOVED[top]}"
            yield Finding(place, text)
        elif top == "falcon":
            text = (
                "imports falcon, which is 3.1 in today's container: API and response.body are old"
            )
            text += " names there, and an HTTPError that is raised chooses the answer's status"
            yield Finding(place, text)


def _removed_names(name: str, tree: ast.Module) -> Iterator[Finding]:
    modules = {
        alias.asname or alias.name: alias.name
        for node in ast.walk(tree) if isinstance(node, ast.Import)
        for alias in node.names
    }  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and not node.level:
            used = [(node.module or "", alias.name) for alias in node.names]
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            used = [(modules.get(node.value.id, ""), node.attr)]
        else:
            continue
        for pair in used:
            if pair in REMOVED_NAMES:
                said = f"there is no {'.'.join(pair)} any more: use {REMOVED_NAMES[pair]}"
                yield Finding(f"{name}, line {node.lineno}", said)


def _context(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    """Uses of a context that hang on how many fields it has, or on their order."""
    arguments = [each.arg for each in (*function.args.posonlyargs, *function.args.args)]
    place = HANDLERS.get(function.name)
    known = {each for each in arguments if each in ("context", "ctx")}
    if place is not None and len(arguments) > place:
        known.add(arguments[place])
    nodes = list(ast.walk(function))
    for node in nodes:  # ctx = context
        if isinstance(node, ast.Assign) and _named(node.value) in known:
            known |= {each.id for each in node.targets if isinstance(each, ast.Name)}
    for node in nodes:
        if isinstance(node, ast.Assign) and _named(node.value) in known:
            for target in node.targets:
                if isinstance(target, (ast.Tuple, ast.List)):
                    yield from _unpacked(f"{name}, line {node.lineno}", target)
        elif isinstance(node, ast.Subscript) and _named(node.value) in known:
            yield from _indexed(f"{name}, line {node.lineno}", node.slice)
        elif isinstance(node, ast.Starred) and _named(node.value) in known:
            text = f"hands a context's fields on one by one. {COUNTS}"
            yield Finding(f"{name}, line {node.lineno}", text, HEAD, OF[HEAD])


def _unpacked(where: str, target: ast.Tuple | ast.List) -> Iterator[Finding]:
    starred = any(isinstance(each, ast.Starred) for each in target.elts)
    count = len(target.elts)
    if not starred and count in FIELDS:
        since = HEAD if count == 9 else TODAY
        yield Finding(where, f"unpacks {count} fields of a context. {COUNTS}", since, OF[since])
    elif starred and count > 6:
        yield Finding(
            where, f"unpacks a context by the order of its fields. {COUNTS}", HEAD, OF[HEAD]
        )


def _indexed(where: str, index: ast.expr) -> Iterator[Finding]:
    try:
        number = ast.literal_eval(index)
    except ValueError:
        return
    if isinstance(number, int) and (number >= 5 or number < 0):
        since = TODAY if number < 0 else HEAD
        yield Finding(
            where, f"takes field {number} of a context by its place. {COUNTS}", since, OF[since]
        )


def _status(name: str, function: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[Finding]:
    for node in ast.walk(function):
        if isinstance(node, ast.Attribute) and node.attr in ("status_code", "ok"):
            yield Finding(
                f"{name}, line {node.lineno}", f"output_handler looks at .{node.attr}: today's"
                " container calls it only when the model server answered 200, and else answers with"
                " that status itself; define handler(data, context) to decide on errors",
            )  # fmt: skip
            return


def _named(node: ast.expr) -> str:
    return node.id if isinstance(node, ast.Name) else ""
