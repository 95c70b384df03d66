"""TLS before a server that speaks plain HTTP, as a proxy of an operator's would be, with a certificate of a root of this run's own."""

import socket
import ssl
import subprocess
import threading

from failure import Failure


def certificate(folder):
    """Makes a root and a certificate for localhost. Gives the file of the root, and that of the certificate with its key."""
    key = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    with open(f"{folder}/extensions", "w") as extensions:
        extensions.write("subjectAltName = DNS:localhost\n")
    for words in (
        ["req", "-x509", *key, "-days", "2", "-subj", "/CN=root", "-keyout", "root.key", "-out", "root.pem"],
        ["req", *key, "-subj", "/CN=localhost", "-keyout", "server.key", "-out", "server.csr"],
        ["x509", "-req", "-in", "server.csr", "-CA", "root.pem", "-CAkey", "root.key", "-CAcreateserial", "-days", "2",
         "-extfile", "extensions", "-out", "server.pem"],
    ):
        done = subprocess.run(["openssl", *words], cwd=folder, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise Failure(f"openssl {words[0]} failed: {done.stderr}")
    return f"{folder}/root.pem", f"{folder}/server.pem", f"{folder}/server.key"


def serve(port, chain, key, behind):
    """Answers at a port of this machine until the program ends, and passes everything on to the port `behind`."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(chain, key)
    listener = socket.create_server(("127.0.0.1", port))
    threading.Thread(target=accept, args=(listener, context, behind), daemon=True).start()


def accept(listener, context, behind):
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=carry, args=(connection, context, behind), daemon=True).start()


def carry(connection, context, behind):
    try:
        with context.wrap_socket(connection, server_side=True) as outer, socket.create_connection(("127.0.0.1", behind)) as inner:
            back = threading.Thread(target=pump, args=(inner, outer), daemon=True)
            back.start()
            pump(outer, inner)
            back.join()
    except OSError:
        return


def pump(source, sink):
    """Carries bytes until the source has no more, and tells the sink so."""
    try:
        while data := source.recv(65536):
            sink.sendall(data)
        sink.shutdown(socket.SHUT_WR)
    except OSError:
        return
