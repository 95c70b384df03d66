"""What a browser's script does for a Streamlit application: it opens the web socket, with the cookies that it is given, has the
application run, and prints the texts that it shows and where it sends the browser, as JSON. Usage: session.py QUERY < COOKIES"""

import http.cookies
import json
import os
import sys

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from websockets.sync.client import connect


def main():
    url = os.environ["URL"]
    cookies = sys.stdin.read().strip()
    seen = {"texts": [], "redirect": ""}
    stream = url.replace("http://", "ws://") + "/_stcore/stream"
    # The token against forged requests stands beside the name of the protocol, as the page's script writes it.
    token = http.cookies.SimpleCookie(cookies)["_streamlit_xsrf"].value
    headers, protocols = {"Cookie": cookies}, ["streamlit", token]
    with connect(stream, origin=url, subprotocols=protocols, additional_headers=headers, proxy=None) as socket:
        run = BackMsg()
        run.rerun_script.query_string = sys.argv[1]
        socket.send(run.SerializeToString())
        while True:
            message = ForwardMsg()
            message.ParseFromString(socket.recv(timeout=30))
            kind = message.WhichOneof("type")
            if kind == "auth_redirect":
                seen["redirect"] = message.auth_redirect.url
            elif kind == "delta" and message.delta.new_element.WhichOneof("type") == "text":
                seen["texts"].append(message.delta.new_element.text.body)
            elif kind == "script_finished":
                break
    print(json.dumps(seen))


main()
