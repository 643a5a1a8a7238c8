# Image of a worker for Flink's TaskManagers (docs/flink.md): the package with the versions the caller has, and Java with
# Flink beside it where the TaskManager itself runs in it. Build it from the root of the repository:
#   docker build -f deploy/worker.Dockerfile -t corpus-audit-worker .
FROM flink:1.19-java17
USER root
RUN apt-get update && apt-get install -y --no-install-recommends python3.11 python3.11-venv && rm -rf /var/lib/apt/lists/*
WORKDIR /opt/corpus-audit
COPY . .
RUN python3.11 -m venv .venv && .venv/bin/pip install --no-cache-dir -c constraints.txt ".[s3]"
ENV PATH=/opt/corpus-audit/.venv/bin:$PATH
USER flink
