# The offline base with a compiler, in the place of python:3.6.
ARG BASE
FROM ${BASE}
RUN apt-get update --quiet=2 \
    && apt-get install --quiet=2 --yes --no-install-recommends gcc libc6-dev \
    && rm -rf /var/lib/apt/lists/*
LABEL train2deploy=builder
