// An application with passport and passport-openidconnect, which knows neither PKCE nor discovery.
import passport from 'passport'
import OpenIDConnectStrategy from 'passport-openidconnect'
import { application, callback, clientId, clientSecret, issuer, listen, scope } from './web.mjs'

const options = {
  issuer,
  authorizationURL: `${issuer}/oidc/authorize`,
  tokenURL: `${issuer}/oidc/token`,
  userInfoURL: `${issuer}/oidc/userinfo`,
  clientID: clientId,
  clientSecret,
  callbackURL: callback,
  scope: scope.split(' ').slice(1),
  nonce: true,
  skipUserProfile: false,
}

function verify(iss, uiProfile, idProfile, context, idToken, accessToken, refreshToken, parameters, done) {
  const claims = JSON.parse(Buffer.from(idToken.split('.')[1], 'base64url'))
  const { _json: userinfo, _raw, ...profile } = uiProfile
  done(null, { claims, userinfo, profile, context })
}

passport.use(new OpenIDConnectStrategy(options, verify))
passport.serializeUser((user, done) => done(null, user))
passport.deserializeUser((user, done) => done(null, user))

const app = application()
app.use(passport.session())
app.get('/sign-in', passport.authenticate('openidconnect'))
app.get('/callback', passport.authenticate('openidconnect'), (request, response) => response.redirect('/'))

listen(app, (request) => request.user)
