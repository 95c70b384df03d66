// An application with oauth4webapi, step by step as its example for OpenID Connect has it.
import * as oauth from 'oauth4webapi'
import { application, callback, clientId, clientSecret, here, issuer, listen, scope, signedOut } from './web.mjs'

const insecure = { [oauth.allowInsecureRequests]: true }
const asked = await oauth.discoveryRequest(new URL(issuer), insecure)
const server = await oauth.processDiscoveryResponse(new URL(issuer), asked)
const client = { client_id: clientId }
const authentication = oauth.ClientSecretPost(clientSecret)
const app = application()

app.get('/sign-in', async (request, response) => {
  const [verifier, state, nonce] = [oauth.generateRandomCodeVerifier(), oauth.generateRandomState(), oauth.generateRandomNonce()]
  request.session.checks = { verifier, state, nonce }
  const url = new URL(server.authorization_endpoint)
  const parameters = {
    client_id: clientId,
    redirect_uri: callback,
    response_type: 'code',
    scope,
    code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
    nonce,
  }
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  response.redirect(url.href)
})

app.get('/callback', async (request, response) => {
  const { verifier, state, nonce } = request.session.checks
  // It checks `iss` as well, since the metadata says that it is sent.
  const parameters = oauth.validateAuthResponse(server, client, new URL(request.url, here), state)
  const exchange = await oauth.authorizationCodeGrantRequest(
    server, client, authentication, parameters, callback, verifier, insecure)
  const tokens = await oauth.processAuthorizationCodeResponse(
    server, client, exchange, { expectedNonce: nonce, requireIdToken: true })
  await oauth.validateApplicationLevelSignature(server, exchange, insecure)
  const claims = oauth.getValidatedIdTokenClaims(tokens)
  const answer = await oauth.userInfoRequest(server, client, tokens.access_token, insecure)
  const userinfo = await oauth.processUserInfoResponse(server, client, claims.sub, answer)
  request.session.person = { claims, userinfo }
  request.session.token = tokens.id_token
  response.redirect('/')
})

// The library has no sign-out: it gives the metadata, and the application writes the address.
app.get('/sign-out', (request, response) => {
  const url = new URL(server.end_session_endpoint)
  url.searchParams.set('id_token_hint', request.session.token)
  url.searchParams.set('post_logout_redirect_uri', signedOut)
  request.session.destroy(() => response.redirect(url.href))
})

listen(app, (request) => request.session.person)
