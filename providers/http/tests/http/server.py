"""A small inventory service over HTTP: servers, volumes, buckets, things and clusters.

Servers and clusters are made and removed asynchronously. It asks for credentials where it is
started so, and has the faults that its tests order from /_control. It says on its first line of
output on which port of the loopback it listens.
"""

import argparse
import base64
import hmac
import json
import secrets
import ssl
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

LOCK = threading.RLock()
PAGE = 2


class World:
    def __init__(self):
        self.objects = {}
        self.log = []
        self.faults = []
        self.keys = {}
        self.tokens = {}
        self.issued = 0
        self.settings = {"build": 0.3, "removal": 0.3, "token_lifetime": 3600, "auth": "none"}


WORLD = World()


def http_date(moment):
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(moment))


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def reply(self, status, body=None, headers=None):
        data = b"" if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.send_header("Content-Type", "application/json")
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)

    def hang_up(self):
        """The connection ends without a word, as when a server dies."""
        self.close_connection = True
        self.connection.close()

    def handle_any(self):
        length = int(self.headers.get("Content-Length") or 0)
        raw = self.rfile.read(length).decode()
        try:
            self.body = json.loads(raw) if raw else None
        except ValueError:
            self.body = raw
        parts = urllib.parse.urlsplit(self.path)
        self.query = dict(urllib.parse.parse_qsl(parts.query))
        self.steps = [urllib.parse.unquote(s) for s in parts.path.strip("/").split("/")]
        if self.steps[0].startswith("_"):
            with LOCK:
                return self.control()
        fault = None
        with LOCK:
            WORLD.log.append({
                "at": time.time(), "method": self.command, "path": parts.path, "query": self.query,
                "headers": {k.lower(): v for k, v in self.headers.items()}, "body": self.body,
            })
            for candidate in WORLD.faults:
                if candidate["times"] > 0 and candidate["method"] == self.command \
                        and parts.path.startswith(candidate["path"]):
                    candidate["times"] -= 1
                    fault = candidate
                    break
        if fault and fault["kind"] == "refuse":
            headers = dict(fault.get("headers", {}))
            if "retry_at" in fault:
                headers["Retry-After"] = http_date(time.time() + fault["retry_at"])
            return self.reply(fault["status"], fault.get("body", {"error": "ordered"}), headers)
        if fault and fault["kind"] == "hang":
            time.sleep(fault["seconds"])
            return self.hang_up()
        if fault and fault["kind"] == "echo":
            said = {"you_sent": {"body": self.body, "headers": dict(self.headers.items())}}
            return self.reply(fault["status"], json.dumps(said, indent=1))
        if fault:
            # The effect happens, and the reply is another one or none.
            self.reply_later = []
            real, self.reply = self.reply, lambda *a, **k: self.reply_later.append((a, k))
            self.serve()
            self.reply = real
            if fault["kind"] == "lose":
                return self.hang_up()
            return self.reply(fault["status"], {"error": "bad gateway"})
        self.serve()

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

    # What the tests order and look at.

    def control(self):
        what = self.steps[0]
        if what == "_settings":
            WORLD.settings.update(self.body)
        elif what == "_fault":
            WORLD.faults.append(self.body)
        elif what == "_revoke":
            WORLD.tokens.clear()
        elif what == "_object" and self.command == "DELETE":
            WORLD.objects.pop(self.steps[1])
        elif what == "_object" and self.command == "PATCH":
            WORLD.objects[self.steps[1]].update(self.body)
        elif what == "_object":
            key = "o%d" % (len(WORLD.objects) + 1)
            WORLD.objects[key] = dict(self.body, id=key, since=time.time())
        return self.reply(200, {
            "now": time.time(), "log": WORLD.log, "objects": WORLD.objects, "issued": WORLD.issued,
        })

    # Who asks.

    def is_known(self):
        settings = WORLD.settings
        kind = settings["auth"]
        given = self.headers.get("Authorization", "")
        if kind == "none":
            return True
        if kind == "header":
            return hmac.compare_digest(self.headers.get("X-Api-Key", ""), settings["secret"])
        if kind == "basic":
            wanted = "Basic " + base64.b64encode(settings["secret"].encode()).decode()
            return hmac.compare_digest(given.encode(), wanted.encode())
        token = given.removeprefix("Bearer ") if kind == "oauth2" else self.headers.get("X-Auth-Token", "")
        return WORLD.tokens.get(token, 0) > time.time()

    def issue(self):
        token = secrets.token_hex(16)
        WORLD.issued += 1
        WORLD.tokens[token] = time.time() + WORLD.settings["token_lifetime"]
        return token

    def oauth_token(self):
        form = dict(urllib.parse.parse_qsl(self.body if isinstance(self.body, str) else ""))
        client = (form.get("client_id"), form.get("client_secret"))
        given = self.headers.get("Authorization", "")
        if given.startswith("Basic "):
            pair = base64.b64decode(given[6:]).decode().split(":", 1)
            client = tuple(urllib.parse.unquote_plus(p) for p in pair)
        if form.get("grant_type") != "client_credentials":
            return self.reply(400, {"error": "unsupported_grant_type"})
        if ":".join(str(c) for c in client) != WORLD.settings["secret"]:
            return self.reply(401, {"error": "invalid_client", "error_description": "unknown client"})
        if WORLD.settings.get("scope") not in (None, form.get("scope")):
            return self.reply(400, {"error": "invalid_scope"})
        lifetime = WORLD.settings["token_lifetime"]
        return self.reply(200, {"access_token": self.issue(), "token_type": "Bearer", "expires_in": lifetime})

    def login(self):
        password = ((self.body or {}).get("auth") or {}).get("password")
        if password != WORLD.settings["secret"]:
            return self.reply(401, {"error": {"message": "wrong password %s" % password}})
        expires = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + WORLD.settings["token_lifetime"]))
        return self.reply(201, {"token": {"expires_at": expires}}, {"X-Subject-Token": self.issue()})

    # The service.

    def serve(self):
        with LOCK:
            if self.steps == ["oauth", "token"]:
                return self.oauth_token()
            if self.steps == ["login"]:
                return self.login()
            if not self.is_known():
                return self.reply(401, {"error": "who are you?"})
            self.age()
            name = "%s_%s" % (self.command.lower(), self.steps[0])
            if self.command == "HEAD":
                name = "get_%s" % self.steps[0]
            return getattr(self, name, self.nothing)(*self.steps[1:])

    def nothing(self, *_):
        return self.reply(404, {"error": "no such path"})

    def age(self):
        """Brings about what time brings about."""
        for key, o in list(WORLD.objects.items()):
            passed = time.time() - o["since"]
            if o.get("status") == "BUILD" and passed > WORLD.settings["build"]:
                o["status"] = "ERROR" if o.get("flavor") == "unplaceable" else "ACTIVE"
                if o["status"] == "ERROR":
                    o["fault"] = {"message": "No valid host was found"}
            if o.get("status") == "DELETING" and passed > WORLD.settings["removal"]:
                del WORLD.objects[key]

    def add(self, kind, **fields):
        key = "%s-%d" % (kind, len(WORLD.log))
        WORLD.objects[key] = dict(fields, id=key, kind=kind, since=time.time())
        return WORLD.objects[key]

    def of(self, kind):
        return [o for o in WORLD.objects.values() if o.get("kind") == kind]

    def one(self, kind, key):
        o = WORLD.objects.get(key)
        return o if o and o.get("kind") == kind else None

    def post_servers(self, *rest):
        if rest:
            return self.post_attachment(*rest)
        wanted = (self.body or {}).get("server") or {}
        if not wanted.get("name"):
            return self.reply(400, {"badRequest": {"message": "a server needs a name"}})
        key = self.headers.get("Idempotency-Key")
        if key in WORLD.keys:
            return self.reply(202, {"server": {"id": WORLD.keys[key]}})
        made = self.add("server", **wanted, status="BUILD")
        if key:
            WORLD.keys[key] = made["id"]
        return self.reply(202, {"server": {"id": made["id"], "adminPass": "pw-" + secrets.token_hex(8)}})

    def get_servers(self, key=None, sub=None, *_):
        if sub == "volumes":
            found = [{"volumeId": o["volume"], "device": "/dev/vdb"} for o in self.of("attachment") if o["server"] == key]
            return self.reply(200, {"attachments": found})
        if key:
            found = self.one("server", key)
            return self.reply(200, {"server": found}) if found else self.nothing()
        every = sorted(self.of("server"), key=lambda o: o["since"])
        start = int(self.query.get("start", 0))
        page = {"servers": every[start:start + PAGE]}
        if start + PAGE < len(every):
            page["links"] = [{"rel": "next", "href": "/servers?start=%d" % (start + PAGE)}]
        return self.reply(200, page)

    def put_servers(self, key, *_):
        found = self.one("server", key)
        if not found:
            return self.nothing()
        found.update(self.body["server"])
        return self.reply(200, {"server": found})

    def delete_servers(self, key, sub=None, volume=None):
        if sub:
            found = [o for o in self.of("attachment") if (o["server"], o["volume"]) == (key, volume)]
            for o in found:
                del WORLD.objects[o["id"]]
            return self.reply(204) if found else self.nothing()
        found = self.one("server", key)
        if not found:
            return self.nothing()
        found.update(status="DELETING", since=time.time())
        return self.reply(WORLD.settings.get("delete_status", 204))

    def post_attachment(self, server, *_):
        self.add("attachment", server=server, volume=self.body["volumeId"])
        return self.reply(200, {})

    def put_buckets(self, name):
        found = self.one("bucket", name)
        WORLD.objects[name] = {**(self.body or {}), "id": name, "kind": "bucket", "since": time.time()}
        return self.reply(200 if found else 201, WORLD.objects[name])

    def get_buckets(self, name):
        found = self.one("bucket", name)
        return self.reply(200, found) if found else self.nothing()

    def delete_buckets(self, name):
        return self.reply(204) if WORLD.objects.pop(name, None) else self.nothing()

    def post_things(self):
        made = self.add("thing", **self.body)
        return self.reply(201, None, {"Location": "/things/" + made["id"]})

    def get_things(self, key):
        found = self.one("thing", key)
        return self.reply(200, found, {"ETag": '"%s"' % found["id"]}) if found else self.nothing()

    delete_things = delete_buckets

    def post_clusters(self):
        made = self.add("cluster", **self.body, status="BUILD")
        return self.reply(202, {"id": made["id"]}, {"Operation-Location": "/operations/" + made["id"]})

    def get_operations(self, key):
        found = self.one("cluster", key)
        return self.reply(200, {"state": "running" if found["status"] == "BUILD" else "done"})

    def get_clusters(self, key):
        found = self.one("cluster", key)
        if found and found.get("deleted"):
            return self.reply(200, {**found, "status": "DELETED"})
        return self.reply(200, found) if found else self.nothing()

    def delete_clusters(self, key):
        self.one("cluster", key)["deleted"] = True
        return self.reply(200, {})

    def get_redirect(self, where):
        return self.reply(302, None, {"Location": urllib.parse.unquote(self.query["to"])})

    def get_text(self):
        return self.reply(200, "no JSON, and not much else")

    def post_echo(self):
        return self.reply(200, {"body": self.body, "key": self.headers.get("X-Api-Key")})


class Server(ThreadingHTTPServer):
    def handle_error(self, *_):
        """A client that is gone is none of the service's errors."""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--certificate")
    parser.add_argument("--key")
    parser.add_argument("--client-authority")
    arguments = parser.parse_args()
    server = Server(("127.0.0.1", 0), Handler)
    if arguments.certificate:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(arguments.certificate, arguments.key)
        if arguments.client_authority:
            context.verify_mode = ssl.CERT_REQUIRED
            context.load_verify_locations(arguments.client_authority)
        # The handshake belongs to the thread of the connection: one client must not hold up all.
        server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    print(server.server_address[1], flush=True)
    server.serve_forever()


main()
