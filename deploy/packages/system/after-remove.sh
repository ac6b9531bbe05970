#!/bin/sh
# After removal the state stays: what the server has not acknowledged, and the host's identity.
# Only `purge` takes it away. An .rpm knows no purge; the line below says what to do.
set -e

case "$1" in
remove | 0)
    echo "kashi-agent: /var/lib/kashi-agent stays (identity, reports not yet delivered)." >&2
    ;;
purge)
    rm -rf /var/lib/kashi-agent /var/lib/kashi-relay
    rmdir /etc/kashi 2>/dev/null || true
    if getent passwd kashi-agent >/dev/null; then userdel kashi-agent; fi
    ;;
*) exit 0 ;;
esac

if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
