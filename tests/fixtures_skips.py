"""What was skipped is printed; where everything is installed, only a missing GPU excuses."""

import pytest

SKIPPED: dict[str, str] = {}
GPU_TESTS: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the option that continuous integration uses."""
    parser.addoption(
        "--only-gpu-may-skip",
        action="store_true",
        help="fail when a test that needs no GPU was skipped",
    )


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Remember each skipped test with its reason, and which of them need a GPU.

    All of it from the report: where tests are shared among processes, nothing else arrives.
    """
    if report.skipped and not hasattr(report, "wasxfail"):
        if "gpu" in report.keywords:
            GPU_TESTS.add(report.nodeid)
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
        SKIPPED[report.nodeid] = reason


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run when something was skipped that should not have been."""
    if session.config.getoption("--only-gpu-may-skip") and set(SKIPPED) - GPU_TESTS:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print the skipped set."""
    terminalreporter.section("skipped")
    for nodeid, reason in sorted(SKIPPED.items()):
        excuse = "" if nodeid in GPU_TESTS else " (needs no GPU)"
        terminalreporter.write_line(f"{nodeid}{excuse}: {reason}")
    terminalreporter.write_line(
        f"{len(SKIPPED)} skipped, {len(set(SKIPPED) - GPU_TESTS)} without a GPU's excuse"
    )
