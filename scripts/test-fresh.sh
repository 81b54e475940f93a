#!/usr/bin/env bash
# The set-up, proved where nothing of ours is: a bare Debian made by debootstrap, with git and make as a newcomer has them.
# `make demo` is the first command in one fresh clone, `make test` in another, and the program built there is copied
# alone into a second bare Debian, where it must run. Needs root and debootstrap.
#
#   FRESH_SUITE=bookworm     another Debian: trixie
#   FRESH_STEPS="demo copy test"
#   FRESH_DIR=               where the systems are made (default: a new folder below /var/tmp, removed at the end)
set -euo pipefail
cd "$(dirname "$0")/.."
suite=${FRESH_SUITE:-bookworm}
steps=${FRESH_STEPS:-demo copy test}
[ "$(id -u)" -eq 0 ] || { echo "test-fresh: debootstrap and chroot need root" >&2; exit 1; }
command -v debootstrap >/dev/null || { echo "test-fresh: install debootstrap" >&2; exit 1; }

dir=${FRESH_DIR:-$(mktemp -d /var/tmp/lakefm-fresh.XXXXXX)}
mkdir -p "$dir"
root=$dir/root bare=$dir/bare
cleanup() {
    for m in "$root" "$bare"; do
        for p in dev/shm dev/pts dev proc; do umount "$m/$p" 2>/dev/null || true; done
    done
    [ -n "${FRESH_DIR:-}" ] || rm -rf --one-file-system "$dir"
}
trap cleanup EXIT

# The way to the outside is the host's: names, certificates, proxies.
lend_network() {
    cp /etc/resolv.conf /etc/hosts "$1/etc/"
    mkdir -p "$1/usr/local/share/ca-certificates"
    cp /usr/local/share/ca-certificates/*.crt "$1/usr/local/share/ca-certificates/" 2>/dev/null || true
    [ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$1/etc/"
}
mount_system() {
    mount -t proc proc "$1/proc"
    mount --rbind /dev "$1/dev"
    mount --make-rslave "$1/dev"
}
mapfile -t lent < <(env | grep -E '^(PIP_|GO(PROXY|SUMDB|NOSUMDB|PRIVATE|FLAGS)|NPM_|npm_config_|SSL_CERT|REQUESTS_CA|CURL_CA|NODE_EXTRA|https?_proxy|HTTPS?_PROXY|no_proxy|NO_PROXY|TEST_SUITES|CI=)' || true)
inside() {
    local system=$1
    shift
    chroot "$system" env -i HOME=/root PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin LANG=C.UTF-8 \
        "${lent[@]}" bash -euc "$*" </dev/null
}
step() { echo "=== test-fresh: $*"; }

if [ ! -d "$root/etc" ]; then
    step "debootstrap $suite"
    debootstrap --variant=minbase "$suite" "$root" ${FRESH_MIRROR:+"$FRESH_MIRROR"} >"$dir/debootstrap.log" 2>&1 || { tail -n 5 "$dir/debootstrap.log" >&2; exit 1; }
    cp -a "$root" "$bare"
fi
lend_network "$root"
mount_system "$root"
git bundle create -q "$root/root/lakefm.bundle" HEAD
inside "$root" "apt-get update -qq; DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends git make ca-certificates >/dev/null
                git config --global init.defaultBranch main; git config --global advice.detachedHead false"

passed=0
for s in $steps; do
    step "$s"
    case $s in
    demo)
        inside "$root" "rm -rf first; cd; git clone -q lakefm.bundle first; cd first; git checkout -q \$(git bundle list-heads ../lakefm.bundle | cut -d' ' -f1); make demo" | tee "$dir/demo.log"
        grep -q 'Top songs' "$dir/demo.log" || { echo "test-fresh: make demo printed no gold tables" >&2; exit 1; }
        ;;
    copy)
        install -m 755 "$root/root/first/build/lakefm" "$bare/usr/local/bin/lakefm"
        mountpoint -q "$bare/proc" || mount -t proc proc "$bare/proc"
        inside "$bare" "cd /root; lakefm --lake lake demo --users 100; lakefm --lake lake audit"
        ;;
    test)
        inside "$root" "cd; rm -rf second; git clone -q lakefm.bundle second; cd second; git checkout -q \$(git bundle list-heads ../lakefm.bundle | cut -d' ' -f1); make test" | tee "$dir/test.log"
        ;;
    *) echo "test-fresh: no step $s" >&2; exit 1 ;;
    esac
    passed=$((passed + 1))
done
echo "$passed passed, 0 failed"
