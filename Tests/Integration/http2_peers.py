"""Clients and proxies of HTTP/2 that are there on some machines only: Node, httpx, and HAProxy and nginx in front of the server.

Each check returns None, or why it cannot be made."""

import asyncio
import contextlib
import pathlib
import shutil
import socket
import subprocess
import tempfile
import time

NODE = """
const http2 = require('http2'), url = process.argv[1];
const session = http2.connect(url);
session.on('error', error => { console.error('session', error); process.exit(1); });
function ask(fields, body) {
  return new Promise((resolve, reject) => {
    const stream = session.request(fields), pieces = [];
    let status;
    stream.on('response', fields => { status = fields[':status']; });
    stream.on('data', piece => pieces.push(piece));
    stream.on('end', () => resolve([status, Buffer.concat(pieces)]));
    stream.on('error', reject);
    if (body) stream.end(body); else stream.end();
  });
}
(async () => {
  const all = await Promise.all(Array.from({length: 300}, () => ask({':path': '/plaintext'})));
  if (!all.every(([status, body]) => status === 200 && body.toString() === 'Hello, World!')) throw Error('plaintext');
  const body = Buffer.alloc(2000000, 'twister');
  const [status, echoed] = await ask({':method': 'POST', ':path': '/echo'}, body);
  if (status !== 200 || !body.equals(echoed)) throw Error('echo');
  const given = session.request({':path': '/sleep/5000'});
  given.on('error', () => {});
  given.close(http2.constants.NGHTTP2_CANCEL);
  if ((await ask({':path': '/bytes/300000'}))[1].length !== 300000) throw Error('bytes');
  session.close();
})().catch(error => { console.error(error); process.exit(1); });
"""


def node(url):
    if shutil.which("node") is None:
        return "no Node"
    done = subprocess.run(["node", "-e", NODE, url], capture_output=True, timeout=60, text=True, check=False)
    assert done.returncode == 0, "Node: " + done.stderr
    return None


def httpx(url):
    try:
        import h2  # noqa: F401
        import httpx as library
    except ImportError:
        return "no httpx[http2]"

    async def run():
        async with library.AsyncClient(http1=False, http2=True, base_url=url, timeout=30) as client:
            responses = await asyncio.gather(*(client.get("/plaintext") for _ in range(80)))
            assert all(response.text == "Hello, World!" and response.http_version == "HTTP/2" for response in responses), "httpx: plaintext"
            body = b"twister" * 100_000
            assert (await client.post("/echo", content=body)).content == body, "httpx: echo"

    asyncio.run(run())
    return None


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def proxy(command, text, port):
    """A proxy with this configuration, which listens on `port`."""
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder, "configuration")
        path.write_text(text.replace("FOLDER", folder), encoding="utf-8")
        process = subprocess.Popen([*command, str(path)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        try:
            for _ in range(200):
                with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
                    break
                assert process.poll() is None, f"{command[0]}: {process.stderr.read().decode(errors='replace')}"
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait(20)
            process.stderr.close()


def through(url):
    """Requests through a proxy, whose own clients speak both versions."""
    for version in ("--http1.1", "--http2-prior-knowledge"):
        for _ in range(3):
            common = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30", version]
            text = subprocess.run([*common, f"{url}/plaintext"], capture_output=True, timeout=40, check=False)
            assert text.stdout == b"Hello, World!", f"{version}: {text.stdout[:100]} {text.stderr}"
            body = b"twister" * 50_000
            echoed = subprocess.run([*common, "--data-binary", "@-", f"{url}/echo"], input=body, capture_output=True, timeout=40, check=False)
            assert echoed.stdout == body, f"{version}: {len(echoed.stdout)} octets of a body came back: {echoed.stderr}"
            large = subprocess.run([*common, f"{url}/bytes/1000000"], capture_output=True, timeout=40, check=False)
            assert len(large.stdout) == 1_000_000, f"{version}: {large.stderr}"


def haproxy(url):
    if shutil.which("haproxy") is None:
        return "no HAProxy"
    port = free_port()
    text = f"""
global
  maxconn 100
defaults
  mode http
  timeout connect 10s
  timeout client 30s
  timeout server 30s
frontend front
  bind 127.0.0.1:{port}
  default_backend back
backend back
  server twister {url.removeprefix('http://')} proto h2
"""
    with proxy(["haproxy", "-db", "-f"], text, port) as front:
        through(front)
    return None


def nginx(url):
    """nginx speaks HTTP/2 to what it takes for a gRPC server."""
    if shutil.which("nginx") is None:
        return "no nginx"
    port, more = free_port(), free_port()
    paths = "\n".join(f"  {kind}_temp_path FOLDER/{kind};" for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    text = f"""
daemon off;
master_process off;
pid FOLDER/pid;
error_log stderr warn;
events {{ worker_connections 100; }}
http {{
  access_log off;
{paths.replace("client_body_temp_path FOLDER/client_body", "client_body_temp_path FOLDER/body")}
  upstream twister {{ server {url.removeprefix('http://')}; keepalive 4; }}
  server {{
    listen 127.0.0.1:{port};
    listen 127.0.0.1:{more} http2;
    location / {{ grpc_pass grpc://twister; }}
  }}
}}
"""
    with proxy(["nginx", "-c"], text, port):
        for address, version in ((port, "--http1.1"), (more, "--http2-prior-knowledge")):
            command = ["curl", "--silent", "--show-error", "--fail", "--max-time", "30", version]
            done = subprocess.run([*command, f"http://127.0.0.1:{address}/bytes/300000"], capture_output=True, timeout=40, check=False)
            assert len(done.stdout) == 300_000, f"nginx {version}: {done.stderr}"
            body = b"twister" * 50_000
            done = subprocess.run([*command, "--data-binary", "@-", f"http://127.0.0.1:{address}/echo"], input=body,
                                  capture_output=True, timeout=40, check=False)
            assert done.stdout == body, f"nginx {version}: {done.stderr}"
    return None


CHECKS = {"Node": node, "httpx": httpx, "HAProxy in front": haproxy, "nginx in front": nginx}
