"""HTTP below the client: what a route gets, and connections that end in other ways."""

import socket

import pytest

from zoo.testing.hub_faults import Faults
from zoo.testing.hub_server import Listener
from zoo.testing.hub_site import Answer, Refused, Route, Site
from zoo.testing.hub_store import Store


def echo(site, call):
    return Answer(200, {"X-Part": call.parts.get("part", "")}, call.method.encode() + b" " + call.body)


def refuse(site, call):
    raise Refused(418, "a message\nof two lines, and a sign: \u2603", "Teapot")


ROUTES = [
    Route("GET", r"/refuse", refuse),
    Route("GET", r"/(?P<part>[^/]+)", echo),
    Route("PUT", r"/(?P<part>[^/]+)", echo),
]


@pytest.fixture
def listener():
    listener = Listener(0, Site(Store(), {}, 1, 1, 1), ROUTES, Faults(), [])
    yield listener
    listener.close()


def talk(listener, sent):
    """Everything that comes back until the connection ends."""
    with socket.create_connection(listener.server_address) as connection:
        connection.sendall(sent)
        connection.shutdown(socket.SHUT_WR)
        told = b""
        while piece := connection.recv(65536):
            told += piece
    return told


def test_parts_of_the_path_are_unquoted_one_by_one(listener):
    told = talk(listener, b"GET /a%2Fb%20c?secret=1 HTTP/1.1\r\n\r\n")
    assert b"X-Part: a/b c\r\n" in told
    assert listener.requests == [("GET", "/a%2Fb%20c")]
    assert b" 404 " in talk(listener, b"GET /a/b HTTP/1.1\r\n\r\n")


def test_head_is_get_without_the_body(listener):
    told = talk(listener, b"HEAD /a HTTP/1.1\r\n\r\n")
    assert b"Content-Length: 5\r\n" in told  # "HEAD "
    assert told.endswith(b"\r\n\r\n")


def test_bodies_come_by_length_and_in_chunks(listener):
    plain = b"PUT /a HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello"
    chunked = b"PUT /a HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n"
    told = talk(listener, plain + chunked + plain)  # one connection
    assert told.count(b"PUT hello") == 3


def test_a_body_that_stays_behind_is_not_taken_for_whole(listener):
    assert talk(listener, b"PUT /a HTTP/1.1\r\nContent-Length: 50\r\n\r\nhello") == b""


def test_refusals_fit_into_headers(listener):
    told = talk(listener, b"GET /refuse HTTP/1.1\r\n\r\n")
    assert told.startswith(b"HTTP/1.1 418 ")
    assert b"X-Error-Message: a message of two lines, and a sign: ?\r\n" in told
    assert b"X-Error-Code: Teapot\r\n" in told


def test_other_methods_are_unknown(listener):
    assert b" 501 " in talk(listener, b"PATCH /a HTTP/1.1\r\n\r\n")


def test_nothing_is_printed(listener, capfd):
    talk(listener, b"GET /a HTTP/1.1\r\nAuthorization: Bearer hf_secret\r\n\r\n")
    talk(listener, b"nonsense\r\n\r\n")
    listener.close()
    listener.close = lambda: None
    assert capfd.readouterr() == ("", "")
