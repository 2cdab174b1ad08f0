#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""router_control.py PINF ROUTER-OPTION... -- runs a router and does what `pinf-conform run --control` asks of it.

What it offers is in PINF_CONTROLS (restart, create-session, allow, deny, rotate; default: restart).  A restart kills it as a power
cut would; the rest is done by pinf's own commands, as the wallet of PINF_WALLET.  It is ready when /healthz of the port in
PINF_CONTROL_PORT says so.
"""
import http.client
import json
import os
import subprocess
import sys
import time

PINF = sys.argv[1]
CONTROLS = os.environ.get("PINF_CONTROLS", "restart").split()


def start():
    router = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", PINF, "router", *sys.argv[2:]], stdin=subprocess.DEVNULL, stdout=sys.stderr)
    until = time.monotonic() + 30
    while time.monotonic() < until and router.poll() is None:
        link = http.client.HTTPConnection("127.0.0.1", int(os.environ["PINF_CONTROL_PORT"]), timeout=5)
        try:
            link.request("GET", "/healthz")
            if link.getresponse().status == 200:
                return router
        except OSError:
            time.sleep(0.02)
        finally:
            link.close()
    raise SystemExit("the router does not get ready")


def end(router):
    router.kill()
    router.wait()


def pinf(*args):
    return json.loads(subprocess.run([PINF, *map(str, args), "--json"], check=True, capture_output=True, text=True).stdout)


def create_session(asked):
    options = ["--type", asked["type"], "--api-key", "--private" if asked["private"] else "--no-private"]
    options += ["--router-sealed"] if asked["router_sealed"] else []
    options += ["--seats", asked["seats"]] if "seats" in asked else []
    made = pinf("session", "create", *options)
    if "policy" in asked:
        with open("policy.json", "w", encoding="utf-8") as file:
            json.dump(asked["policy"], file)
        pinf("session", "policy", made["session_id"], "policy.json")
    return {"session_id": made["session_id"], "api_key": made["api_key"]}


def main():
    router = start()
    for line in sys.stdin:
        asked = json.loads(line)
        action, answer = asked.get("action"), {}
        if asked["verb"] == "start":
            answer = {"controls": CONTROLS}
        elif action == "restart":
            end(router)
            router = start()
        elif action == "create-session":
            answer = create_session(asked)
        elif action in ("allow", "deny"):
            pinf("session", action, asked["session_id"], asked["miner"])
        elif action == "rotate":
            pinf("key", "rotate", "--router-url", f"http://127.0.0.1:{os.environ['PINF_CONTROL_PORT']}")
        print(json.dumps({"ok": answer}), flush=True)
        if asked["verb"] == "stop":
            break
    end(router)


if __name__ == "__main__":
    main()
