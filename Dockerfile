# docker build -t twisted-router .
#
# BASE is any image with python3 (3.11 or later) and its venv module. Without a way
# to a package index, put wheels of the dependencies, of setuptools and of wheel into
# the folder wheels/ beforehand; pip then asks nobody:
#   pip wheel --wheel-dir wheels . setuptools wheel
ARG BASE=python:3.11-slim

FROM ${BASE} AS build
COPY . /src/
RUN python3 -m venv /opt/twisted-router
ENV PATH=/opt/twisted-router/bin:${PATH}
RUN if [ -d /src/wheels ]; then offline="--no-index --find-links /src/wheels"; fi \
    && pip install --no-cache-dir --disable-pip-version-check ${offline} /src \
    # The user that runs the router cannot write Twisted's cache of plugins. Layers keep
    # whole seconds, and a cache no younger than a plugin counts as stale: so wait one.
    && sleep 1 \
    && python -c 'from twisted.plugin import IPlugin, getPlugins; list(getPlugins(IPlugin))'

FROM ${BASE}
RUN groupadd --system --gid 10001 router \
    && useradd --system --uid 10001 --gid 10001 --no-create-home --shell /usr/sbin/nologin router \
    # For consul.snapshot; a volume there outlives the container.
    && install --directory --owner=router --group=router --mode=0700 /var/lib/twisted-router
COPY --from=build /opt/twisted-router /opt/twisted-router
COPY etc/docker/ /etc/twisted-router/
ENV PATH=/opt/twisted-router/bin:${PATH} \
    PYTHONUNBUFFERED=1 \
    HEALTH_URL=http://127.0.0.1:8082/health
USER router
EXPOSE 8081 8082
HEALTHCHECK --interval=10s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import os, urllib.request as r; r.urlopen(os.environ['HEALTH_URL'], timeout=4)"]
# Exec form: twistd is process 1 and gets docker stop's SIGTERM itself. It ends with
# status 0 then.
ENTRYPOINT ["twistd", "--nodaemon", "--pidfile=", "router"]
CMD ["--config", "/etc/twisted-router/router.yml"]
