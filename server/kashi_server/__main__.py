"""`python -m kashi_server`: the same as `kashi-server`."""

from kashi_server.cli import main

main()
