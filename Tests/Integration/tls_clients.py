#!/usr/bin/env python3
"""Scanners, programs in front and clients of other makers against a running bench-server with TLS, on each backend.

  testssl    testssl.sh finds nothing of medium severity or worse with the defaults (apt: testssl.sh; some minutes)
  sslyze     sslyze agrees with Mozilla's intermediate profile (pip: sslyze)
  proxies    HAProxy and nginx in front: TLS passed through, ended there, and encrypted again towards the server
  clients    Python's httpx with HTTP/1.1 and 2 (pip: httpx[http2]), Node's https, Chromium without a window, which chooses HTTP/2

Each part prints a PASS, FAIL or SKIP line a backend; a part is skipped where its program is not installed. The exit status
is 1 where one failed. PYTHON names the interpreter that has the packages of pip (default: this one).
"""

import argparse
import contextlib
import json
import os
import pathlib
import re
import shutil
import socket
import ssl
import subprocess
import sys
import tempfile
import time

from hostile_server import LAST, Failure
from tls import Certificates, TLSServer, require


class Missing(Exception):
    pass


PYTHON = os.environ.get("PYTHON", sys.executable)


def program(name):
    found = shutil.which(name)
    if not found:
        raise Missing(f"{name} is not installed")
    return found


def module(name):
    if subprocess.run([PYTHON, "-c", f"import {name}"], capture_output=True).returncode:
        raise Missing(f"Python has no module {name} (PYTHON={PYTHON})")


def testssl(server):
    scanner = program("testssl")
    with tempfile.TemporaryDirectory() as folder:
        report = pathlib.Path(folder, "report.json")
        subprocess.run(
            [scanner, "--quiet", "--warnings", "off", "--color", "0", "--ip", "127.0.0.1", "--add-ca", server.files["ca.pem"],
             "--jsonfile", report, f"https://localhost:{server.tls_port}/"], capture_output=True, timeout=1500,
            stdin=subprocess.DEVNULL)
        found = json.loads(report.read_text(encoding="utf-8"))
    require(len(found) > 100, f"the scan has ended early: {found[-3:]}")
    # What the certificate of the test lacks (a public authority, revocation) is not the fault of the server, and bench-server has
    # no middleware that adds fields for browsers.
    bad = [f"{each['id']}: {each['finding']}" for each in found
           if each["severity"] in ("MEDIUM", "HIGH", "CRITICAL") and not each["id"].startswith(("cert_", "DNS_CAA", "security_headers"))]
    require(not bad, "; ".join(bad))
    return f"{len(found)} findings, none of medium severity or worse"


def sslyze(server):
    module("sslyze")
    done = subprocess.run(
        [PYTHON, "-W", "ignore", "-m", "sslyze", "--mozilla_config", "intermediate", f"localhost:{server.tls_port}"],
        capture_output=True, text=True, timeout=600)
    verdict = re.search(r"Checking results against Mozilla.*", done.stdout, re.DOTALL)
    require(verdict, f"the scan has ended early: {done.stderr[-500:] or done.stdout[-500:]}")
    # The authority of the test's own certificate is unknown, which is not the server's fault.
    bad = [line for line in re.findall(r"\* (.*)", verdict[0]) if not line.startswith("certificate_path_validation")]
    require(not bad and ("Not compliant" in verdict[0] or "COMPLIANT" in verdict[0]), "; ".join(bad) or verdict[0])
    return "Mozilla's intermediate profile"


@contextlib.contextmanager
def running(command, port, folder):
    log = pathlib.Path(folder, "log")
    with open(log, "wb") as output:
        process = subprocess.Popen(command, stdout=output, stderr=output)
    try:
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                require(time.monotonic() < deadline and process.poll() is None,
                        f"{command[0]} does not start: {log.read_text(encoding='utf-8', errors='replace')[-800:]}")
                time.sleep(0.1)
        yield
    finally:
        process.terminate()
        process.wait(10)


def free_ports(count):
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    ports = [probe.getsockname()[1] for probe in probes]
    for probe in probes:
        probe.close()
    return ports


