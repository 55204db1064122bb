"""The handler's requirements.txt is installed at every start, unless code/lib exists.

docs/contract.md#a7-packages

The container installs into its own interpreter. Here the handler's environment is shared by
everything on this machine, so packages go into a directory of their own that comes before
it on the handler's search path. The directory is kept for the next start with the same
requirements; what the handler's environment already has is not installed again.
"""

import hashlib
import os
import re
import shutil
import sys
import tempfile


class Requirements:
    """The code/requirements.txt at `path`, installed below the user's cache."""

    def __init__(self, path):
        self.path = path
        cache = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
        self._cache_dir = os.path.join(cache, "sagemaker-hosting")
        with open(path, "rb") as stream:
            self._text = stream.read()
        self._lines = _logical_lines(self._text.decode("utf-8", "replace"))

    @property
    def _plain(self):
        """Whether it only names packages of an index: no options, files or addresses."""
        return not any(
            line.startswith(("-", ".", "/")) or "://" in line or " --" in line
            for line in self._lines
        )

    def satisfied(self, site_packages):
        """Whether an environment has everything (what pip would find, but faster)."""
        if not self._lines:
            return True
        if not self._plain:
            return False
        try:
            import pkg_resources
        except ImportError:  # today's Python has something else
            return _has_all(site_packages, self._lines)
        try:
            pkg_resources.WorkingSet([site_packages]).require(*self._lines)
        except (pkg_resources.ResolutionError, ValueError):
            return False
        return True

    @property
    def directory(self):
        """Where these requirements are, or will be, installed."""
        key = hashlib.sha256(self._text + sys.version.encode()).hexdigest()[:16]
        return os.path.join(self._cache_dir, "packages-" + key)

    def installed(self):
        return self._plain and os.path.isdir(self.directory)

    def staging(self):
        """A directory for pip to install into; `keep` or `discard` it afterwards."""
        os.makedirs(self._cache_dir, exist_ok=True)
        return tempfile.mkdtemp(prefix="installing-", dir=self._cache_dir)

    def keep(self, staging):
        """Put what pip has installed in its place; returns the directory."""
        if os.path.isdir(self.directory):
            shutil.rmtree(self.directory, ignore_errors=True)
        try:
            os.rename(staging, self.directory)
        except OSError:  # another endpoint was faster with the same requirements
            self.discard(staging)
        return self.directory

    @staticmethod
    def discard(staging):
        shutil.rmtree(staging, ignore_errors=True)


def of_another_python(lib):
    """The first extension module below code/lib that this Python cannot load, or None."""
    own = "%d%d" % sys.version_info[:2]
    for folder, _, names in os.walk(lib):
        for name in sorted(names):
            tag = re.search(r"\.cpython-(\d+)m?-[^.]*\.so$", name)
            if tag and tag.group(1) != own:
                return os.path.join(folder, name)
    return None


def _has_all(site_packages, lines):
    from importlib.metadata import distributions

    from packaging.requirements import InvalidRequirement, Requirement

    try:
        wanted = [Requirement(line) for line in lines]
    except InvalidRequirement:
        return False
    there = {
        each.metadata["Name"].lower().replace("_", "-"): each.version
        for each in distributions(path=[site_packages])
    }
    for each in wanted:
        version = there.get(each.name.lower().replace("_", "-"))
        if each.marker and not each.marker.evaluate():
            continue
        if each.extras or not version or not each.specifier.contains(version, prereleases=True):
            return False
    return True


def _logical_lines(text):
    """The requirements, without comments, continuations and hashes.

    >>> _logical_lines('a==1 --hash=sha256:00')
    ['a==1']
    """
    joined = text.replace("\\\n", " ").splitlines()
    lines = (re.sub(r"(^|\s)#.*$|\s--hash=\S+", "", line).strip() for line in joined)
    return [line for line in lines if line]
