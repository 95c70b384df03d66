// An application with express-openid-connect, which has sessions, sign-in and sign-out of its own.
import openid from 'express-openid-connect'
import session from 'express-session'
import { application, clientId, clientSecret, here, issuer, listen, scope } from './web.mjs'

const app = application({ sessions: false })
app.use('/backchannel-logout', (request, response, next) => {
  response.on('finish', () => console.log(`heard of an end: ${response.statusCode}`))
  next()
})
app.use(
  openid.auth({
    issuerBaseURL: issuer,
    baseURL: here,
    clientID: clientId,
    clientSecret,
    secret: 'of the cookies of a test',
    authRequired: false,
    idpLogout: true,
    // Where it is not told, it takes RS256 alone.
    idTokenSigningAlg: process.env.ID_TOKEN_ALG,
    // Sessions that the issuer has ended are remembered here.
    backchannelLogout: { store: new session.MemoryStore() },
    // By itself it asks for `response_type=id_token`, the implicit flow.
    authorizationParams: { response_type: 'code', scope },
    routes: { logout: '/sign-out', postLogoutRedirect: '/signed-out' },
  }),
)
// Its own is `/login`.
app.get('/sign-in', (request, response) => response.oidc.login({ returnTo: '/' }))

listen(app, async ({ oidc }) => {
  return oidc.isAuthenticated() && { claims: oidc.idTokenClaims, userinfo: await oidc.fetchUserInfo() }
})
