"""A stand-in for Metabase's REST API, with state, for as much of it as a publisher needs; what it knows is in openapi.json.
Nothing of it has been held against a real server: docs/metabase.md says so.

    with Fake() as m: … m.url …
Faults are played by m.faults: a list of (method, path's beginning, what), each used once: "503", "429", "401", "cut" (carried
out, then the connection is cut), "refuse"."""
import copy
import json
import re
import threading
import uuid
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

DECLARED = {
    "card": {"name", "type", "dataset_query", "entity_id", "parameters", "parameter_mappings", "display", "visualization_settings", "collection_id",
             "collection_position", "description", "archived", "cache_ttl", "dashboard_id"},
    "dashboard": {"name", "description", "parameters", "collection_id", "collection_position", "cache_ttl", "dashcards", "tabs", "width", "archived"},
    "database": {"name", "engine", "details", "is_full_sync"}, "collection": {"name", "description", "parent_id"}}


class Fake:
    def __init__(self, run_query=None, starting=0):
        self.cards, self.dashboards, self.databases, self.collections, self.dashcards = {}, {}, {}, {}, {}
        self.ids = {k: 10 for k in ("card", "dashboard", "database", "collection", "dashcard")}
        self.user, self.token, self.sessions, self.keys = None, str(uuid.uuid4()), set(), {"mb_test"}
        self.faults, self.undeclared, self.log, self.starting = [], [], [], starting
        self.run_query = run_query or (lambda sql, parameters: None)
        self.lock = threading.RLock()
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def log_message(self, *_):
                pass

            def handle_one(self):
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                fake.handle(self, self.command, self.path, json.loads(body) if body else None)

            do_GET = do_POST = do_PUT = do_DELETE = handle_one

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.server.server_port}"

    def __enter__(self):
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.server.shutdown()
        self.server.server_close()

    # ---- plumbing ----

    def handle(self, h, method, full, body):
        path, _, query = full.partition("?")
        query = dict(p.partition("=")[::2] for p in query.split("&") if p)
        with self.lock:
            self.log.append((method, path))
            fault = next((f for f in self.faults if f[0] == method and path.startswith(f[1])), None)
            if fault:
                self.faults.remove(fault)
            what = fault[2] if fault else None
            if what == "refuse":
                status, answer = 400, {"errors": {"name": "refused for the test"}, "specific-errors": {}}
            elif what in ("503", "429"):
                status, answer = int(what), "try again"
            elif what == "401":
                self.sessions.clear()
                status, answer = 401, "Unauthenticated"
            else:
                status, answer = self.answer(h, method, path, query, body)
            if what == "cut":
                h.close_connection = True
                h.connection.close()
                return
        text = answer if isinstance(answer, str) else json.dumps(answer)
        data = text.encode()
        h.send_response(status)
        if status != 204:
            h.send_header("Content-Type", "text/plain" if isinstance(answer, str) else "application/json")
            h.send_header("Content-Length", str(len(data)))
        h.end_headers()
        if status != 204:
            h.wfile.write(data)

    def answer(self, h, method, path, query, body):
        if path == "/api/health":
            if self.starting:
                self.starting -= 1
                return 503, {"status": "initializing", "progress": 0.4}
            return 200, {"status": "ok"}
        if path == "/api/session/properties":
            return 200, {"version": {"tag": "v0.61.2", "date": "2026-01-01", "hash": "x"}, "setup-token": None if self.user else self.token,
                         "has-user-setup": bool(self.user), "site-name": "lakefm", "engines": {}, "token-features": {}, "start-of-week": "monday"}
        if path == "/api/setup":
            if self.user:
                return 403, "The /api/setup route can only be used to create the first user, however a user currently exists."
            if body["token"] != self.token:
                return 400, {"errors": {"token": "Token does not match the setup token."}}
            self.user = (body["user"]["email"], body["user"]["password"])
            return 200, self.session()
        if path == "/api/session" and method == "POST":
            if self.user != (body["username"], body["password"]):
                return 401, {"errors": {"password": "did not match stored password"}}
            return 200, self.session()
        if h.headers.get("X-Metabase-Session") not in self.sessions and h.headers.get("X-API-Key") not in self.keys:
            return 401, "Unauthenticated"
        if path == "/api/user/current":
            return 200, {"id": 1, "email": "a@b.c", "is_superuser": True, "common_name": "Lake Admin", "first_name": "Lake", "last_name": "Admin"}
        for pattern, fn in self.routes():
            found = re.fullmatch(pattern, f"{method} {path}")
            if found:
                args = [int(g) for g in found.groups()]
                table = {"card": self.cards, "dashboard": self.dashboards, "database": self.databases, "collection": self.collections}
                kind = path.split("/")[2]
                if args and args[0] not in table[kind]:
                    return 404, "Not found."
                if kind in DECLARED and isinstance(body, dict) and not path.endswith("/query"):
                    self.undeclared += [(method, path, k) for k in body if k not in DECLARED[kind]]
                return fn(*args, query=query, body=body)
        return 404, "API endpoint does not exist."

    def session(self):
        s = str(uuid.uuid4())
        self.sessions.add(s)
        return {"id": s}

    def next(self, kind):
        self.ids[kind] += 1
        return self.ids[kind]

    def routes(self):
        return [(r"GET /api/database", self.database_list), (r"POST /api/database", self.database_create), (r"GET /api/database/(\d+)", self.database_get),
                (r"PUT /api/database/(\d+)", self.database_update), (r"POST /api/database/(\d+)/sync_schema", lambda i, **_: (200, {"status": "ok"})),
                (r"GET /api/collection", lambda **_: (200, [self.root(), *self.collections.values()])), (r"POST /api/collection", self.collection_create),
                (r"GET /api/collection/(\d+)", lambda i, **_: (200, self.collections[i])), (r"GET /api/collection/(\d+)/items", self.items),
                (r"POST /api/card", self.card_create), (r"GET /api/card/(\d+)", self.card_get), (r"PUT /api/card/(\d+)", self.card_update),
                (r"POST /api/card/(\d+)/query", self.card_query), (r"POST /api/dashboard", self.dashboard_create),
                (r"GET /api/dashboard/(\d+)", self.dashboard_get), (r"PUT /api/dashboard/(\d+)", self.dashboard_update)]

    # ---- databases ----

    def shown(self, d):
        d = copy.deepcopy(d)
        if d["details"].get("password"):
            d["details"]["password"] = "**MetabasePass**"
        return d

    def database_list(self, **_):
        return 200, {"data": [self.shown(d) for d in self.databases.values()], "total": len(self.databases)}

    def database_create(self, body, **_):
        if body["details"].get("host") == "unreachable":
            return 400, {"errors": {"host": "check your host settings"}, "specific-errors": {}, "message": "Hmm, we couldn't connect to the database."}
        i = self.next("database")
        self.databases[i] = {"id": i, "name": body["name"], "engine": body["engine"], "details": body["details"], "initial_sync_status": "complete",
                             "is_full_sync": True, "is_sample": False, "features": [], "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
                             "timezone": "UTC"}
        return 200, self.shown(self.databases[i])

    def database_get(self, i, **_):
        return 200, self.shown(self.databases[i])

    def database_update(self, i, body, **_):
        details = {k: v for k, v in (body.get("details") or {}).items() if v != "**MetabasePass**"}
        self.databases[i]["details"].update(details)
        return 200, self.shown(self.databases[i])

    # ---- collections ----

    def root(self):
        return {"id": "root", "name": "Our analytics", "can_write": True}

    def collection_create(self, body, **_):
        i = self.next("collection")
        self.collections[i] = {"id": i, "name": body["name"], "description": body.get("description"), "archived": False, "location": "/", "slug": body["name"],
                               "entity_id": f"c{i:020d}", "personal_owner_id": None, "can_write": True}
        return 200, self.collections[i]

    def items(self, i, query, **_):
        rows = []
        for model, table in (("card", self.cards), ("dashboard", self.dashboards)):
            if query.get("models") in (None, model):
                rows += [{"id": x["id"], "model": model, "name": x["name"], "description": x["description"], "archived": False, "collection_id": i,
                          "entity_id": x["entity_id"]} for x in table.values() if x["collection_id"] == i and not x["archived"]]
        limit, offset = int(query.get("limit", 1000)), int(query.get("offset", 0))
        return 200, {"data": rows[offset:offset + limit], "total": len(rows), "models": ["card", "dashboard"], "limit": limit, "offset": offset}

    # ---- questions ----

    def card_create(self, body, **_):
        if not body.get("visualization_settings") and body.get("visualization_settings") != {}:
            return 400, {"errors": {"visualization_settings": "value must be a map."}}
        i = self.next("card")
        self.cards[i] = {"archived": False, "description": None, "collection_id": None, "collection_position": None, "parameters": [], **body, "id": i, "type": "question",
                         "query_type": "native", "database_id": body["dataset_query"]["database"], "table_id": None, "creator_id": 1, "entity_id": f"q{i:020d}",
                         "dashboard_id": None, "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "can_write": True, "result_metadata": []}
        return 200, self.cards[i]

    def card_get(self, i, **_):
        return 200, self.cards[i]

    def card_update(self, i, body, **_):
        self.cards[i].update(body)
        return 200, self.cards[i]

    def card_query(self, i, body, **_):
        query = self.cards[i]["dataset_query"]["native"]
        try:
            rows, columns = self.run_query(query["query"], body.get("parameters", [])) or ([], [])
        except Exception as e:
            return 202, {"status": "failed", "error": str(e), "data": {"rows": [], "cols": []}, "row_count": 0, "running_time": 1}
        return 202, {"status": "completed", "row_count": len(rows), "running_time": 1, "database_id": self.cards[i]["database_id"],
                     "data": {"rows": rows, "cols": [{"name": c, "display_name": c, "base_type": "type/Text"} for c in columns], "native_form": {"query": query["query"]}}}

    # ---- dashboards ----

    def dashboard_create(self, body, **_):
        i = self.next("dashboard")
        self.dashboards[i] = {"archived": False, "description": None, "collection_id": None, "collection_position": None, "parameters": [], "width": "fixed",
                              "auto_apply_filters": True, "enable_embedding": False, "public_uuid": None, "cache_ttl": None,
                              **{k: v for k, v in body.items() if k not in ("dashcards", "tabs")}, "id": i, "creator_id": 1, "entity_id": f"d{i:020d}",
                              "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z", "can_write": True, "dashcards": [], "tabs": []}
        return 200, self.dashboards[i]

    def dashboard_get(self, i, **_):
        return 200, self.dashboards[i]

    def dashboard_update(self, i, body, **_):
        d = self.dashboards[i]
        if "dashcards" in body:
            ids = [c["id"] for c in body["dashcards"]]
            if len(set(ids)) != len(ids):
                return 400, {"errors": {"dashcards": "ids must be unique"}}
            known, cards = {c["id"]: c for c in d["dashcards"]}, []
            for c in body["dashcards"]:
                if c.get("card_id") is not None and c["card_id"] not in self.cards:
                    return 404, "Not found."
                if body.get("tabs") and c.get("dashboard_tab_id") is None:
                    return 400, {"errors": {"dashcards": "every card needs a tab"}}
                base = known.get(c["id"]) or {"id": self.next("dashcard"), "dashboard_id": i, "card_id": None, "dashboard_tab_id": None, "entity_id": None,
                                              "visualization_settings": {}, "parameter_mappings": [], "inline_parameters": [], "series": []}
                cards.append({**base, **{k: v for k, v in c.items() if k != "id"}, "card": self.cards.get(c.get("card_id"))})
            d["dashcards"] = cards
        d.update({k: v for k, v in body.items() if k != "dashcards"})
        return 200, d
