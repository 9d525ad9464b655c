"""The least that a verified pull can be in Python: sockets, SHA-256, files, three threads, and nothing else.

`python -I -S bare.py HOST REPOSITORY TAG DIRECTORY`. No errors, no redirects, no tokens, no resuming, no care for names.
It is the floor under the figures of ocictl: what this takes, no program written in Python can save.
"""

import hashlib
import json
import os
import socket
import sys
import threading

BUFFER = 1 << 20
THREADS = 3


def get(connection: socket.socket, host: str, path: str) -> tuple[bytes, int]:
    """Ask for something; return what came of its body with the head, and its length."""
    accept = "application/vnd.oci.image.manifest.v1+json"
    connection.sendall(f"GET {path} HTTP/1.1\r\nHost: {host}\r\nAccept: {accept}\r\n\r\n".encode())
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(16384)
    head, _, body = data.partition(b"\r\n\r\n")
    return body, int(head.lower().split(b"content-length: ")[1].split()[0])


def main(host: str, repository: str, tag: str, directory: str) -> None:
    name, port = host.split(":")
    os.makedirs(directory, exist_ok=True)
    connection = socket.create_connection((name, int(port)))
    body, size = get(connection, host, f"/v2/{repository}/manifests/{tag}")
    while len(body) < size:
        body += connection.recv(size - len(body))
    waiting = json.loads(body)["layers"][::-1]

    def work() -> None:
        connection = socket.create_connection((name, int(port)))
        buffer = memoryview(bytearray(BUFFER))
        while True:
            try:
                layer = waiting.pop()
            except IndexError:
                return
            data, size = get(connection, host, f"/v2/{repository}/blobs/{layer['digest']}")
            title = os.path.join(directory, layer["annotations"]["org.opencontainers.image.title"])
            hasher = hashlib.sha256()
            with open(f"{title}.part", "wb", buffering=0) as file:
                while True:
                    file.write(data)
                    hasher.update(data)
                    size -= len(data)
                    if not size:
                        break
                    count = 0
                    while count < min(BUFFER, size):
                        count += connection.recv_into(buffer[count : min(BUFFER, size)])
                    data = buffer[:count]
            assert layer["digest"] == f"sha256:{hasher.hexdigest()}"
            os.rename(f"{title}.part", title)

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


if __name__ == "__main__":
    main(*sys.argv[1:])
