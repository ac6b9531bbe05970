"""Whatever happens to a host, in any order, its books agree with a naive model."""

from host_machine import HostMachine
from hypothesis import HealthCheck, settings

TestHost = HostMachine.TestCase
TestHost.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
