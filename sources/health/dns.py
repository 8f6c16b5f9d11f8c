"""One DNS question over UDP (RFC 1035), and what the answer says."""

from __future__ import annotations

import asyncio
import secrets
import struct
from collections.abc import Sequence

from console.domain.values import dataclass
from sources.base import SourceGarbage

TRIES = 2
"""UDP loses packets; the question is sent again after half the time."""
CODES = {
    1: "the question was not understood",
    2: "server failure",
    3: "no such name",
    4: "not implemented",
    5: "refused",
}
MOST_BYTES = 4096
QUERY_FLAGS = 0x0100
"""Recursion desired."""


@dataclass(frozen=True, slots=True)
class DnsAnswer:
    """What a server said."""

    code: int
    """0: no error; the others are those of RFC 1035."""
    answers: int

    @property
    def failure(self) -> str:
        """What is wrong in words; empty for a good answer."""
        if self.code:
            return CODES.get(self.code, f"error {self.code}")
        return "" if self.answers else "the name has no such record"


def query(number: int, name: str, record: int) -> bytes:
    """The packet of a question."""
    labels = [label.encode("ascii" if label.isascii() else "idna") for label in name.split(".")]
    question = b"".join(bytes([len(label)]) + label for label in labels) + b"\0"
    return struct.pack("!6H", number, QUERY_FLAGS, 1, 0, 0, 0) + question + struct.pack("!2H", record, 1)


def read(packet: bytes, asked: bytes) -> DnsAnswer:
    """The answer in a packet.

    Raises:
        SourceGarbage: It is no answer to what was asked.
    """
    if len(packet) < 12:
        raise SourceGarbage("the DNS answer is cut")
    number, flags, questions, answers, _, _ = struct.unpack("!6H", packet[:12])
    if packet[:2] != asked[:2] or not flags & 0x8000:
        raise SourceGarbage(f"the DNS packet {number} is no answer to ours")
    if questions == 1 and packet[12 : len(asked)].lower() != asked[12:].lower():
        raise SourceGarbage("the DNS answer is to another question")
    return DnsAnswer(flags & 0xF, answers)


class _Listener(asyncio.DatagramProtocol):
    def __init__(self, asked: bytes) -> None:
        self._asked = asked
        self.answer: asyncio.Future[DnsAnswer] = asyncio.get_running_loop().create_future()

    def datagram_received(self, data: bytes, addr: object) -> None:
        try:
            answer = read(data[:MOST_BYTES], self._asked)
        except SourceGarbage:
            return  # a late answer to an earlier question, or a forgery: the real one may still come
        if not self.answer.done():
            self.answer.set_result(answer)

    def error_received(self, exc: Exception) -> None:
        if not self.answer.done():
            self.answer.set_exception(exc)


async def ask(addresses: Sequence[str], port: int, name: str, record: int, deadline_s: float) -> DnsAnswer:
    """Ask the first address that can be asked.

    Raises:
        OSError: Nothing listens there.
        TimeoutError: No answer in time.
    """
    packet = query(secrets.randbelow(1 << 16), name, record)
    loop = asyncio.get_running_loop()
    transport, listener = await loop.create_datagram_endpoint(
        lambda: _Listener(packet), remote_addr=(addresses[0], port)
    )
    try:
        async with asyncio.timeout(deadline_s):
            while True:
                transport.sendto(packet)
                done, _ = await asyncio.wait([listener.answer], timeout=deadline_s / TRIES)
                if done:
                    return listener.answer.result()
    finally:
        transport.close()
        listener.answer.cancel()
