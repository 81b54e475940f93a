#!/usr/bin/env python3
"""Malformed HTTP for FLOOD_SECONDS (120) against a server: flood.py PORT. SLOW_READERS (20) read a byte a second meanwhile, and a
visitor asks ten times a second: he must be answered all the time. Afterwards the server must answer. The seed is printed."""
import os, random, socket, sys, threading, time, urllib.request

port, seconds = int(sys.argv[1]), float(os.environ.get("FLOOD_SECONDS", "120"))
seed = int(os.environ.get("FLOOD_SEED", time.time_ns() % 2**32))
rng = random.Random(seed)
SEEDS = [b"GET /api/v1/boards HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n",
         b"GET /api/v1/data/overview/daily_listens?from=2025-11-01&user=7 HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n",
         b"POST /api/v1/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 8\r\n\r\nselect 1",
         b"POST /api/v1/sql HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nselect 1\r\n0\r\n\r\n",
         b"GET /assets/%2e%2e/x?%=%00&&& HTTP/1.0\r\nHost: [::1]\r\nCookie: lakefm=;;=\r\n\r\n",
         b"GET /api/v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\nLast-Event-ID: 99999999999999999999\r\n\r\n"]


def mutate(data):
    data = bytearray(data)
    for _ in range(rng.randint(0, 8)):
        at = rng.randrange(len(data) + 1)
        kind = rng.randrange(5)
        if kind == 0: data[at:at + rng.randint(1, 9)] = b""
        elif kind == 1: data[at:at] = bytes(rng.randrange(256) for _ in range(rng.randint(1, 20)))
        elif kind == 2: data[at:at] = rng.choice([b"\r\n", b"\0", b"%", b"A" * 9000, b"Content-Length: 99999999999\r\n", b": ", b"\xff\xfe"])
        elif kind == 3 and at < len(data): data[at] ^= 1 << rng.randrange(8)
        elif len(data) > at: data = data[:max(1, at)]
    return bytes(data)


# Large answers, so that buffers fill and the server has to wait for these readers.
SLOW = ["/api/v1/rows/overview/daily_listens?limit=100000", "/api/v1/rows/music/top_songs?limit=50000", "/api/v1/events"]
slow_bytes, slow_closed, waits, refused = [0], [0], [], [0]


def read_slowly(path):
    s = socket.create_connection(("127.0.0.1", port))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    s.sendall(f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n".encode())
    s.settimeout(30)
    try:
        while time.monotonic() < end:
            got = s.recv(1)
            if not got: break
            slow_bytes[0] += 1
            time.sleep(1)
    except OSError:
        slow_closed[0] += 1
    s.close()


def visit():
    while time.monotonic() < end:
        start = time.monotonic()
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/api/v1/status", timeout=10) as a: a.read()
            waits.append(time.monotonic() - start)
        except OSError:
            refused[0] += 1
        time.sleep(0.1)


sent, kept, end = 0, [], time.monotonic() + seconds
threads = [threading.Thread(target=read_slowly, args=(SLOW[i % len(SLOW)],)) for i in range(int(os.environ.get("SLOW_READERS", "20")))]
threads.append(threading.Thread(target=visit))
for t in threads: t.start()
while time.monotonic() < end:
    s = socket.socket()
    s.settimeout(0.05)
    try:
        s.connect(("127.0.0.1", port))
        s.sendall(mutate(rng.choice(SEEDS)))
        if rng.random() < 0.3: s.recv(4096)
    except OSError:
        pass
    sent += 1
    if rng.random() < 0.05: kept.append(s)  # readers that never read
    else: s.close()
    while len(kept) > 100: kept.pop(0).close()
for s in kept: s.close()
for t in threads: t.join()
for attempt in range(20):
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/healthz", timeout=5) as a:
            assert a.status == 200
        break
    except OSError:
        time.sleep(1)
else:
    sys.exit(f"the server does not answer after {sent} requests (FLOOD_SEED={seed})")
waits.sort()
if refused[0] or not waits: sys.exit(f"a visitor was not answered {refused[0]} times of {refused[0] + len(waits)} (FLOOD_SEED={seed})")
print(f"{sent} malformed requests, {len(threads) - 1} slow readers ({slow_bytes[0]} bytes read, {slow_closed[0]} cut off); a visitor was answered "
      f"{len(waits)} times, median {waits[len(waits) // 2] * 1000:.1f} ms, 99 % {waits[int(len(waits) * 0.99)] * 1000:.1f}, longest "
      f"{waits[-1] * 1000:.0f}; the server answers (FLOOD_SEED={seed})")
