# Spark with the platform in it: master, workers, and the windows that are computed as events come. The jars are those of infra/spark.
# checkov:skip=CKV_DOCKER_2:Who runs it says how it is found well, in compose.yaml: each service in its own way
FROM maven:3.9.11-eclipse-temurin-17 AS jars
COPY infra/spark/pom.xml /build/pom.xml
RUN mvn --batch-mode --quiet -f /build/pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory=/opt/spark-jars

FROM python:3.11.14-slim-bookworm

ENV PIP_DISABLE_PIP_VERSION_CHECK=1 \
    PIP_NO_CACHE_DIR=1 \
    PYTHONUNBUFFERED=1

# hadolint ignore=DL3008
RUN apt-get update \
 && apt-get install --yes --no-install-recommends openjdk-17-jre-headless procps \
 && rm -rf /var/lib/apt/lists/* \
 && useradd --create-home --uid 10001 platform \
 && install --directory --owner=platform --group=platform /var/lib/event-platform /var/lib/event-platform/streams

WORKDIR /opt/event-platform
COPY constraints.txt setup.py pyproject.toml README.md ./
RUN mkdir event_platform \
 && touch event_platform/__init__.py \
 && pip install -c constraints.txt '.[aws,kafka,postgres,spark]'
COPY event_platform ./event_platform
RUN pip install --no-deps --force-reinstall . \
 && rm -rf build ./*.egg-info
COPY --from=jars /opt/spark-jars /opt/spark-jars

ENV EVENT_PLATFORM_HOME=/var/lib/event-platform \
    EVENT_PLATFORM_SPARK_JARS=/opt/spark-jars \
    PYSPARK_PYTHON=python3
USER 10001
VOLUME ["/var/lib/event-platform", "/tmp"]
CMD ["spark-class", "org.apache.spark.deploy.master.Master", "--host", "0.0.0.0", "--port", "7077", "--webui-port", "8090"]
