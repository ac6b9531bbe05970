#!/bin/sh
# Before removal, not before an upgrade: stop and disable the units.
set -e

case "$1" in remove | 0) ;; *) exit 0 ;; esac

if [ -d /run/systemd/system ]; then
    systemctl disable --now kashi-meter.service kashi-agent.service kashi-relay.service || true
fi
