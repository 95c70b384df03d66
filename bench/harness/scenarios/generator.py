"""A check on the load generator itself."""

from .. import doorkey, machine, servers
from ..doorkey import Database
from ..load import drive, numbers
from ..rounds import FEW


def wrk(_):
    """The same two servers under wrk, which is no work of ours: a check on our own load generator."""
    machine.needs_debian("wrk", "wrk")
    data = Database.with_users(FEW, "few")
    results = {}
    with data.serve() as server, servers.baseline() as baseline:
        for name, one, headers in [("baseline", baseline, ["Host: x"]), ("reuse", server, [doorkey.HOST, data.key()])]:
            ask = {"path": "/api/login_links/1", "headers": headers, "expect": 200, "values": numbers(1)}
            results[name] = {"ours": drive(one, ask)["rate"], "wrk": with_wrk(one, headers)}
            of = results[name]
            machine.say(f"  {name}: {of['ours']:,.0f}/s under ours, {of['wrk']:,.0f}/s under wrk")
    return results


def with_wrk(server, headers):
    flags = [word for header in headers for word in ("-H", header)]
    url = f"http://127.0.0.1:{server.port}/api/login_links/1"
    told = machine.run("wrk", "-t1", "-c64", "-d5s", *flags, url)
    if "Non-2xx" in told or "Socket errors" in told:
        machine.stop(f"wrk met errors: {told}")
    return float(told.partition("Requests/sec:")[2].split()[0])
