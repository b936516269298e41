"""Our end of ZeroMQ's protocol against libzmq's, and against peers that do not keep to it."""

import socket
import struct
from select import select

import pytest
import zmq

from grader.execution.jupyter import Wire
from grader.execution.zmtp import Channel, ChannelClosed, Parts


@pytest.fixture
def libzmq(tmp_path):
    """Bind a libzmq socket of some kind and connect to it as our other kind."""
    context = zmq.Context()
    opened = []

    def pair(kind, ours, most_bytes=1 << 20):
        theirs = context.socket(kind)
        theirs.linger = 0
        theirs.bind(f"ipc://{tmp_path}/s{len(opened)}")
        plain = socket.socket(socket.AF_UNIX)
        plain.connect(f"{tmp_path}/s{len(opened)}")
        channel = Channel(plain, ours, most_bytes)
        opened.extend([theirs, channel])
        return theirs, channel

    yield pair
    for one in opened:
        one.close()
    context.term()


def received(channel, count):
    """Wait for so many messages."""
    found = []
    while len(found) < count:
        assert select([channel], [], [], 10)[0], "nothing came"
        found += list(channel.receive())
    return found


def test_a_conversation_with_a_router(libzmq):
    """Messages of several parts, short and long, go both ways unchanged."""
    router, dealer = libzmq(zmq.ROUTER, "DEALER")
    dealer.send([b"", b"a" * 10, b"b" * 1000])
    identity, *parts = router.recv_multipart()
    assert parts == [b"", b"a" * 10, b"b" * 1000]
    router.send_multipart([identity, b"x", b"y" * 300_000])
    assert received(dealer, 1) == [Parts((b"x", b"y" * 300_000), 300_001)]


def test_a_subscriber_hears_everything(libzmq):
    """A SUB channel subscribes to all topics."""
    publisher, channel = libzmq(zmq.XPUB, "SUB")
    assert publisher.recv() == b"\x01"
    publisher.send_multipart([b"topic", b"1"])
    publisher.send_multipart([b"other", b"2"])
    assert [message.parts for message in received(channel, 2)] == [(b"topic", b"1"), (b"other", b"2")]


def test_what_is_too_large_is_counted_and_thrown_away(libzmq):
    """Parts over the cap arrive as None with their size; the next message is whole again."""
    publisher, channel = libzmq(zmq.XPUB, "SUB", most_bytes=1000)
    publisher.recv()
    publisher.send_multipart([b"head", b"x" * 50_000_000, b"tail"])
    publisher.send_multipart([b"next"])
    first, second = received(channel, 2)
    assert first == Parts((b"head", None, b"tail"), 50_000_008)
    assert second.parts == (b"next",)


def test_a_message_without_end_does_not_grow():
    """Any number of parts of one message is held in bounded memory."""
    ours, theirs = socket.socketpair()
    with theirs:
        theirs.sendall(_handshake())
        channel = Channel(ours, "SUB", 10_000)
        for _ in range(200):
            theirs.sendall(b"\x01\x64" + b"x" * 100 + b"\x01\x64" + b"x" * 100)
            assert list(channel.receive()) == []
        assert len(channel._parts) <= 1000
        assert len(channel._buffer) < 10_000
        channel.close()


@pytest.mark.parametrize(
    "said",
    [
        b"HTTP/1.1 200 OK\r\n" * 10,
        b"",
        b"\xff" + bytes(8) + b"\x7f\x01" + bytes(53),
        b"\xff" + bytes(8) + b"\x7f\x03\x00CURVE" + bytes(47),
    ],
)
def test_another_protocol_is_refused(said):
    """A peer that does not speak ZMTP 3 without encryption is closed on."""
    ours, theirs = socket.socketpair()
    theirs.sendall(said)
    theirs.shutdown(socket.SHUT_WR)
    with theirs, ours, pytest.raises(ChannelClosed):
        Channel(ours, "DEALER", 100)


def test_the_peers_end_is_told():
    """A closed connection raises, whether reading or writing."""
    ours, theirs = socket.socketpair()
    theirs.sendall(_handshake())
    channel = Channel(ours, "DEALER", 100)
    theirs.close()
    with pytest.raises(ChannelClosed):
        list(channel.receive())
    with pytest.raises(ChannelClosed):
        channel.send([b"x"])
    channel.close()


def test_a_message_signed_with_another_key_has_no_content():
    """What carries no valid signature says nothing, but still counts."""
    message_id, parts = Wire("key").request("execute_reply", {"status": "ok"})
    forged = Parts(tuple(parts), 100)
    header, reply = parts[2], (b'{"msg_id": "%s"}' % message_id.encode())
    for wire, expected in ((Wire("key"), {"status": "ok"}), (Wire("other"), None)):
        found = wire.read(forged)
        assert (found.kind, found.content) == ("execute_reply", expected)
    assert Wire("key").read(Parts((*parts[:2], header, reply, *parts[4:]), 100)).content is None


@pytest.mark.parametrize(
    "parts",
    [
        (),
        (b"<IDS|MSG>",),
        (b"<IDS|MSG>", b"s", b"{}", b"[]", b"{}", b"{}"),
        (b"<IDS|MSG>", b"s", None, None, None, None),
    ],
)
def test_what_names_no_request_is_ignored(parts):
    """A message without a readable header or parent is nothing."""
    assert Wire("key").read(Parts(parts, 0)) is None


def _handshake():
    greeting = b"\xff" + bytes(8) + b"\x7f\x03\x00" + b"NULL".ljust(20, b"\0") + bytes(32)
    ready = b"\x05READY\x0bSocket-Type" + struct.pack(">I", 3) + b"PUB"
    return greeting + b"\x04" + bytes([len(ready)]) + ready
