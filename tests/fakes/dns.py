"""A name server on loopback that answers one name as it is told: with an address, with a refusal, or not at all."""

import asyncio
import ipaddress
import struct
from enum import IntEnum
from typing import Any, Self

_A = 1
_TYPE_AND_CLASS = 4
_HEADER = 12
_RECURSION = 0x0180
_RESPONSE = 0x8000


class Code(IntEnum):
    """What an answer says (RFC 1035 section 4.1.1)."""

    WELL = 0
    SERVER_FAILURE = 2
    NO_SUCH_NAME = 3


class FakeDns(asyncio.DatagramProtocol):
    """Answers every question about an IPv4 address with `address`, about others with nothing; `asked` counts."""

    def __init__(self, host: str) -> None:
        """Listens on port 53 of `host`, which wants root."""
        self.host = host
        self.address = "127.0.0.1"
        self.code = Code.WELL
        self.is_silent = False
        self.asked = 0
        self._transport: Any = None  # no class of its own is promised

    async def __aenter__(self) -> Self:
        """Begins."""
        await asyncio.get_running_loop().create_datagram_endpoint(lambda: self, local_addr=(self.host, 53))
        return self

    async def __aexit__(self, *_: object) -> None:
        """Ends."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ready."""
        self._transport = transport

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        """One question."""
        self.asked += 1
        if self.is_silent or self._transport is None:
            return
        end = data.index(b"\0", _HEADER) + 1 + _TYPE_AND_CLASS
        (kind,) = struct.unpack("!H", data[end - _TYPE_AND_CLASS : end - 2])
        has_answer = self.code is Code.WELL and kind == _A
        head = data[:2] + struct.pack("!HHHHH", _RESPONSE | _RECURSION | self.code, 1, has_answer, 0, 0)
        answer = b""
        if has_answer:
            # The name is that of the question; nothing is to be kept.
            answer = struct.pack("!HHHIH", 0xC000 | _HEADER, _A, 1, 0, 4)
            answer += ipaddress.IPv4Address(self.address).packed
        self._transport.sendto(head + data[_HEADER:end] + answer, addr)
