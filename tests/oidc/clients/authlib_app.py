"""An application with Authlib in Flask: discovery, PKCE, state and nonce, ID tokens verified by their signature."""

import json
import os
import secrets
from base64 import urlsafe_b64decode

from authlib.integrations.flask_client import OAuth
from flask import Flask, jsonify, redirect, session
from werkzeug.serving import make_server

HERE = f"http://localhost:{os.environ['PORT']}"

app = Flask(__name__)
app.secret_key = secrets.token_bytes(32)
app.json.sort_keys = False
oauth = OAuth(app)
oauth.register(
    name="doorkey",
    server_metadata_url=f"{os.environ['ISSUER']}/.well-known/openid-configuration",
    client_id=os.environ["CLIENT_ID"],
    client_secret=os.environ["CLIENT_SECRET"],
    client_kwargs={"scope": "openid profile email phone groups", "code_challenge_method": "S256"},
)
# What a cookie has no room for.
people = {}


def header(token):
    part = token.split(".")[0]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@app.get("/")
def show():
    person = people.get(session.get("person"))
    if person is None:
        return jsonify(error="nobody is signed in"), 401
    return jsonify(claims=person["claims"], userinfo=person["userinfo"], kid=header(person["token"])["kid"])


@app.get("/sign-in")
def sign_in():
    return oauth.doorkey.authorize_redirect(f"{HERE}/callback")


@app.get("/callback")
def callback():
    token = oauth.doorkey.authorize_access_token()
    session["person"] = secrets.token_urlsafe()
    # What it calls userinfo are the claims of the ID token.
    people[session["person"]] = {
        "claims": token["userinfo"],
        "userinfo": oauth.doorkey.userinfo(token=token),
        "token": token["id_token"],
    }
    return redirect("/")


@app.get("/sign-out")
def sign_out():
    person = people.pop(session.pop("person"))
    return oauth.doorkey.logout_redirect(f"{HERE}/signed-out", id_token_hint=person["token"])


@app.get("/signed-out")
def signed_out():
    oauth.doorkey.validate_logout_response()
    return "signed out"


server = make_server("127.0.0.1", int(os.environ["PORT"]), app, threaded=True)
print(f"listens on {HERE}", flush=True)
server.serve_forever()
