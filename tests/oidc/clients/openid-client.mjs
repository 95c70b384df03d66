// An application with openid-client: discovery, PKCE, state and nonce, ID tokens verified by their signature.
import * as client from 'openid-client'
import { application, callback, clientId, clientSecret, header, here, issuer, listen, scope, signedOut } from './web.mjs'

// Plain http and verified signatures are both asked for: by themselves, tokens from the token endpoint count by its TLS.
const config = await client.discovery(new URL(issuer), clientId, clientSecret, undefined, {
  execute: [client.allowInsecureRequests, client.enableNonRepudiationChecks],
})
const app = application()

app.get('/sign-in', async (request, response) => {
  const pkceCodeVerifier = client.randomPKCECodeVerifier()
  const [expectedState, expectedNonce] = [client.randomState(), client.randomNonce()]
  request.session.checks = { pkceCodeVerifier, expectedState, expectedNonce, idTokenExpected: true }
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: callback,
    scope,
    code_challenge: await client.calculatePKCECodeChallenge(pkceCodeVerifier),
    code_challenge_method: 'S256',
    state: expectedState,
    nonce: expectedNonce,
  })
  response.redirect(url.href)
})

app.get('/callback', async (request, response) => {
  const tokens = await client.authorizationCodeGrant(config, new URL(request.url, here), request.session.checks)
  const claims = tokens.claims()
  const userinfo = await client.fetchUserInfo(config, tokens.access_token, claims.sub)
  request.session.person = { claims, userinfo, kid: header(tokens.id_token).kid }
  request.session.token = tokens.id_token
  response.redirect('/')
})

app.get('/sign-out', (request, response) => {
  const [id_token_hint, post_logout_redirect_uri] = [request.session.token, signedOut]
  request.session.destroy(() => {
    response.redirect(client.buildEndSessionUrl(config, { id_token_hint, post_logout_redirect_uri }).href)
  })
})

listen(app, (request) => request.session.person)
