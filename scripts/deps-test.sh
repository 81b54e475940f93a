#!/usr/bin/env bash
# What the tests need beside what building needs: Python with the other engines (in build/venv), clang for fuzzing, a JDK
# for Kafka, a browser for the page.
set -euo pipefail
cd "$(dirname "$0")/.."
# A JDK, Maven and kcat: the real Kafka broker (tests/services/kafka.sh) and what fills it.
packages=(python3 python3-venv clang-14 libclang-rt-14-dev curl openjdk-17-jdk-headless maven kcat)
# A browser, and what drives it: the page's tests (tests/web).
packages+=(chromium poppler-utils)
command -v node >/dev/null || packages+=(nodejs)
command -v npm >/dev/null || packages+=(npm)
missing=()
for p in "${packages[@]}"; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'install ok installed' && continue
    apt-cache show "$p" >/dev/null 2>&1 || { apt-get update -qq; }
    # another Debian has another clang: take the plain name
    if ! apt-cache show "$p" >/dev/null 2>&1; then
        case $p in clang-14) p=clang ;; libclang-rt-14-dev) p=libclang-rt-dev ;; openjdk-17-jdk-headless) p=default-jdk-headless ;; esac
    fi
    missing+=("$p")
done
if [ ${#missing[@]} -gt 0 ]; then
    root=()
    [ "$(id -u)" -eq 0 ] || root=(sudo)
    echo "deps: installing ${missing[*]}"
    export DEBIAN_FRONTEND=noninteractive
    "${root[@]}" apt-get update -qq
    "${root[@]}" apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
# environment FOLDER REQUIREMENTS
environment() {
    cmp -s "$2" "$1/requirements.txt" && return
    rm -rf "$1"
    mkdir -p build
    "${PYTHON:-python3}" -m venv "$1"
    "$1/bin/pip" install -q --disable-pip-version-check -r "$2"
    cp "$2" "$1/requirements.txt"
}
environment build/venv tests/requirements.txt
environment build/venv-dbt tests/requirements-dbt.txt
