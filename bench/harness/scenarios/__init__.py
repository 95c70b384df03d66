"""What is measured of doorkey: each scenario sets its own stage, then takes its runs in turn with those it is held against."""

from . import desk, generator, growth, imports, links, lists, mail, neighbour, nodes, oidc, sessions

ALL = {
    "reuse": links.reuse,
    "verify": sessions.verify,
    "new": links.new,
    "redeem": links.redeem,
    "mail-merge": links.mail_merge,
    "mixed": sessions.mixed,
    "oidc": oidc.oidc,
    "mail": mail.mail,
    "openings": desk.openings,
    "lists": lists.lists,
    "desk": desk.desk,
    "import": imports.imports,
    "size": growth.size,
    "nodes": nodes.nodes,
    "start": growth.start,
    "neighbour": neighbour.neighbour,
    "wrk": generator.wrk,
}