def fetch(files, port, protocol="http/1.1", count=20):
    """Requests with TLS, each on a connection of its own that continues the session of the one before."""
    context = ssl.create_default_context(cafile=files["ca.pem"])
    context.set_alpn_protocols([protocol])
    session = None
    for _ in range(count):
        with context.wrap_socket(socket.create_connection(("127.0.0.1", port), 10), server_hostname="localhost",
                                 session=session) as client:
            client.sendall(LAST)
            response = b""
            while piece := client.recv(65536):
                response += piece
            session = client.session
        require(response.startswith(b"HTTP/1.1 200") and response.endswith(b"Hello, World!"), f"the response is {response!r}")


HAPROXY = """
global
    maxconn 200
defaults
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend through
    mode tcp
    bind 127.0.0.1:{through}
    default_backend through
backend through
    mode tcp
    server one 127.0.0.1:{tls}
frontend ended
    mode http
    bind 127.0.0.1:{ended} ssl crt {pair} alpn h2,http/1.1
    default_backend plain
backend plain
    mode http
    server one 127.0.0.1:{plain}
frontend again
    mode http
    bind 127.0.0.1:{again} ssl crt {pair} alpn h2,http/1.1
    default_backend secured
backend secured
    mode http
    server one 127.0.0.1:{tls} ssl verify required ca-file {ca} verifyhost localhost sni str(localhost) alpn h2,http/1.1
"""

NGINX = """
{stream_module}
daemon off;
pid {folder}/pid;
error_log {folder}/error.log;
events {{ worker_connections 200; }}
stream {{ server {{ listen 127.0.0.1:{through}; proxy_pass 127.0.0.1:{tls}; }} }}
http {{
  access_log off;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  ssl_certificate {cert}; ssl_certificate_key {key};
  server {{ listen 127.0.0.1:{ended} ssl; location / {{ proxy_pass http://127.0.0.1:{plain}; }} }}
  server {{
    listen 127.0.0.1:{again} ssl;
    location / {{
      proxy_pass https://127.0.0.1:{tls};
      proxy_http_version 1.1;
      proxy_ssl_verify on;
      proxy_ssl_trusted_certificate {ca};
      proxy_ssl_server_name on;
      proxy_ssl_name localhost;
      proxy_ssl_protocols TLSv1.2 TLSv1.3;
    }}
  }}
}}
"""


def proxies(server):
    files, tried = server.files, []
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        through, ended, again = free_ports(3)
        places = dict(through=through, ended=ended, again=again, tls=server.tls_port, plain=server.port, ca=files["ca.pem"],
                      cert=files["first.pem"], key=files["first.key"], folder=folder)
        if shutil.which("haproxy"):
            pair = pathlib.Path(folder, "pair.pem")
            pair.write_bytes(pathlib.Path(files["first.pem"]).read_bytes() + pathlib.Path(files["first.key"]).read_bytes())
            pathlib.Path(folder, "haproxy.cfg").write_text(HAPROXY.format(pair=pair, **places), encoding="ascii")
            with running(["haproxy", "-f", f"{folder}/haproxy.cfg"], through, folder):
                for port in (through, ended, again):
                    fetch(files, port)
            tried.append("HAProxy")
        if shutil.which("nginx"):
            library = "/usr/lib/nginx/modules/ngx_stream_module.so"
            config = NGINX.format(stream_module=f"load_module {library};" if os.path.exists(library) else "", **places)
            built_in = "--with-stream " in subprocess.run(["nginx", "-V"], capture_output=True, text=True).stderr + " "
            kinds = [through, ended, again]
            if not os.path.exists(library) and not built_in:
                config = re.sub(r"stream \{.*\n", "", config)
                kinds.remove(through)
            pathlib.Path(folder, "nginx.conf").write_text(config, encoding="ascii")
            with running(["nginx", "-p", folder, "-e", f"{folder}/error.log", "-c", f"{folder}/nginx.conf"], ended, folder):
                for port in kinds:
                    fetch(files, port)
            tried.append("nginx" if through in kinds else "nginx (without its stream module)")
    if not tried:
        raise Missing("neither haproxy nor nginx is installed")
    return ", ".join(tried)


