# lakefm in 100 MB or so: one program on Debian's small image. docker build -t lakefm .
FROM debian:12 AS build
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends make ca-certificates git >/dev/null
WORKDIR /src
# The dependencies first: they change seldom.
COPY scripts/deps.sh scripts/deps.sh
COPY deps/go.mod deps/go.sum deps/
RUN scripts/deps.sh && touch deps/.done
COPY Makefile VERSION ./
COPY scripts scripts
COPY contracts contracts
COPY dbt dbt
COPY dashboards dashboards
COPY examples examples
COPY src src
RUN touch deps/.done && make -s -j"$(nproc)" build/lakefm && strip build/lakefm

FROM debian:12-slim
RUN apt-get update -qq && apt-get install -y -qq --no-install-recommends ca-certificates libcurl4 libgnutls30 libisal2 >/dev/null \
    && rm -rf /var/lib/apt/lists/* && useradd --create-home --uid 10001 lakefm
COPY --from=build /src/build/lakefm /usr/local/bin/lakefm
USER lakefm
WORKDIR /home/lakefm
ENTRYPOINT ["lakefm"]
CMD ["--help"]
