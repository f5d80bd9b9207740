"""Loaded by every Python process of a test: any address but this machine is an error."""

import ipaddress
import socket

_connect, _lookup = socket.socket.connect, socket.getaddrinfo


def _is_here(host: object) -> bool:
    name = host.decode() if isinstance(host, bytes) else str(host)
    if name in ("", "localhost", "None"):
        return True
    try:
        address = ipaddress.ip_address(name.split("%")[0])
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified


def connect(self: socket.socket, address: object) -> None:
    if self.family in (socket.AF_INET, socket.AF_INET6) and not _is_here(address[0]):  # type: ignore[index]
        raise AssertionError(f"a test reached for the network: {address!r}")
    _connect(self, address)  # type: ignore[arg-type]


def getaddrinfo(host: object, *rest: object, **named: object) -> object:
    if str(host).strip("b'").endswith(".invalid"):
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")  # what every resolver says of this ending
    if not _is_here(host):
        raise AssertionError(f"a test looked up a name: {host!r}")
    return _lookup(host, *rest, **named)  # type: ignore[arg-type]


socket.socket.connect = connect  # type: ignore[method-assign,assignment]
socket.getaddrinfo = getaddrinfo  # type: ignore[assignment]
