"""Names the services in Keystone's catalogue, and makes the user that they speak to each other as."""

import json
import urllib.request

ROOT = "http://127.0.0.1:5000/v3"
PASSWORD = "rig"

ENDPOINTS = {
    "image": ("glance", "http://127.0.0.1:9292"),
    "placement": ("placement", "http://127.0.0.1:8778"),
    "compute": ("nova", "http://127.0.0.1:8774/v2.1"),
    "volumev3": ("cinderv3", "http://127.0.0.1:8776/v3/%(project_id)s"),
    "network": ("neutron", "http://127.0.0.1:9696"),
}


def ask(method, path, body=None, token=None):
    headers = {"Content-Type": "application/json"}
    if token:
        headers["X-Auth-Token"] = token
    data = json.dumps(body).encode() if body is not None else None
    request = urllib.request.Request(ROOT + path, data=data, method=method, headers=headers)
    with urllib.request.urlopen(request) as answer:
        text = answer.read()
        return answer.headers, json.loads(text) if text else {}


def login():
    user = {"name": "admin", "domain": {"id": "default"}, "password": PASSWORD}
    scope = {"project": {"name": "admin", "domain": {"id": "default"}}}
    identity = {"methods": ["password"], "password": {"user": user}}
    headers, _ = ask("POST", "/auth/tokens", {"auth": {"identity": identity, "scope": scope}})
    return headers["X-Subject-Token"]


token = login()
project = ask("POST", "/projects", {"project": {"name": "service", "domain_id": "default"}}, token)[1]["project"]
user = ask("POST", "/users", {"user": {"name": "service", "password": PASSWORD, "domain_id": "default"}}, token)
roles = {role["name"]: role["id"] for role in ask("GET", "/roles", None, token)[1]["roles"]}
ask("PUT", "/projects/%s/users/%s/roles/%s" % (project["id"], user[1]["user"]["id"], roles["admin"]), None, token)
for kind, (name, url) in ENDPOINTS.items():
    service = ask("POST", "/services", {"service": {"type": kind, "name": name}}, token)[1]["service"]
    for interface in ("public", "internal", "admin"):
        endpoint = {"service_id": service["id"], "interface": interface, "url": url, "region_id": "RegionOne"}
        ask("POST", "/endpoints", {"endpoint": endpoint}, token)
