// passport-magic-login on express, set up by its documentation; users in SQLite, sessions in memory.

import { createHash, timingSafeEqual } from "node:crypto";
import Database from "better-sqlite3";
import express from "express";
import session from "express-session";
import passport from "passport";
import magic from "passport-magic-login";

const database = new Database(process.env.BENCH_DATABASE);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");

if (process.argv[2] === "fill") {
  database.exec("CREATE TABLE users (id INTEGER PRIMARY KEY, email TEXT NOT NULL UNIQUE)");
  const add = database.prepare("INSERT INTO users VALUES (?, ?)");
  database.transaction(() => {
    for (let n = 1; n <= Number(process.argv[3]); n += 1) add.run(n, `user${n}@example.com`);
  })();
  process.exit(0);
}

const byEmail = database.prepare("SELECT id, email FROM users WHERE email = ?");
const byId = database.prepare("SELECT id, email FROM users WHERE id = ?");

const Strategy = magic.default ?? magic;
const login = new Strategy({
  secret: process.env.BENCH_SECRET,
  callbackUrl: "https://portal.example.com/login",
  sendMagicLink: async (_destination, href, _code, request) => {
    request.res.locals.link = href;
  },
  verify: (payload, done) => {
    const user = byEmail.get(payload.destination);
    done(user ? null : new Error("no such user"), user);
  },
  jwtOptions: { expiresIn: "2h" },
});
passport.use(login);
passport.serializeUser((user, done) => done(null, user.id));
passport.deserializeUser((id, done) => done(null, byId.get(id) ?? false));

const hash = (text) => createHash("sha256").update(text).digest();
const bearer = hash(`Bearer ${process.env.BENCH_KEY}`);

// The back office gets the link in the answer, where a mail would carry it otherwise.
function backOffice(request, response, next) {
  if (!timingSafeEqual(hash(request.headers.authorization ?? ""), bearer)) return response.sendStatus(401);
  const user = byId.get(Number(request.params.number));
  if (!user) return response.sendStatus(404);
  const json = response.json.bind(response);
  response.json = (body) => json({ ...body, link: response.locals.link });
  request.body = { destination: user.email };
  return next();
}

const app = express();
app.post("/issue/:number", backOffice, login.send);
app.use(session({ secret: process.env.BENCH_SECRET, resave: false, saveUninitialized: false }));
app.use(passport.session());
app.get("/login", passport.authenticate("magiclogin", { successRedirect: "/" }));
app.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
