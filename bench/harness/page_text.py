"""What docs/performance.md says in every run: how to measure, what the rows mean, and how they are measured."""

INTRO = """\
# How fast doorkey is

Written by `bench/run` and `bench/peers`; do not edit it by hand. To measure on your own machine:

```
bench/run                 # against a server that does nothing; the first time it imports 1,000,000 users
bench/run --long          # with 10,000,000 users too, which are imported once
bench/run reuse verify    # some scenarios; the page has them beside what was measured before
bench/peers               # against django-sesame, better-auth and passport-magic-login, which it installs
cargo bench               # the single steps
bench/instructions        # instructions by request, against the kept numbers
```
"""

MISSED = """\
Where the time of what is missed goes, and what would close it: [performance-log.md](performance-log.md#what-the-page-misses).
"""

MEANING = """\
What a row means to whoever runs doorkey:

- **A live link again, 100,000 people in no order**: what a busy portal or mailing costs while people's links live, whoever they are.
- **A live link again, 1,000 people, asked again and again**: the same where few people ask all the time, at its best.
- **`/auth/verify`, within their minute**: what each request to an application behind a proxy costs, for people who are at work.
- **`/auth/verify`, each first in its minute**: what it costs where everybody comes by once a minute at most, since then each
  request moves the end of its session on.
- **A link of a mail merge**: what a mailing costs that puts a link into each mail.
- **A new link**: what a person costs who had none, on the disk before the answer; the time that a mailing takes at first. With 256 connections: the most
  that can be made a second.
- **A redemption**: what it costs when somebody opens a link, presses the button and is signed in.
- **Mixed**: what a day costs on which people mostly work, and some sign in.
- **At half of that rate**: what people wait when the server is busy and not at its end; each request costs more CPU then, since
  fewer are done at a time.
"""

APPS = """\
A whole sign-in by OpenID Connect of somebody who is signed in to the provider: `authorize` with PKCE (S256), the exchange of the code by an app
that sends its secret, and `userinfo`; the scopes are `openid profile email`. 1,000 people, each with a session, in no order, over 64 connections;
8,000 sign-ins a run of doorkey, 1,000 of the others. Of each of them the statuses are checked at once, and afterwards `state`, the code, the ID
token's algorithm, audience and `nonce`, the `sub` of `userinfo`, and that as many subjects as people signed in. All three sign by RSA of 2,048
bits; an app of doorkey's may have ES256 instead. The servers ran through all rounds, and the others were warm from the sign-ins of their people.
"""

APPS_OF_DOORKEY = (
    "one process; codes and access tokens, as keyed hashes, and sessions in the database; a code, and its use with its audit entry, are "
    "durable before the answer; no consent, since apps are the operator's; 1,000,000 users"
)

CODES = """\
**Memory** (proportional share) of doorkey is {} MB idle, {} MB while 10,000 codes wait that nobody exchanges, and {} MB once
they are over: they are rows in the database, and the sweep takes them a day later.
"""

MAIL = """\
4,000 mails to clients who have no link yet, each written into a folder, so that no mail server is measured. People send the form of the login
page; the back office calls the API. Asks of people are looked at 64 at a time and four times a second, which is what bounds their
mails. The mails that wait are behind a mail server that takes connections and says nothing.
"""

OPENINGS = """\
The page of a live link, of 20,000 that are opened in no order, with openings noted and without. Noting them is put off: what it takes
afterwards, until it is settled whether a person or a machine was there, counts as well. At the highest rate most are dropped, at 500 a
second none.
"""

LISTS = """\
What a back office costs that pages through a list, 20 rows to a page, over two connections, since doorkey makes two lists of a workspace
at a time. *In the middle* are ten pages there. *Sorted* is the first page in another order that an index has: clients by address, the others
oldest first. Deep pages of clients by address are not measured: doorkey skips one client after the other there, within the five seconds
that a list may take. *The desk* are pages of the admin desk: the overview of 90 days with so many links, and the first page of a list with so
many rows.
"""

