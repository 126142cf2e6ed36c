"""A slow, lossy line between two network interfaces: `slow_link.py ONE OTHER SECONDS LOSS`.

Each frame that comes in at one interface goes out at the other so many seconds later, but for a
part of them, from 0 to 1, that is lost.
"""

import heapq
import random
import select
import socket
import sys
import time
from contextlib import suppress

ALL_PROTOCOLS = 3
SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
MOST_BYTES = 1 << 17
"""Of a frame: the kernel hands packets of one stream over together, and cuts them on the way."""


def opened(interface: str) -> socket.socket:
    """All frames that come in at the interface, and the way out there."""
    found = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL_PROTOCOLS))
    # With each frame goes what is left to do on it: its checksum, and where it is to be cut.
    found.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    found.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    found.bind((interface, ALL_PROTOCOLS))
    return found


def main() -> None:
    """Pass frames on until this process is ended."""
    one, other = opened(sys.argv[1]), opened(sys.argv[2])
    seconds, loss = float(sys.argv[3]), float(sys.argv[4])
    across = {one: other, other: one}
    chance, count = random.Random(0), 0
    waiting: list[tuple[float, int, socket.socket, bytes]] = []
    while True:
        rest = max(0.0, waiting[0][0] - time.monotonic()) if waiting else None
        for source in select.select([one, other], [], [], rest)[0]:
            frame = source.recv(MOST_BYTES)
            if chance.random() >= loss:
                count += 1
                due = time.monotonic() + seconds
                heapq.heappush(waiting, (due, count, across[source], frame))
        while waiting and waiting[0][0] <= time.monotonic():
            _, _, target, frame = heapq.heappop(waiting)
            # An interface that is down takes none.
            with suppress(OSError):
                target.send(frame)


if __name__ == "__main__":
    main()
