"""A mail server that does badly at one step, over aiosmtpd, and well at all others. It writes down what comes to it."""

import argparse
import asyncio
import email
import ssl
import sys

from aiosmtpd.smtp import MISSING, SMTP, AuthResult, LoginPassword

LOGIN = LoginPassword(b"login@example.org", b"s3cret")


def note(*words):
    print(*words, flush=True)


class Steps:
    """What is done at each step: noted, and then the usual or what the test wants."""

    def __init__(self, step, act):
        self.step, self.act = step, act

    async def reply(self, server, step, usual, *more):
        note(step, "encrypted" if server.session.ssl else "unencrypted", *more)
        if step != self.step:
            return usual
        if self.act == "drop":
            server.transport.abort()
        if self.act in ("drop", "hang"):
            await asyncio.Event().wait()
        return self.act

    async def handle_EHLO(self, server, session, envelope, name, replies):
        session.host_name = name
        said = await self.reply(server, "EHLO", None)
        return [said] if said else replies

    async def handle_AUTH(self, server, session, envelope, words):
        return await self.reply(server, "AUTH", MISSING)

    async def handle_MAIL(self, server, session, envelope, address, options):
        envelope.mail_from = address
        return await self.reply(server, "MAIL", "250 2.1.0 ok")

    async def handle_RCPT(self, server, session, envelope, address, options):
        envelope.rcpt_tos.append(address)
        return await self.reply(server, "RCPT", "250 2.1.5 ok")

    async def handle_DATA(self, server, session, envelope):
        message_id = email.message_from_bytes(envelope.content)["Message-ID"]
        return await self.reply(server, "message", "250 2.0.0 taken", message_id)


class Server(SMTP):
    """aiosmtpd asks its handler once the mail has come; a test may want something else of DATA itself."""

    async def smtp_DATA(self, argument):
        said = await self.event_handler.reply(self, "DATA", None)
        await (self.push(said) if said else super().smtp_DATA(argument))


def authenticate(server, session, envelope, mechanism, data):
    return AuthResult(success=data == LOGIN)


async def serve(settings):
    tls = None
    if settings.tls:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(*settings.tls)
    steps = Steps(*settings.at)

    def connected():
        note("connection")
        # Without TLS it would take the password as it is.
        return Server(steps, hostname="mail.test", tls_context=tls, auth_require_tls=tls is not None,
                      auth_required=True, authenticator=authenticate)

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", 0)
    note("port", server.sockets[0].getsockname()[1])
    await server.serve_forever()


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--at", nargs=2, default=(None, None), metavar=("STEP", "ACT"),
                    help="EHLO, AUTH, MAIL, RCPT, DATA or message, and hang, drop or a reply")
parser.add_argument("--tls", nargs=2, metavar=("CERTIFICATE", "KEY"), help="what STARTTLS shows; without it there is none")
settings = parser.parse_args()
if settings.at[0] not in (None, "EHLO", "AUTH", "MAIL", "RCPT", "DATA", "message"):
    sys.exit(f"{settings.at[0]} is no step")
asyncio.run(serve(settings))
