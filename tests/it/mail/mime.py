"""Parses mails strictly: of each, what it is expected to be stands in a line of JSON."""

import email
import email.policy
import functools
import json
import struct
import sys
import traceback



@functools.lru_cache(maxsize=64)
def parsed(name, value):
    header = email.policy.default.header_fetch_parse(name, value)
    assert not header.defects, (name, value, header.defects)
    return header


class Strict(email.policy.EmailPolicy):
    """The library parses a header each time that it looks at it: here once."""

    def header_fetch_parse(self, name, value):
        return parsed(name, value)


POLICY = Strict(raise_on_defect=True)


def spaced(text):
    return " ".join(text.split())


def check(raw, expected):
    mail = email.message_from_bytes(raw, policy=POLICY)
    names = [name for name, _ in mail.items()]
    assert names == expected["headers"], names
    [sender] = mail["From"].addresses
    assert sender.addr_spec == expected["from"], sender
    # Older versions put a space between two encoded words of a name.
    shown, name = sender.display_name, expected["name"]
    assert "".join(shown.split()) == "".join(name.split()), (shown, name)
    [recipient] = mail["To"].addresses
    assert (recipient.addr_spec, recipient.display_name) == (expected["to"], ""), recipient
    subject, message_id = mail["Subject"], mail["Message-ID"]
    assert spaced(subject) == spaced(expected["subject"]), subject
    assert message_id == f"<{expected['id']}@{expected['from'].split('@')[1]}>", message_id
    assert mail["Date"].datetime.utcoffset().total_seconds() == 0
    text, html = mail.iter_parts()
    assert text.get_content_type() == "text/plain" and html.get_content_type() == "text/html"
    assert html["Content-Transfer-Encoding"] == "7bit"
    lines = text.get_content().replace("\r\n", "\n").split("\n")
    assert lines.count(expected["link"]) == 1, lines
    assert html.get_content().count(f'href="{expected["link"]}"') == 1
    assert raw.count(b"\r\n" + expected["link"].encode() + b"\r\n") == 1 or text["Content-Transfer-Encoding"] == "base64"
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")


def main():
    count = 0
    with open(sys.argv[1], "rb") as mails, open(sys.argv[2], encoding="utf-8") as expectations:
        for line in expectations:
            [length] = struct.unpack(">I", mails.read(4))
            raw, expected = mails.read(length), json.loads(line)
            try:
                check(raw, expected)
            except Exception as error:
                sys.exit(f"{traceback.format_exc()}{error}\n{expected}\n{raw.decode()}")
            count += 1
    print(count)


main()
