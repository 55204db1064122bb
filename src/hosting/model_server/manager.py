"""Models and their versions: what is loaded, in which state, and how that changes."""

import logging
import os
import threading
import time

from hosting.model_server import errors
from hosting.model_server.errors import ServingError, not_found
from hosting.model_server.servable import Servable

log = logging.getLogger(__name__)

# ModelVersionStatus.State
START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50
STATE_NAMES = {
    START: "START",
    LOADING: "LOADING",
    AVAILABLE: "AVAILABLE",
    UNLOADING: "UNLOADING",
    END: "END",
}

# A request that has just found a servable needs this long at most to queue up.
_GRACE = 1.0


class Version:
    """One version of a model: its state, and its servable while there is one."""

    def __init__(self, model, number, path):
        self.model = model
        self.number = number
        self.path = path
        self.state = START
        self.error = None
        self.servable = None

    def __str__(self):
        return "{name: %s version: %d}" % (self.model, self.number)

    @property
    def error_code(self):
        return self.error.code if self.error else errors.OK

    @property
    def error_message(self):
        return self.error.message if self.error else ""


def _start(work, version):
    """Do something with a version in a thread that does not keep the process alive."""
    threading.Thread(
        target=work, args=(version,), daemon=True, name=f"{version.model}-{version.number}"
    ).start()


class Manager:
    """Loads the versions that the settings ask for and finds them for requests.

    Requests read `_available`, a dictionary that is replaced and never changed.
    """

    def __init__(self, options):
        self._options = options
        self._settings = {}
        self._versions = {}
        self._available = {}
        self._warned = {}
        self._lock = threading.Lock()  # around _versions and _available
        self._polling = threading.Lock()  # one reconciliation at a time
        self._changed = threading.Condition(self._lock)
        # So many versions are loaded at once; one that waits for its next try is not counted.
        self._loading = threading.Semaphore(2 * (os.cpu_count() or 1))

    # -- for requests -----------------------------------------------------------------------

    def servable(self, name, version=None):
        """The servable of a version, or of the highest available one."""
        found = self._available.get((name, version))
        if found is None:
            raise not_found(
                "Servable not found for request: ",
                f"Latest({name})" if version is None else f"Specific({name}, {version})",
            )
        return found

    def labelled(self, name, label):
        settings = self._settings.get(name)
        if settings is None or label not in settings.labels:
            raise errors.invalid_argument("Unrecognized servable version label: ", label)
        return settings.labels[label]

    def states(self, name, version=None):
        """The Versions of a model, the highest first; NOT_FOUND when there is none."""
        with self._lock:
            versions = dict(self._versions.get(name, {}))
        if version is not None:
            if version not in versions:
                raise not_found(f"Could not find version {version} of model {name}")
            return [versions[version]]
        if not versions:
            raise not_found(f"Could not find any versions of model {name}")
        return [versions[number] for number in sorted(versions, reverse=True)]

    def versions(self):
        with self._lock:
            return [
                version for versions in self._versions.values() for version in versions.values()
            ]

    # -- for the server ---------------------------------------------------------------------

    def configure(self, settings):
        """Make these the models to serve and start to load what is there of them."""
        with self._polling:
            self._settings = {model.name: model for model in settings}
        self.poll()

    def wait_until_available(self, names):
        """Wait until each model has an available version; ServingError when one never will.

        A model of which there is no version yet may still get one: it is waited for.
        """
        with self._lock:
            while True:
                failed = {}
                waiting = False
                for name in names:
                    versions = list(self._versions.get(name, {}).values())
                    if any(version.state == AVAILABLE for version in versions):
                        continue
                    if versions and all(version.state == END for version in versions):
                        failed[name] = versions
                    else:
                        waiting = True
                if not waiting:
                    break
                self._changed.wait()
        if failed:
            raise ServingError(
                errors.UNKNOWN,
                "%d servable(s) did not become available: {%s}"
                % (
                    len(failed),
                    "".join(
                        "{%s due to error: %s}, " % (version, version.error)
                        for versions in failed.values()
                        for version in versions
                    ),
                ),
            )

    def reload(self, settings):
        """Serve other models from now on; returns when the new ones are there."""
        new = [model.name for model in settings if model.name not in self._settings]
        log.info("Adding/updating models.")
        self.configure(settings)
        self.wait_until_available(new)

    def watch(self, seconds):
        """Look for new and vanished versions for ever; to be run in a thread."""
        while True:
            time.sleep(seconds)
            try:
                self.poll()
            except Exception:
                log.exception(
                    "looking for new model versions failed; trying again in %s s", seconds
                )

    def poll(self):
        """Look at the file system once and bring the versions in line with it."""
        with self._polling:
            for model in list(self._settings.values()):
                self._reconcile(model.name, model.aspired(self._warn))
            for name in list(self._versions):
                if name not in self._settings:
                    self._reconcile(name, {})

    def _warn(self, name, message):
        """Log what is wrong with a model's folder, once as long as it stays the same."""
        if self._warned.get(name) != message:
            self._warned[name] = message
            if message:
                log.warning("%s", message)

    def _reconcile(self, name, aspired):
        current = self._versions.setdefault(name, {})
        for number in sorted(aspired):
            known = current.get(number)
            if known is None or known.state == END and known.path is None:
                version = Version(name, number, aspired[number])
                with self._lock:
                    current[number] = version
                _start(self._load, version)
        if aspired and not any(current[number].state == AVAILABLE for number in aspired):
            # The last good version stays until its successor is there
            # (AvailabilityPreservingPolicy).
            return
        for number, version in sorted(current.items()):
            if number in aspired:
                continue
            if version.state == AVAILABLE:
                self._set_state(version, UNLOADING)
                _start(self._unload, version)
            elif version.state == END:
                # If it comes back, it is loaded again.
                version.path = None

    def _load(self, version):
        self._set_state(version, LOADING)
        log.info("Loading servable version %s", version)
        started = time.time()
        tries = 0
        while True:
            tries += 1
            try:
                with self._loading:
                    version.servable = Servable(
                        version.model, version.number, version.path, self._options
                    )
                break
            except ServingError as error:
                failure = error
            except Exception as error:
                log.exception("Loading servable version %s failed", version)
                failure = errors.internal(error)
            log.error("Servable: %s load failure: %s", version, failure)
            if tries > self._options.max_num_load_retries:
                version.error = failure
                self._set_state(version, END)
                return
            time.sleep(max(self._options.load_retry_interval, 0))
            log.info("Retrying load on servable version: %s retry: %d", version, tries)
        self._set_state(version, AVAILABLE)
        log.info(
            "Successfully loaded servable version %s in %.3f s", version, time.time() - started
        )

    def _unload(self, version):
        log.info("Unloading servable version %s", version)
        time.sleep(_GRACE)
        servable, version.servable = version.servable, None
        servable.close()
        version.path = None
        self._set_state(version, END)
        log.info("Done unloading servable version %s", version)

    def _set_state(self, version, state):
        """Change a version's state; it is visible to requests as a whole or not at all."""
        with self._lock:
            version.state = state
            available = {}
            for name, versions in self._versions.items():
                for number in sorted(versions):
                    other = versions[number]
                    if other.state == AVAILABLE:
                        available[name, number] = other.servable
                        available[name, None] = other.servable
            self._available = available
            self._changed.notify_all()
