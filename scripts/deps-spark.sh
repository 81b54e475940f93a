#!/usr/bin/env bash
# What the tests with Spark need: Java 17 or newer and Maven (apt), Python packages in build/venv-spark (VENV_SPARK for
# another place), and a few jars in $SERVICES_HOME/spark-<hash of spark_pom.xml>. Prints the folder of the jars.
set -euo pipefail
cd "$(dirname "$0")/.."
packages=()
command -v java >/dev/null || packages+=(openjdk-17-jre-headless)
command -v mvn >/dev/null || packages+=(maven)
python3 -c 'import ensurepip' 2>/dev/null || packages+=(python3-venv)
if [ ${#packages[@]} -gt 0 ]; then
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    export DEBIAN_FRONTEND=noninteractive
    "${root[@]}" apt-get update -qq >&2
    "${root[@]}" apt-get install -y -qq --no-install-recommends "${packages[@]}" >&2
fi
venv=${VENV_SPARK:-build/venv-spark}
if ! cmp -s tests/cluster/requirements.txt "$venv/requirements.txt"; then
    rm -rf "$venv"
    mkdir -p "$(dirname "$venv")"
    python3 -m venv "$venv" >&2
    "$venv/bin/pip" install -q --disable-pip-version-check -r tests/cluster/requirements.txt >&2
    cp tests/cluster/requirements.txt "$venv/requirements.txt"
fi
home=${SERVICES_HOME:-$HOME/.cache/lakefm-services}
jars=$home/spark-$(sha256sum tests/cluster/spark_pom.xml | cut -c1-12)
if [ ! -d "$jars" ]; then
    mkdir -p "$home"
    rm -rf "$jars.part"
    mvn -B -q -f tests/cluster/spark_pom.xml "-Dout=$jars.part" generate-resources >&2
    mv "$jars.part" "$jars"
fi
echo "$jars"
