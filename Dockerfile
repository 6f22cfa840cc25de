# The image of every Frontwire process. Build behind a package mirror with
#   docker build --build-arg PIP_INDEX_URL=https://mirror.example/simple --tag frontwire .
ARG PYTHON_IMAGE=python:3.12-slim

FROM ${PYTHON_IMAGE} AS build
# Only this stage knows the mirror; nothing of it stays in the image that runs.
ARG PIP_INDEX_URL=https://pypi.org/simple
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
WORKDIR /src
RUN python -m venv /opt/frontwire
COPY pyproject.toml README.md LICENSE ./
COPY pipeline pipeline
COPY workers workers
COPY migrations migrations
COPY dashboards dashboards
RUN pip wheel --no-deps --wheel-dir /wheels . \
    && /opt/frontwire/bin/pip install "frontwire[alerts,postgres] @ file://$(echo /wheels/frontwire-*.whl)" \
    && /opt/frontwire/bin/pip check

FROM ${PYTHON_IMAGE}
RUN groupadd --gid 10001 frontwire \
    && useradd --uid 10001 --gid 10001 --no-create-home --home-dir /var/lib/frontwire --shell /usr/sbin/nologin frontwire \
    && install --directory --owner=10001 --group=10001 --mode=0750 /var/lib/frontwire
COPY --from=build /opt/frontwire /opt/frontwire
ENV MALLOC_ARENA_MAX=1 \
    PATH=/opt/frontwire/bin:$PATH \
    PYTHONDONTWRITEBYTECODE=1 \
    PYTHONUNBUFFERED=1 \
    FRONTWIRE_DATA_DIR=/var/lib/frontwire
WORKDIR /var/lib/frontwire
USER 10001:10001
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=60s --timeout=30s --start-period=30s --retries=3 CMD ["frontwire", "doctor"]
ENTRYPOINT ["frontwire"]
CMD ["--help"]
