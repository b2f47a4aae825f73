# One stage a service: docker build --target ingest|processor|console|up .
FROM python:3.11.14-slim-bookworm AS build
WORKDIR /build
RUN ["python", "-m", "venv", "/opt/contactfold"]
ENV PATH=/opt/contactfold/bin:$PATH PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
# Dependencies come first and by their hashes: a change of our own code builds on this layer.
COPY requirements.lock ./
RUN ["pip", "install", "--require-hashes", "-r", "requirements.lock"]
COPY pyproject.toml README.md ./
COPY shared shared
COPY services services
COPY cli cli
RUN ["pip", "install", "--no-deps", "--no-build-isolation", "."]

FROM python:3.11.14-slim-bookworm AS runtime
RUN ["useradd", "--uid", "10001", "--create-home", "--home-dir", "/var/lib/contactfold", "contactfold"]
COPY --from=build /opt/contactfold /opt/contactfold
ENV PATH=/opt/contactfold/bin:$PATH \
    PYTHONUNBUFFERED=1 \
    CONTACTFOLD_HOST=0.0.0.0 \
    CONTACTFOLD_PORT=8080 \
    CONTACTFOLD_DATA_DIR=/var/lib/contactfold
USER 10001
WORKDIR /var/lib/contactfold
EXPOSE 8080
STOPSIGNAL SIGTERM
HEALTHCHECK --interval=10s --timeout=5s --start-period=20s --retries=3 CMD ["python", "-m", "contactfold.health"]

FROM runtime AS ingest
CMD ["contactfold", "ingest"]

FROM runtime AS processor
CMD ["contactfold", "processor"]

FROM runtime AS console
CMD ["contactfold", "console"]

# The last stage is what a plain `docker build .` makes: everything in one process, on one volume.
FROM runtime AS up
VOLUME ["/var/lib/contactfold"]
CMD ["contactfold", "up"]
