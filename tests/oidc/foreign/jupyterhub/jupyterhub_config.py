"""A JupyterHub that signs people in by oauthenticator's GenericOAuthenticator, by its chapter "Generic"."""

import os

issuer, url, folder = os.environ["ISSUER"], os.environ["URL"], os.environ["FOLDER"]
c = get_config()  # noqa: F821

c.JupyterHub.bind_url = url
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{os.environ['HUB_PORT']}"
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{os.environ['PROXY_PORT']}"
c.JupyterHub.db_url = f"sqlite:///{folder}/jupyterhub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie_secret"
# Nobody's notebook is started: the page that says who is signed in is enough.
c.JupyterHub.redirect_to_server = False
c.JupyterHub.spawner_class = "simple"

c.JupyterHub.authenticator_class = "generic-oauth"
c.GenericOAuthenticator.login_service = "Doorkey"
c.GenericOAuthenticator.client_id = os.environ["CLIENT_ID"]
c.GenericOAuthenticator.client_secret = os.environ["CLIENT_SECRET"]
c.GenericOAuthenticator.oauth_callback_url = f"{url}/hub/oauth_callback"
c.GenericOAuthenticator.authorize_url = f"{issuer}/oidc/authorize"
c.GenericOAuthenticator.token_url = f"{issuer}/oidc/token"
c.GenericOAuthenticator.userdata_url = f"{issuer}/oidc/userinfo"
c.GenericOAuthenticator.logout_redirect_url = f"{issuer}/oidc/end_session"
c.GenericOAuthenticator.scope = ["openid", "profile", "email", "groups"]
c.GenericOAuthenticator.username_claim = "email"
c.GenericOAuthenticator.manage_groups = True
c.GenericOAuthenticator.allowed_groups = {"client"}
