"""The enrolment port: translates calls to `services.enrolment` and answers in the contract's words.

Callers are strangers until they have shown a token or a report key: messages are small, tries are
bounded, and a refusal is a sentence that the agent shows to its sysadmin.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import Executor
from typing import Any, Final, TypeVar

import grpc
from kashi.v1 import enrolment_pb2, enrolment_pb2_grpc

from kashi_server.errors import InvalidValue, Refused
from kashi_server.ingest.throttle import Throttle, address_of
from kashi_server.services.enrolment import Enrolled, Enrolment
from kashi_server.services.introducing import Greeting, introduction_of, response_of

MESSAGE_BYTES_MAX: Final = 16 * 1024
"""A message on the enrolment port."""

_LOG = logging.getLogger(__name__)
_Answer = TypeVar("_Answer")
_Context = grpc.aio.ServicerContext[Any, Any]


class EnrolmentServicer(enrolment_pb2_grpc.EnrolmentServiceServicer):
    """Answers Enrol, Challenge and Recover.

    Args:
        enrolment: the service.
        greeting: what new hosts are told; asked when it is told, because the metering port may
            get its number from the system.
        throttle: bounds tries.
        executor: where the database is waited for.
    """

    def __init__(
        self,
        enrolment: Enrolment,
        greeting: Callable[[], Greeting],
        throttle: Throttle,
        executor: Executor,
    ) -> None:
        self._enrolment = enrolment
        self._greeting = greeting
        self._throttle = throttle
        self._executor = executor

    async def Enrol(  # noqa: N802 - named by the contract
        self, request: enrolment_pb2.EnrolRequest, context: _Context
    ) -> enrolment_pb2.EnrolResponse:
        """Consume a token."""
        enrolled = await self._answer(context, lambda: self._enrol(request))
        return response_of(enrolled, self._greeting())

    async def Challenge(  # noqa: N802 - named by the contract
        self, request: enrolment_pb2.ChallengeRequest, context: _Context
    ) -> enrolment_pb2.ChallengeResponse:
        """Give out a nonce."""
        nonce = await self._answer(context, lambda: self._enrolment.challenge(request.host_id))
        return enrolment_pb2.ChallengeResponse(nonce=nonce)

    async def Recover(  # noqa: N802 - named by the contract
        self, request: enrolment_pb2.RecoverRequest, context: _Context
    ) -> enrolment_pb2.RecoverResponse:
        """Give a known host its next certificate."""
        chain = await self._answer(
            context,
            lambda: self._enrolment.recover(
                request.host_id, request.csr, request.nonce, request.signature
            ),
        )
        return enrolment_pb2.RecoverResponse(certificate_chain=chain)

    def _enrol(self, request: enrolment_pb2.EnrolRequest) -> Enrolled:
        return self._enrolment.enrol(introduction_of(request))

    async def _answer(self, context: _Context, call: Callable[[], _Answer]) -> _Answer:
        address = address_of(context.peer())
        if not self._throttle.take(address):
            await context.abort(
                grpc.StatusCode.RESOURCE_EXHAUSTED,
                "尝试次数过多，请几分钟后再试。too many tries; wait a few minutes and try again",
            )
        try:
            answer = await asyncio.get_running_loop().run_in_executor(self._executor, call)
        except InvalidValue as error:
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, str(error))
        except Refused as error:
            _LOG.warning("refused a call on the enrolment port from %s: %s", address, error)
            await context.abort(grpc.StatusCode.PERMISSION_DENIED, str(error))
        self._throttle.give_back(address)
        return answer
