# One image that runs `serve`. Two stages: what builds stays behind.
FROM rust:1.95-slim-bookworm AS build
RUN apt-get update && apt-get install -y --no-install-recommends gcc g++ make && rm -rf /var/lib/apt/lists/*
WORKDIR /src
COPY . .
RUN --mount=type=cache,target=/usr/local/cargo/registry --mount=type=cache,target=/src/target \
    cargo build --release --locked --bin tocsin && cp target/release/tocsin /tocsin && strip /tocsin

FROM debian:bookworm-slim
RUN useradd --system --uid 10001 --no-create-home tocsin && install -d -o tocsin -g tocsin /data
COPY --from=build /tocsin /usr/local/bin/tocsin
USER tocsin
# The embedded store, unless TOCSIN_STORE names a database.
ENV TOCSIN_STORE=file:/data TOCSIN_LISTEN=0.0.0.0:8080
VOLUME /data
EXPOSE 8080
HEALTHCHECK --interval=10s --timeout=3s --start-period=10s CMD ["tocsin", "health"]
STOPSIGNAL SIGTERM
ENTRYPOINT ["tocsin"]
CMD ["serve"]