IMPORTS = """\
What it takes to bring 100,000 people in with `doorkey user import`, their ids in order and their addresses in none, and what those notice
who ask for new links meanwhile, at half of the highest rate. Without a server it is into an empty database; beside one, 1,000,000 people are
there already (300,000 on PostgreSQL). The import leaves the database alone in between, so that a running server is not held up.
"""

GROWTH = """\
What a live link again costs with so many people in the database, asked for in no order. All of them have a live link; of 10,000,000 it
is 1,000,000 who are spread evenly over all.
"""

FLATTERY = """\
## What flattered earlier figures

This page once had better figures for the same doorkey, since it asked what is easy to answer:

- The headline was a live link again for **1,000 people, over and over**. They all fit into what a connection remembers between two commits, so
  hardly a page was read. A mailing asks for each person once.
- People were asked for **in the order in which their links had been made**, a step of one length from each to the next. Links lie in that
  order, so those who were asked for one after the other lay in one page. Now each run has an order of its own, in which nobody comes a
  second time before all have come once.
- `/auth/verify` was asked for **1,000 sessions that had been seen within the minute**, so nothing was ever written.
- CPU was read at the end of the load; **what the server puts off**, such as counters of reuse, it did later and for nothing.
- Of lists only the **first ten pages of clients** were measured.
- Imports had **addresses in the order of their ids**, and no server beside them.
"""

NODES = """\
A live link again over PostgreSQL, 100,000 people in no order, 64 connections shared out among the nodes. All of it runs on the same cores, so
more nodes cannot answer more here; what counts is what each request takes.
"""

HOW = """\
## How it is measured

- The server, the load generator and, where there is one, the database run on the same machine, over loopback, without
  TLS. The **baseline** is [examples/baseline.rs](../examples/baseline.rs): the HTTP stack of doorkey (hyper and axum on tokio's
  threads, `TCP_NODELAY`), answering a constant JSON of a login link's length.
- The load comes from [examples/load](../examples/load/main.rs), on one thread. Common generators cannot follow a link
  to its button with the page's cookie, use every token once, or hold each answer against the status expected of it;
  what it gives on plain requests is held against `wrk` above. A single unexpected answer ends the run with an error.
- **In no order**: a permutation of all who are asked for ([examples/load/order.rs](../examples/load/order.rs)), another one in each
  run and each pass, so nobody comes again before all have come. Runs of the harness have the same orders.
- **CPU** is the server's user and system time from `/proc/PID/stat`, of all its processes, divided by the operations. Where links and
  sessions are measured, what doorkey does in the six seconds after the load counts as well, so that nothing is put off. Three runs each, in turn with the baseline's (A B A B A B);
  shown are the median and, in brackets, the least and the most.
- **Memory at its highest** is the most that was resident (`VmHWM`) of a server that was started for that run alone; links and sessions
  that it needs were made by one before it.
- doorkey runs as `doorkey serve` does by default (log of every request as text, to standard error, which is a file
  here), on SQLite in WAL with `synchronous=FULL`. 1,000,000 users are in the database unless something else is said.
- **First in its minute**: 10,000 people are signed in, more than a minute passes without a request, and each session is asked about once, in
  no order; so three times. Afterwards the list of sessions must say that each was seen, else the run ends with an error. Then
  each is asked about again and again within the minute. The clock is the machine's own.
- A *redemption* is two requests, the page and its button, and counts as one operation. *Mixed* is 90 % `/auth/verify` of 10,000 sessions,
  8 % reuse among 100,000 people, 1 % new links, 1 % redemptions.
- *Lists* of 1,000,000 rows: the clients were imported, and the log has what that left in it. Live links and sessions are copies of a real
  one that the harness writes into the stopped server's database with SQL, each with its own key, moment and user; a list reads
  neither tokens nor seals. Each list must then say that it has so many rows.
- *Bare loop* is [examples/raw_inserts.rs](../examples/raw_inserts.rs): one thread that does nothing but insert into doorkey's schema, with the
  same pragmas, on the same disk: login links with their audit entries, setting the users' newest links, 64 to a commit, or users with
  their audit entries, 1,000 to a commit. One of its rows is all that one new link, or one imported user, leaves behind.
- With a rate (*half rate*: half of the highest rate measured just before) operations begin when they are due, whether
  or not those before have ended, and their time counts from then.
"""