HTTPX = """
import httpx, ssl, sys
port, ca = sys.argv[1:]
context = ssl.create_default_context(cafile=ca)
for http2, version in ((False, "HTTP/1.1"), (True, "HTTP/2")):
    with httpx.Client(http1=True, http2=http2, verify=context) as client:
        for _ in range(5):
            response = client.get(f"https://localhost:{port}/plaintext")
            assert response.text == "Hello, World!" and response.http_version == version, response.http_version
        body = bytes(range(256)) * 2000
        response = client.post(f"https://localhost:{port}/echo", content=body)
        assert response.content == body
"""

NODE = """
const https = require('https'), fs = require('fs')
const [port, ca] = process.argv.slice(1)
const agent = new https.Agent({ca: fs.readFileSync(ca), keepAlive: true, maxSockets: 4})
const get = () => new Promise((resolve, reject) => https.get({host: 'localhost', port, path: '/plaintext', agent}, response => {
  let text = ''
  response.on('data', piece => text += piece).on('end', () => resolve(text)).on('error', reject)
}).on('error', reject))
Promise.all(Array.from({length: 40}, get)).then(texts => {
  if (texts.some(text => text !== 'Hello, World!')) throw new Error(texts.join())
  agent.destroy()
}).catch(error => { console.error(error); process.exit(1) })
"""


def run(command, **others):
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, **others)
    require(done.returncode == 0, f"{command[0]}: {done.stderr[-600:] or done.stdout[-600:]}")
    return done


def chromium(server):
    with tempfile.TemporaryDirectory() as folder:
        log = pathlib.Path(folder, "net.json")
        done = run([program("chromium"), "--headless", "--no-sandbox", "--disable-gpu", "--ignore-certificate-errors",
                    f"--user-data-dir={folder}/profile", f"--log-net-log={log}", "--virtual-time-budget=5000", "--dump-dom",
                    f"https://localhost:{server.tls_port}/plaintext"])
        require("Hello, World!" in done.stdout, f"Chromium shows {done.stdout[-300:]}")
        require(re.search(r'"(negotiated_protocol|next_proto|alpn)": ?"h2"|"protocol": ?"h2"', log.read_text(errors="replace")),
                "Chromium has not chosen HTTP/2")


def clients(server):
    tried, missing = [], []
    for name, check in (("httpx", lambda: (module("httpx"), module("h2"),
                                           run([PYTHON, "-c", HTTPX, str(server.tls_port), server.files["ca.pem"]]))),
                        ("Node", lambda: run([program("node"), "-e", NODE, "--", str(server.tls_port), server.files["ca.pem"]])),
                        ("Chromium", lambda: chromium(server))):
        try:
            check()
            tried.append(name)
        except Missing as error:
            missing.append(str(error))
    if not tried:
        raise Missing("; ".join(missing))
    return ", ".join(tried) + "".join(f"; {each}" for each in missing)


PARTS = {part.__name__: part for part in (testssl, sslyze, proxies, clients)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", choices=[[], *PARTS], help="all where none is named")
    parser.add_argument("--backend", choices=["io_uring", "epoll", "both"], default="both")
    parser.add_argument("--binary", default=".build/release/bench-server")
    options = parser.parse_args()
    backends = ["io_uring", "epoll"] if options.backend == "both" else [options.backend]
    files, failed = Certificates(), False
    try:
        for name in options.parts or PARTS:
            for backend in backends:
                server = None
                try:
                    server = TLSServer(options.binary, backend, files)
                    print(f"PASS {name} ({backend}): {PARTS[name](server)}", flush=True)
                except Missing as reason:
                    print(f"SKIP {name} ({backend}): {reason}", flush=True)
                except (Failure, OSError, subprocess.SubprocessError) as error:
                    failed = True
                    print(f"FAIL {name} ({backend}): {error}", flush=True)
                finally:
                    if server:
                        server.stop()
    finally:
        files.remove()
    sys.exit(failed)


if __name__ == "__main__":
    main()
