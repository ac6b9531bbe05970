#!/bin/sh
# Installs kashi-agent from this folder, without a network. 离线安装 kashi-agent。
#
#   ./install.sh [--python PROGRAM]   install, or upgrade: settings, identity and reports are kept
#   ./install.sh --remove             stop and remove; settings, identity and reports are kept
#   ./install.sh --purge              remove everything, also what was never delivered
#
# Exit codes: 0 done · 1 something is missing, named in the last line · 2 wrong command line.
set -eu
cd "$(dirname "$0")"

home=/opt/kashi-agent
units=/usr/lib/systemd/system
generators=/usr/lib/systemd/system-generators
hooks=/usr/libexec/kashi
machine=$(cat MACHINE)
python=

fail() {
    echo "install.sh: $*" >&2
    exit 1
}

usable() { # a Python the wheels are for
    "$1" -c 'import sys, venv; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 14))' 2>/dev/null
}

find_python() {
    if [ -n "$python" ]; then
        usable "$python" || fail "$python is not Python 3.11 to 3.14 with its module venv"
        return
    fi
    for python in python3.14 python3.13 python3.12 python3.11 python3; do
        if usable "$python"; then return; fi
    done
    fail "no Python 3.11 to 3.14 on this host; install one, or name it: ./install.sh --python PROGRAM"
}

check() {
    [ "$(id -u)" = 0 ] || fail "run it as root"
    [ "$(uname -m)" = "$machine" ] || fail "this bundle is for $machine, this host is $(uname -m)"
    sha256sum --check --quiet --strict SHA256SUMS || fail "this folder is damaged; unpack it anew"
    libc=$(getconf GNU_LIBC_VERSION 2>/dev/null) || fail "this host has no GNU C library"
    oldest=$(printf '%s\nglibc 2.28\n' "$libc" | sort -V | head -n 1)
    [ "$oldest" = "glibc 2.28" ] || fail "this host has $libc; 2.28 or later is needed"
}

restore() { # whatever went wrong, the agent that was there runs on
    if [ -d "$home.before" ]; then
        rm -rf "$home"
        mv "$home.before" "$home"
    fi
}

install_home() {
    rm -rf "$home.before"
    trap restore EXIT
    if [ -d "$home" ]; then mv "$home" "$home.before"; fi
    "$python" -m venv --without-pip "$home"
    "$home/bin/python" -I "$(echo "$PWD"/wheels/pip-*.whl)/pip" install --quiet --no-index \
        --disable-pip-version-check --no-cache-dir --find-links wheels kashi-agent
    "$home/bin/kashi-agent" version >/dev/null ||
        fail "the agent does not start here, as said above; it needs libstdc++.so.6 of the host"
    trap - EXIT
    rm -rf "$home.before"
    ln -sf "$home/bin/kashi-agent" "$home/bin/kashi-meter" /usr/bin/
}

install_files() {
    install -d -m 0755 /etc/kashi
    if [ ! -e /etc/kashi/agent.toml ]; then
        install -m 0644 agent.toml /etc/kashi/agent.toml
    elif ! cmp -s agent.toml /etc/kashi/agent.toml; then
        install -m 0644 agent.toml /etc/kashi/agent.toml.new
        echo "kept /etc/kashi/agent.toml; this version's defaults: /etc/kashi/agent.toml.new"
    fi
    brought | while read -r file; do
        mode=0644
        if [ -x "root$file" ]; then mode=0755; fi
        install -D -m "$mode" "root$file" "$file"
    done
}

brought() { # the files beside the programs, as they stand on the host
    (cd root && find . -type f | cut -c 2-)
}

remove() { # $1: remove or purge
    [ "$(id -u)" = 0 ] || fail "run it as root"
    ./before-remove.sh remove
    rm -rf "$home" /usr/share/doc/kashi-agent /usr/libexec/kashi
    rm -f /usr/bin/kashi-agent /usr/bin/kashi-meter
    brought | while read -r file; do rm -f "$file"; done
    if [ "$1" = purge ]; then rm -f /etc/kashi/agent.toml /etc/kashi/agent.toml.new; fi
    ./after-remove.sh "$1"
}

case "${1-}" in
--remove) remove remove && exit 0 ;;
--purge) remove purge && exit 0 ;;
--python)
    [ $# -eq 2 ] || { echo "install.sh: --python names a program" >&2 && exit 2; }
    python=$2
    ;;
"") ;;
*)
    echo "usage: install.sh [--python PROGRAM | --remove | --purge]" >&2
    exit 2
    ;;
esac

check
find_python
install_home
install_files
./after-install.sh configure
echo "Installed. Next: sudo -u kashi-agent kashi-agent enrol --server HOST:PORT --token-file -"
echo "安装完成。下一步：以 kashi-agent 用户登记本机（如上）。"
