"""A real HDFS for one test (NameNode and DataNode on free ports), a proxy in front of it that breaks things on demand, and
lakefm run on lakes in it."""
import http.client
import http.server
import json
import os
import pathlib
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.parse
import urllib.request

LAKEFM = os.environ["LAKEFM"]
TESTS = pathlib.Path(os.environ["TESTS"])
sys.path.insert(0, str(TESTS / "e2e"))

for tool in ("java", "mvn"):
    if not shutil.which(tool):
        print(f"needs {tool}: apt-get install default-jdk-headless maven")
        sys.exit(77)


def free_ports(n):
    socks = [socket.socket() for _ in range(n)]
    for s in socks:
        s.bind(("127.0.0.1", 0))
    ports = [s.getsockname()[1] for s in socks]
    for s in socks:
        s.close()
    return ports


class Hdfs:
    def __init__(self, **extra):
        self.folder = tempfile.TemporaryDirectory(prefix="lakefm-hdfs-")
        rpc, self.http, data, data_http, ipc = free_ports(5)
        self.rpc = rpc
        self.env = {**os.environ, "HDFS_DATA": self.folder.name + "/data", "HDFS_PORT": str(rpc), "HDFS_HTTP_PORT": str(self.http),
                    "HDFS_DATANODE_PORT": str(data), "HDFS_DATANODE_HTTP_PORT": str(data_http), "HDFS_DATANODE_IPC_PORT": str(ipc),
                    **extra}

    def __enter__(self):
        try:
            self.do("up")
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        self.do("down", check=False)
        self.folder.cleanup()

    def do(self, *words, check=True):
        done = subprocess.run(["bash", TESTS / "services" / "hdfs.sh", *map(str, words)], env=self.env, capture_output=True, text=True)
        if check and done.returncode:
            raise SystemExit(f"hdfs.sh {words}: {done.stdout}{done.stderr}")
        return done.stdout

    def url(self, path):
        return f"hdfs://localhost:{self.rpc}/{path}"

    def rest(self, method, path, op, data=None):
        """One WebHDFS operation by other means than lakefm's; the JSON or the bytes of the answer."""
        url = f"http://127.0.0.1:{self.http}/webhdfs/v1/{urllib.parse.quote(path)}?op={op}&user.name={os.environ.get('USER', 'root')}"
        if data is not None:
            ask = urllib.request.Request(url + "&noredirect=true", method=method)
            url = json.load(urllib.request.urlopen(ask))["Location"]
        with urllib.request.urlopen(urllib.request.Request(url, method=method, data=data)) as answer:
            body = answer.read()
        return json.loads(body) if body[:1] == b"{" and "OPEN" not in op else body

    def names(self, folder):
        return [x["pathSuffix"] for x in self.rest("GET", folder, "LISTSTATUS")["FileStatuses"]["FileStatus"]]


class Machine:
    """A machine that works on a lake: its own cache, its own way to the NameNode."""

    def __init__(self, hdfs, lake, name="m1", http_port=None, **settings):
        self.lake = hdfs.url(lake)
        self.cache = pathlib.Path(f"cache-{name}").absolute()
        self.env = {**os.environ, "LAKEFM_HDFS_HTTP": f"127.0.0.1:{http_port or hdfs.http}", "LAKEFM_HDFS_CACHE": str(self.cache),
                    "LAKEFM_HDFS_PATIENCE": "60s", **{f"LAKEFM_HDFS_{k.upper()}": v for k, v in settings.items()}}

    def command(self, *words):
        return [LAKEFM, "--lake", self.lake, *map(str, words)]

    def run(self, *words, env=None, code=0):
        done = subprocess.run(self.command(*words), capture_output=True, text=True, env={**self.env, **(env or {})}, timeout=300)
        if code is not None and done.returncode != code:
            raise SystemExit(f"lakefm {' '.join(map(str, words))}: exit {done.returncode}, not {code} {env or ''}\n{done.stdout}{done.stderr}")
        return done

    def out(self, *words):
        return self.run(*words).stdout

    def start(self, *words, env=None):
        return subprocess.Popen(self.command(*words), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env={**self.env, **(env or {})})

    def sql(self, query):
        return self.out("sql", "--format", "csv", "-c", query)

    def audit(self):
        done = self.run("audit", "--json", code=None)
        found = json.loads(done.stdout)
        bad = [x for x in found.get("findings", found.get("found", [])) if isinstance(x, dict) and x.get("ok") is False]
        assert done.returncode == 0 and found["bad"] == 0, bad or done.stdout[-3000:] + done.stderr
        return found


def finish(child, code=0, within=120):
    out, err = child.communicate(timeout=within)
    assert child.returncode == code, f"exit {child.returncode}, not {code}: {out}{err}"
    return out + err


class Proxy:
    """Forwards to the NameNode, and (by rewriting its redirects) to the DataNodes. `fault(kind, op, path)` is asked for every
    request: kind "ask" (a question to the NameNode) or "data" (to a DataNode). What it may answer:
      "drop"          do it, then close the connection without a word
      ("cut", n)      pass on n bytes of the upload, then close both sides
      ("call", n, f)  after n bytes of the upload call f, then go on
      "dead"          send the client to a DataNode where nobody listens
    """

    def __init__(self, hdfs):
        self.fault = lambda kind, op, path: None
        self.seen = {}
        proxy = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def log_message(self, *_):
                pass

            def hang_up(self):
                self.close_connection = True
                self.connection.shutdown(socket.SHUT_RDWR)

            def handle_any(self):
                parts = urllib.parse.urlsplit(self.path)
                query = urllib.parse.parse_qs(parts.query)
                op = query.get("op", ["?"])[0].upper()
                data = self.path.startswith("/dn/")
                host, target = self.path[4:].split("/", 1) if data else (f"127.0.0.1:{hdfs.http}", self.path[1:])
                with proxy.lock:
                    proxy.seen[op] = proxy.seen.get(op, 0) + 1
                    fault = proxy.fault("data" if data else "ask", op, parts.path)
                length = int(self.headers.get("Content-Length") or 0)
                peer = http.client.HTTPConnection(host, timeout=120)
                try:
                    peer.putrequest(self.command, "/" + target)
                    peer.putheader("Content-Length", str(length))
                    peer.putheader("Content-Type", "application/octet-stream")
                    peer.endheaders()
                    sent = 0
                    while sent < length:
                        stop = fault[1] if isinstance(fault, tuple) and fault[1] > sent else length
                        piece = self.rfile.read(min(65536, length - sent, max(1, stop - sent)))
                        if not piece:
                            return
                        peer.send(piece)
                        sent += len(piece)
                        if isinstance(fault, tuple) and sent >= fault[1]:
                            if fault[0] == "cut":
                                self.hang_up()
                                return
                            fault, after = None, fault[2]
                            after()
                    answer = peer.getresponse()
                    body = answer.read()
                except OSError:
                    self.hang_up()
                    return
                finally:
                    peer.close()
                if fault == "drop":
                    self.hang_up()
                    return
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name == "Location":
                        there = urllib.parse.urlsplit(value)
                        via = "127.0.0.1:1" if fault == "dead" else f"127.0.0.1:{proxy.port}/dn/{there.netloc}"
                        value = f"http://{via}{there.path}?{there.query}"
                    if name not in ("Content-Length", "Transfer-Encoding", "Connection"):
                        self.send_header(name, value)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            do_GET = do_PUT = do_POST = do_DELETE = handle_any

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_):
                pass

        self.lock = threading.Lock()
        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def close(self):
        self.server.shutdown()
