"""The agent's packages: `.deb` and `.rpm` for x86-64, a bundle of wheels for aarch64."""
