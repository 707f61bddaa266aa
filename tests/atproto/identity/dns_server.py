"""A DNS server on this machine's loopback: what it says, a table decides."""

import socket
import socketserver
import struct
import threading
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Final

import dns.flags
import dns.message
import dns.rcode
import dns.rrset

SILENT: Final = "silent"
GARBAGE: Final = "garbage"
TRUNCATED: Final = "truncated"  # over UDP; TCP has it all

Texts = Sequence[str]
Said = Texts | dns.rcode.Rcode | str


@dataclass
class Dns:
    """What it says of a name: TXT records (each `|` begins a new string of one), an error code, or misbehaviour.

    A truncated answer is followed by what `whole` has; what the table does not hold does not exist.
    """

    says: Mapping[str, Said] = field(default_factory=dict[str, Said])
    whole: Texts = ()
    address: str = ""
    asked: list[str] = field(default_factory=list[str])

    def answer(self, query: bytes, *, over_tcp: bool = False) -> bytes | None:
        message = dns.message.from_wire(query)
        name = message.question[0].name.to_text().rstrip(".")
        self.asked.append(f"{name} over TCP" if over_tcp else name)
        reply = dns.message.make_response(message)
        said = self.says.get(name, dns.rcode.NXDOMAIN)
        if said == SILENT:
            return None
        if said == GARBAGE:
            return query[:2] + bytes.fromhex("8180 0001 0001 0000 0000 ffff")  # a header, and no more
        if said == TRUNCATED and not over_tcp:
            reply.flags |= dns.flags.TC
            return reply.to_wire()
        texts = self.whole if said == TRUNCATED else said
        if isinstance(texts, dns.rcode.Rcode):
            reply.set_rcode(texts)
        elif texts:
            quoted = (" ".join(f'"{part}"' for part in text.split("|")) for text in texts)
            reply.answer.append(dns.rrset.from_text_list(message.question[0].name, 60, "IN", "TXT", list(quoted)))
        return reply.to_wire()


Handler = type[socketserver.BaseRequestHandler]


def on_one_port(
    listening: ExitStack, over_udp: Handler, over_tcp: Handler
) -> tuple[socketserver.UDPServer, socketserver.TCPServer]:
    """Both servers; a port that is free for the one may be taken for the other."""
    for _ in range(100):
        tcp = listening.enter_context(socketserver.TCPServer(("127.0.0.1", 0), over_tcp))
        with suppress(OSError):
            return listening.enter_context(socketserver.UDPServer(tcp.server_address, over_udp)), tcp
    raise RuntimeError("no port is free for both")


@contextmanager
def dns_server(says: Mapping[str, Said] | None = None, whole: Texts = ()) -> Generator[Dns]:
    """A server on UDP and TCP, on one free port."""
    told = Dns(says or {}, whole)

    class OverUdp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            query, way = self.request
            reply = told.answer(query)
            if reply is not None:
                way.sendto(reply, self.client_address)

    class OverTcp(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            (length,) = struct.unpack("!H", self.request.recv(2, socket.MSG_WAITALL))
            reply = told.answer(self.request.recv(length, socket.MSG_WAITALL), over_tcp=True)
            if reply is not None:
                self.request.sendall(struct.pack("!H", len(reply)) + reply)

    with ExitStack() as listening:
        udp, tcp = on_one_port(listening, OverUdp, OverTcp)
        told.address = f"127.0.0.1:{udp.server_address[1]}"
        threads = [threading.Thread(target=server.serve_forever, args=(0.02,)) for server in (udp, tcp)]
        for thread in threads:
            thread.start()
        try:
            yield told
        finally:
            for server in (udp, tcp):
                server.shutdown()
            for thread in threads:
                thread.join()
