"""The Docker client, for tests."""

import subprocess


def docker(*arguments, check=True, **options):
    """`docker <arguments>`, its standard output stripped."""
    done = subprocess.run(
        ["docker", *arguments], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, **options)
    assert not check or done.returncode == 0, done.stdout
    return done.stdout.strip()


def networks(name):
    """Networks of just this name."""
    return docker("network", "ls", "--filter", f"name=^{name}$", "--format", "{{.Name}}").split()


def containers(project):
    """Names of this project's containers, running or not."""
    label = f"label=train2deploy.root={project.root}"
    return docker("ps", "--all", "--filter", label, "--format", "{{.Names}}").split()


def read_until(process, beginning):
    """Reads what a process of Project.start prints, up to a line that begins so."""
    for line in process.stdout:
        if line.startswith(beginning):
            return
    raise AssertionError(f"it ended before {beginning!r}")
