"""Uses the client that a generator wrote: lists some clients, is refused one thing, and gets a login link.

Arguments: the folder of the package `client`, the origin of the server, an API key.
"""

import json
import sys

folder, origin, key = sys.argv[1:]
sys.path.insert(0, folder)

from client import AuthenticatedClient, Client
from client.api.clients import list_clients
from client.api.login_links import get_login_link

back_office = AuthenticatedClient(base_url=origin, token=key)
both = list_clients.sync(client=back_office, filtersidin=[1, 3])
one = list_clients.sync(client=back_office, filtersemaileq="BOB@example.org", limit=1)
answer = get_login_link.sync_detailed("2", client=back_office, x_api_version="2026-12-01", min_ttl=60)
refused = get_login_link.sync(user="2", client=Client(base_url=origin))

print(json.dumps({
    "both": [user.email for user in both.data],
    "one": [(user.id, user.name, user.two_factor_enabled) for user in one.data],
    "total": one.meta.total,
    "link": answer.parsed.link,
    "reused": answer.parsed.reused,
    "version": answer.headers["X-Api-Version"],
    "refused": refused.code,
}))
