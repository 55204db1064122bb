"""Which packages a newer Python can have: by names, versions and tags, without asking an index."""

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from train2deploy.upgrade.finding import Finding

PYTHON, TAG = "3.12", "cp312"
FIRST = {
    "aiohttp": "3.9.0",
    "cffi": "1.16.0",
    "gevent": "23.9.0",
    "greenlet": "3.0.0",
    "grpcio": "1.59.0",
    "h5py": "3.10.0",
    "matplotlib": "3.8.0",
    "numpy": "1.26.0",
    "pandas": "2.1.1",
    "pillow": "10.1.0",
    "pyyaml": "6.0.1",
    "regex": "2023.10.3",
    "scikit-learn": "1.3.1",
    "scipy": "1.11.2",
    "sentencepiece": "0.2.0",
    "tensorflow": "2.16.1",
    "tensorflow-cpu": "2.16.1",
    "torch": "2.2.0",
}
"""The first release with wheels for CPython 3.12, of packages that are hard to compile."""
NEVER = {
    "dataclasses": "it is part of Python; leave it out",
    "enum34": "it is part of Python, and pip breaks with it; leave it out",
    "sklearn": "the name was given up; it is scikit-learn",
    "tensorflow-gpu": "the name was given up; it is tensorflow",
    "typing": "it is part of Python; leave it out",
    "pathlib": "it is part of Python; leave it out",
}
MODULES = {
    "mecab-python3": "MeCab",
    "opencv-python": "cv2",
    "pillow": "PIL",
    "protobuf": "google",
    "python-dateutil": "dateutil",
    "pyyaml": "yaml",
    "scikit-learn": "sklearn",
    "tensorflow-cpu": "tensorflow",
    "tensorflow-serving-api": "tensorflow_serving",
}
"""What a package is imported as, where that is not its own name."""
WHEEL = re.compile(r"-((?:py|cp|pp)[\w.]+)-([\w.]+)-[\w.]+\.whl")
EXTENSION = re.compile(r"\.(?P<tag>cpython-[\w-]+|cp\d+-[\w-]+|abi3)\.(?:so|pyd)$")


def requirements(file: Path, name: str) -> Iterator[Finding]:
    """What of a requirements.txt pip would not find for today's Python."""
    for number, line in _lines(file):
        place = f"{name}, line {number}"
        if wheel := WHEEL.search(line):
            if not suits(wheel[1], wheel[2]):
                text = f"is a wheel for {wheel[1]}, not for Python {PYTHON}: take one for {TAG}"
                yield Finding(place, text)
        elif (found := _parsed(line)) and (why := _refused(found)):
            yield Finding(place, f"{found.name}{found.specifier}: {why}")


def modules(file: Path) -> set[str]:
    """What a requirements.txt brings, as it is imported."""
    found = {canonicalize_name(each.name) for _, line in _lines(file) if (each := _parsed(line))}
    return {MODULES.get(name, name.replace("-", "_")) for name in found}


def suits(python: str, abi: str) -> bool:
    """Whether a wheel of these tags runs in CPython 3.12.

    >>> suits("cp36", "cp36m"), suits("cp36", "abi3"), suits("py2.py3", "none")
    (False, True, True)
    """
    if abi == "abi3":
        return any(_minor(tag) <= 12 for tag in python.split(".") if tag.startswith("cp3"))
    if abi == "none":
        return not {"py3", "py312", TAG}.isdisjoint(python.split("."))
    return TAG in python.split(".")


def library(lib: Path, name: str) -> Iterator[Finding]:
    """Packages in code/lib whose compiled parts are of another Python; a line for each."""
    owners = dict(_owners(lib))
    wrong: dict[str, str] = {}
    for path in sorted(lib.rglob("*")):
        is_lone = path.suffix == ".pyc" and path.parent.name != "__pycache__"
        is_lone = is_lone and not path.with_suffix(".py").exists()
        if is_lone or (path.suffix in (".so", ".pyd") and not _loads(path)):
            file = path.relative_to(lib)
            wrong.setdefault(owners.get(file.parts[0], file.parts[0]), file.as_posix())
    for package, compiled in wrong.items():
        text = f"{package} is compiled for another Python than {PYTHON}: pack it again with wheels"
        text += f" for {TAG}, or name it in code/requirements.txt instead of code/lib"
        yield Finding(f"{name}/{compiled}", text)
    for package, spec in _required_pythons(lib):
        if package not in wrong and not spec.contains(PYTHON):
            text = f"{package} is for Python {spec}, and today's is {PYTHON}: take a newer one"
            yield Finding(name, text)


