"""Examples of hypothesis: however slow the machine is, and the same ones on CI each time."""
import os

from hypothesis import HealthCheck, settings


def use_profile():
    settings.register_profile(
        'project', deadline=None, derandomize='CI' in os.environ,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture])
    settings.load_profile('project')
