#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""router_control.py COMMAND...: runs a router and does what `pinf-conform run --control` asks of it.

`restart` kills it as a power cut would and starts it anew; everything else is skipped.  It is told to be
ready by /healthz of the port in PINF_CONTROL_PORT.
"""
import http.client
import json
import os
import subprocess
import sys
import time


def start(command):
    router = subprocess.Popen(["setpriv", "--pdeathsig", "KILL", "--", *command], stdin=subprocess.DEVNULL, stdout=sys.stderr)
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


def main():
    router = start(sys.argv[1:])
    for line in sys.stdin:
        question = json.loads(line)
        answer = {"ok": {}}
        if question["verb"] == "start":
            answer = {"ok": {"controls": ["restart"]}}
        elif question["verb"] == "control" and question["action"] == "restart" and os.environ.get("PINF_CONTROL_RESTARTS") != "0":
            end(router)
            router = start(sys.argv[1:])
        elif question["verb"] == "control":
            answer = {"skip": "only restart, where PINF_CONTROL_RESTARTS is not 0"}
        print(json.dumps(answer, separators=(",", ":")), flush=True)
        if question["verb"] == "stop":
            break
    end(router)


if __name__ == "__main__":
    main()
