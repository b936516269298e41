# grader, and workers of a Dask cluster for it: the same image, so that their environments are the same.
#
#   docker build -t grader .
#   docker build -t grader --build-arg EXTRAS=cluster,postgres,torch .
#
# The sandbox makes namespaces inside of the container, which Docker's defaults forbid. It needs no privileges, but:
#
#   --security-opt seccomp=unconfined        namespaces and mounts (the sandbox has a filter of its own)
#   --security-opt systempaths=unconfined    a fresh /proc in it
#   --security-opt apparmor=unconfined       where the host has AppArmor
#
#   docker run --rm -v "$PWD:/course" --security-opt ... grader grader doctor --sandbox
#
# podman: unmask=ALL in place of systempaths=unconfined. `grader doctor` tells whether they suffice. docs/scaling.md has
# what this was tried with, and the same for Kubernetes.
FROM python:3.11-slim-bookworm

ARG EXTRAS=cluster,postgres
WORKDIR /opt/grader

# the versions that are tested, without what only development needs
COPY .ci/requirements.lock ./
RUN grep '==' requirements.lock | sed 's/ *\\$//' > constraints.txt

COPY pyproject.toml README.md LICENSE course.toml ./
COPY source_assignments source_assignments
COPY grader grader
RUN python -m venv /opt/venv \
    && /opt/venv/bin/pip install --no-cache-dir --disable-pip-version-check -c constraints.txt ".[$EXTRAS]" \
    && /opt/venv/bin/grader --version

# Dask's operator for Kubernetes starts programs by names that Dask itself has given up
RUN for part in scheduler worker; do \
        printf '#!/bin/sh\nexec dask %s "$@"\n' "$part" > "/opt/venv/bin/dask-$part" \
        && chmod 755 "/opt/venv/bin/dask-$part"; \
    done

# not root: the sandbox would have to become somebody else first
RUN useradd --uid 1000 --create-home grader && mkdir /course && chown grader:grader /course
USER grader
WORKDIR /course

# schedulers and workers would keep the last thousand messages, submissions and all, for Dask's developers
ENV PATH=/opt/venv/bin:$PATH \
    DASK_DISTRIBUTED__ADMIN__LOW_LEVEL_LOG_LENGTH=0 \
    DASK_TEMPORARY_DIRECTORY=/tmp/dask

# no ENTRYPOINT: `dask scheduler`, `dask worker ADDRESS --nthreads 1`, `grader grade --scheduler ADDRESS`
CMD ["grader", "--help"]
