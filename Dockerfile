# syntax=docker/dockerfile:1
# One image that runs `tocsin`, and `tocsin serve` when nothing else is said:
#
#     docker build --tag tocsin .
#     docker run --publish 127.0.0.1:8080:8080 --volume tocsin:/data tocsin
#
# `compose.yaml` runs it with a MongoDB.

FROM rust:1.95-slim-bookworm AS build
WORKDIR /build
COPY . .
# What was fetched and built stays in caches of the builder: a change of ours builds ours only. They are no part of any
# image, so the program leaves them in the same step.
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/build/target \
    cargo build --release --locked --package tocsin --bin tocsin \
    && install -D target/release/tocsin /image/usr/local/bin/tocsin \
    && install -d /image/data

# glibc of the same Debian, certificates of public authorities, and nothing to log in with.
FROM gcr.io/distroless/cc-debian12:nonroot
COPY --from=build --chown=65532:65532 /image/data /data
COPY --from=build /image/usr /usr
ENV TOCSIN_STORE=file:/data TOCSIN_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
# Asks at $TOCSIN_LISTEN, so a server that is to listen elsewhere is told by the environment rather than by a flag.
HEALTHCHECK --interval=10s --timeout=6s --start-period=30s --retries=3 CMD ["tocsin", "health"]
ENTRYPOINT ["tocsin"]
CMD ["serve"]
