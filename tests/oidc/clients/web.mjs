// What the small applications share: who they are, where they are, and how they show who is signed in.
import express from 'express'
import session from 'express-session'

export const { ISSUER: issuer, CLIENT_ID: clientId, CLIENT_SECRET: clientSecret, PORT: port } = process.env
export const here = `http://localhost:${port}`
export const callback = `${here}/callback`
export const signedOut = `${here}/signed-out`
export const scope = 'openid profile email phone groups'

/** An application with sessions of its own, if its library has none. */
export function application({ sessions = true } = {}) {
  const app = express()
  if (sessions) {
    app.use(session({ name: 'application', secret: 'of a test', resave: false, saveUninitialized: false }))
  }
  app.get('/signed-out', (request, response) => response.send('signed out'))
  return app
}

/** The header of a JWT. */
export function header(token) {
  return JSON.parse(Buffer.from(token.split('.')[0], 'base64url'))
}

/** Shows who is signed in, and errors in the words of the library; says when it listens. */
export function listen(app, who) {
  app.get('/', async (request, response) => {
    const person = await who(request)
    response.status(person ? 200 : 401).json(person ?? { error: 'nobody is signed in' })
  })
  app.use((error, request, response, next) => {
    const { name, message, code, error: kind, error_description: description, cause } = error
    console.error(error)
    response.status(500).json({ name, message, code, error: kind, description, cause: cause?.message })
  })
  app.listen(port, '127.0.0.1', () => console.log(`listens on ${here}`))
}
