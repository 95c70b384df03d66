// An application with @auth/core, which is what Auth.js and its packages for frameworks are made of.
import { Auth, skipCSRFCheck } from '@auth/core'
import express from 'express'
import { application, clientId, clientSecret, here, issuer, listen, scope, signedOut } from './web.mjs'

const people = new Map()
const config = {
  secret: 'of the cookies of a test',
  basePath: '/auth',
  trustHost: true,
  providers: [
    {
      id: 'doorkey',
      name: 'doorkey',
      type: 'oidc',
      issuer,
      clientId,
      clientSecret,
      checks: ['pkce', 'state', 'nonce'],
      authorization: { params: { scope } },
      // The profile is then what userinfo says; the ID token is verified all the same.
      idToken: false,
      profile: ({ sub, name, email }) => ({ id: sub, name, email }),
    },
  ],
  callbacks: {
    jwt({ token, account, profile }) {
      if (account) {
        const claims = JSON.parse(Buffer.from(account.id_token.split('.')[1], 'base64url'))
        people.set(claims.sub, { claims, userinfo: profile, token: account.id_token })
        token.sub = claims.sub
      }
      return token
    },
    session: ({ session, token }) => ({ ...session, sub: token.sub }),
  },
}

/** Asks the library as a package for a framework does; `body` is what a form of it would send. */
function ask(request, path, body, more) {
  const { cookie = '' } = request.headers
  const headers = body === undefined ? { cookie } : { cookie, 'content-type': 'application/x-www-form-urlencoded' }
  const method = body === undefined ? 'GET' : 'POST'
  return Auth(new Request(`${here}${path}`, { method, headers, body }), { ...config, ...more })
}

function pass(answer, response, location = answer.headers.get('location')) {
  for (const cookie of answer.headers.getSetCookie()) response.append('set-cookie', cookie)
  response.redirect(location)
}

async function person(request) {
  const session = await (await ask(request, '/auth/session')).json()
  return session && people.get(session.sub)
}

const app = application({ sessions: false })

app.get('/sign-in', async (request, response) => {
  const body = new URLSearchParams({ callbackUrl: `${here}/` })
  pass(await ask(request, '/auth/signin/doorkey', body, { skipCSRFCheck }), response)
})

// Its own page, whose button posts with a token against forgery.
app.get(['/auth/signin', '/auth/signin/doorkey'], async (request, response) => {
  const answer = await ask(request, request.url)
  for (const cookie of answer.headers.getSetCookie()) response.append('set-cookie', cookie)
  const location = answer.headers.get('location')
  if (location) return response.redirect(location)
  response.status(answer.status).type('html').send(await answer.text())
})

app.post('/auth/signin/doorkey', express.text({ type: '*/*' }), async (request, response) => {
  pass(await ask(request, request.url, request.body), response)
})

app.get('/auth/callback/doorkey', async (request, response) => pass(await ask(request, request.url), response))

// Auth.js ends its own session only; that of the issuer is ended by the application.
app.get('/sign-out', async (request, response) => {
  const { token } = await person(request)
  const url = new URL(`${issuer}/oidc/end_session`)
  url.searchParams.set('id_token_hint', token)
  url.searchParams.set('post_logout_redirect_uri', signedOut)
  pass(await ask(request, '/auth/signout', new URLSearchParams(), { skipCSRFCheck }), response, url.href)
})

listen(app, async (request) => {
  const { claims, userinfo } = (await person(request)) ?? {}
  return claims && { claims, userinfo }
})
