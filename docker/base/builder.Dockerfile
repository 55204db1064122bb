# The offline base with a compiler, pip and wheel, in the place of python:3.6.
ARG BASE
FROM ${BASE}
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
COPY requirements/pip.lock /
RUN python3.6 -m pip install --quiet --no-cache-dir --require-hashes --requirement /pip.lock
LABEL train2deploy=builder
