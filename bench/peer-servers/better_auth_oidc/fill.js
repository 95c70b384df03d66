// The tables, users 1 to COUNT, and an app that asks nobody for consent: node fill.js COUNT. Prints the app.

import { getMigrations } from "better-auth/db/migration";
import { auth, database, links } from "./auth.js";

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const now = new Date().toISOString();
const columns = '"user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")';
const add = database.prepare(`INSERT INTO ${columns} VALUES (?, ?, ?, 1, ?, ?)`);
database.transaction(() => {
  for (let n = 1; n <= Number(process.argv[2]); n += 1) add.run(`u${n}`, `User ${n}`, `user${n}@example.com`, now, now);
})();

// An app is made by somebody who is signed in.
const email = "user1@example.com";
await auth.api.signInMagicLink({ body: { email, callbackURL: "/" }, headers: new Headers() });
const token = new URL(links.get(email)).searchParams.get("token");
const signedIn = await auth.api.magicLinkVerify({ query: { token }, headers: new Headers(), asResponse: true });
const cookie = signedIn.headers.getSetCookie().map((one) => one.split(";")[0]).join("; ");

const app = await auth.api.adminCreateOAuthClient({
  headers: new Headers({ cookie }),
  body: {
    client_name: "Bench",
    redirect_uris: [process.env.BENCH_REDIRECT_URI],
    token_endpoint_auth_method: "client_secret_basic",
    grant_types: ["authorization_code"],
    scope: "openid profile email",
    skip_consent: true,
  },
});
console.log(JSON.stringify(app));
