"""The gRPC edge: metering and enrolment ports."""
