"""The commands of `kashi-agent`, one a file: each adds its arguments and runs."""
