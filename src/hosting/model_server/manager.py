"""Models and their versions: what is loaded, in which state, and how that changes."""

import logging
import threading
import time

from hosting.model_server import errors
from hosting.model_server.errors import ServingError, not_found
from hosting.model_server.servable import Servable

log = logging.getLogger(__name__)

START, LOADING, AVAILABLE, UNLOADING, END = 10, 20, 30, 40, 50
STATE_NAMES = {START: 'START', LOADING: 'LOADING', AVAILABLE: 'AVAILABLE',
               UNLOADING: 'UNLOADING', END: 'END'}


class Version:
    """One version of a model: its state, and its servable while there is one."""

    def __init__(self, model, number, path):
        self.model = model
        self.number = number
        self.path = path
        self.state = START
        self.error = None
        self.servable = None

    @property
    def error_code(self):
        """The status' code, 0 when all is well."""
        return self.error.code if self.error else errors.OK

    @property
    def error_message(self):
        """The status' message, '' when all is well."""
        return self.error.message if self.error else ''


class Manager:
    """Loads the versions that the settings ask for and finds them for requests.

    Requests read `_available`, a dictionary that is replaced and never changed.
    """

    def __init__(self, options):
        self._options = options
        self._settings = {}
        self._versions = {}
        self._available = {}
        self._lock = threading.Lock()
        self._work = threading.Lock()
        self._stopped = threading.Event()

    # -- for requests

    def servable(self, name, version=None):
        """The servable of a version, or of the highest available one."""
        found = self._available.get((name, version))
        if found is None:
            raise not_found('Servable not found for request: ',
                            'Latest(%s)' % name if version is None
                            else 'Specific(%s, %d)' % (name, version))
        return found

    def labelled(self, name, label):
        """The version number that a label stands for."""
        settings = self._settings.get(name)
        if settings is None or label not in settings.labels:
            raise errors.invalid_argument('Unrecognized servable version label: ', label)
        return settings.labels[label]

    def states(self, name, version=None):
        """The Versions of a model, the highest first; NOT_FOUND when there is none."""
        with self._lock:
            versions = dict(self._versions.get(name, {}))
        if version is not None:
            if version not in versions:
                raise not_found('Could not find version ', version, ' of model ', name)
            return [versions[version]]
        if not versions:
            raise not_found('Could not find any versions of model ', name)
        return [versions[number] for number in sorted(versions, reverse=True)]

    # -- for the server

    def configure(self, settings):
        """Make these the models to serve; returns when what is there is loaded or has failed."""
        with self._lock:
            self._settings = {model.name: model for model in settings}
        self.poll()

    def poll(self):
        """Look at the file system once and bring the versions in line with it."""
        with self._work:
            for model in list(self._settings.values()):
                self._reconcile(model.name, model.aspired())
            for name in list(self._versions):
                if name not in self._settings:
                    self._reconcile(name, {})

    def watch(self, seconds):
        """Poll for ever; to be run in a thread."""
        while not self._stopped.wait(seconds):
            try:
                self.poll()
            except Exception:
                log.exception('looking for new model versions failed; trying again in %s s', seconds)

    def stop(self):
        """End watching and waiting for retries."""
        self._stopped.set()

    def _reconcile(self, name, aspired):
        current = self._versions.setdefault(name, {})
        if not aspired and not current:
            log.warning('No versions of servable %s found under base path %s', name,
                        self._settings[name].base_path if name in self._settings else '')
        wanted = [number for number in sorted(aspired)
                  if number not in current or current[number].state == END
                  and current[number].error is None]
        new = []
        for number in wanted:
            version = Version(name, number, aspired[number])
            with self._lock:
                current[number] = version
            new.append(version)
        for version in new:
            self._load(version)
        surplus = [version for number, version in sorted(current.items())
                   if number not in aspired and version.state == AVAILABLE]
        # The last good version stays until its successor is there
        # (AvailabilityPreservingPolicy).
        if aspired and not any(current[number].state == AVAILABLE for number in aspired):
            return
        for version in surplus:
            self._unload(version)

    def _load(self, version):
        version.state = LOADING
        log.info('Loading servable version {name: %s version: %d}', version.model, version.number)
        started = time.time()
        attempt = 0
        while True:
            try:
                version.servable = Servable(version.model, version.number, version.path,
                                            self._options)
                break
            except ServingError as error:
                log.error('Loading servable: {name: %s version: %d} failed: %s',
                          version.model, version.number, error)
                failure = error
            except Exception as error:
                log.exception('Loading servable: {name: %s version: %d} failed',
                              version.model, version.number)
                failure = errors.internal(error)
            attempt += 1
            if attempt > self._options.max_num_load_retries or self._stopped.wait(
                    max(self._options.load_retry_interval, 0)):
                version.error = failure
                version.state = END
                return
        version.state = AVAILABLE
        self._publish()
        log.info('Successfully loaded servable version {name: %s version: %d} in %.3f s',
                 version.model, version.number, time.time() - started)

    def _unload(self, version):
        version.state = UNLOADING
        self._publish()
        log.info('Unloading servable version {name: %s version: %d}', version.model, version.number)
        servable, version.servable = version.servable, None
        servable.close()
        version.state = END

    def _publish(self):
        available = {}
        with self._lock:
            for name, versions in self._versions.items():
                for number in sorted(versions):
                    version = versions[number]
                    if version.state == AVAILABLE:
                        available[name, number] = version.servable
                        available[name, None] = version.servable
        self._available = available