def _loads(path: Path) -> bool:
    """Whether today's Python loads an extension module; one without a tag says by its wheel."""
    if found := EXTENSION.search(path.name):
        tag = found["tag"]
        return tag == "abi3" or tag.startswith(("cpython-312", f"{TAG}-"))
    if ".libs" in path.parent.name or path.name.startswith("lib"):
        return True  # a library that an extension links
    return all(suits(*tags) for tags in _wheel_tags(path))


def _wheel_tags(path: Path) -> list[tuple[str, str]]:
    """The tags of the wheel that brought a file, where its metadata is there."""
    lib = next((above for above in path.parents if list(above.glob("*.dist-info"))), None)
    if lib is None:
        return []
    top = path.relative_to(lib).parts[0].partition(".")[0]
    texts = [info / "WHEEL" for info in lib.glob("*.dist-info") if _is_of(info, top)]
    found = [text.read_text("utf-8", "replace") for text in texts if text.is_file()]
    return [tag for text in found for tag in re.findall(r"^Tag: *(\S+?)-(\S+?)-", text, re.M)]


def _is_of(info: Path, top: str) -> bool:
    """Whether a package's metadata is that of a module at the top of code/lib."""
    names = info / "top_level.txt"
    own = info.name.partition("-")[0].lower()
    return own in (top.lower(), top.lower().lstrip("_")) or (
        names.is_file() and top in names.read_text(errors="replace").split()
    )


def _owners(lib: Path) -> Iterator[tuple[str, str]]:
    """What lies at the top of code/lib, and the package that it is of."""
    for info in lib.glob("*.dist-info"):
        for path in lib.iterdir():
            if path != info and _is_of(info, path.name.partition(".")[0]):
                yield path.name, _called(info)


def _called(info: Path) -> str:
    """Name and version."""
    return info.name.removesuffix(".dist-info").replace("-", " ", 1)


def _required_pythons(lib: Path) -> Iterator[tuple[str, SpecifierSet]]:
    for metadata in sorted(lib.glob("*.dist-info/METADATA")):
        found = re.search(r"^Requires-Python: *(.+)$", metadata.read_text("utf-8", "replace"), re.M)
        if found:
            with contextlib.suppress(InvalidSpecifier):
                yield _called(metadata.parent), SpecifierSet(found[1].strip())


def _lines(file: Path) -> Iterator[tuple[int, str]]:
    """Requirements with the number of their line; comments, options and hashes left out."""
    start, joined = 0, ""
    for number, line in enumerate(file.read_text("utf-8-sig", "replace").splitlines(), 1):
        start = start if joined else number
        joined += re.sub(r"(^|\s)#.*", "", line)
        if joined.endswith("\\"):
            joined = joined[:-1]
            continue
        text = re.sub(r"\s--\w.*", "", joined).strip()
        if text and not text.startswith("-"):
            yield start, text
        joined = ""


def _parsed(line: str) -> Requirement | None:
    try:
        found = Requirement(line)
    except InvalidRequirement:
        return None
    marker = found.marker
    return None if marker and not marker.evaluate({"python_version": PYTHON}) else found


def _refused(found: Requirement) -> str:
    name = canonicalize_name(found.name)
    if name in NEVER:
        return f"not for Python {PYTHON}: {NEVER[name]}"
    if name not in FIRST or found.url:
        return ""
    tried = [first := Version(FIRST[name]), Version("99999")]
    for each in found.specifier:
        with contextlib.suppress(InvalidVersion):
            named = Version(each.version.removesuffix(".*"))
            tried += [named, Version(f"{named.base_version}.1")]
    if any(found.specifier.contains(one, prereleases=True) for one in tried if one >= first):
        return ""
    return f"has no wheel for Python {PYTHON}; the first that has is {FIRST[name]}"


def _minor(tag: str) -> int:
    digits = re.match(r"cp3(\d+)", tag)
    return int(digits[1]) if digits else 99
