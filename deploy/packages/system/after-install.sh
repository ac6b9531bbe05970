#!/bin/sh
# After unpacking: the agent's user and its state folder. Nothing starts that did not run before:
# an installed host waits for `kashi-agent enrol`.
set -e

case "$1" in abort-*) exit 0 ;; esac

if ! getent passwd kashi-agent >/dev/null; then
    useradd --system --user-group --home-dir /var/lib/kashi-agent --no-create-home \
        --shell /usr/sbin/nologin --comment "Kashi agent" kashi-agent
fi
install -d -o kashi-agent -g kashi-agent -m 0700 /var/lib/kashi-agent

if [ -d /run/systemd/system ]; then
    systemctl daemon-reload
    systemctl try-restart kashi-agent.service kashi-meter.service kashi-relay.service ||
        echo "kashi-agent did not come back; see: journalctl -u kashi-agent" >&2
fi
