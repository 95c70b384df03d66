// better-auth with its OpenID Connect provider, set up by its documentation; people sign in to it by magic link.

import { oauthProvider } from "@better-auth/oauth-provider";
import { betterAuth } from "better-auth";
import { jwt, magicLink } from "better-auth/plugins";
import Database from "better-sqlite3";

export const database = new Database(process.env.BENCH_DATABASE);
database.pragma("journal_mode = WAL");
database.pragma("synchronous = FULL");

// What would be sent by mail, until somebody takes it.
export const links = new Map();

export const auth = betterAuth({
  database,
  baseURL: "https://portal.example.com",
  secret: process.env.BENCH_SECRET,
  // All requests of a measurement come from one address.
  rateLimit: { enabled: false },
  disabledPaths: ["/token"],
  plugins: [
    magicLink({
      expiresIn: 7200,
      disableSignUp: true,
      sendMagicLink: ({ email, url }) => {
        links.set(email, url);
      },
    }),
    jwt({ jwks: { keyPairConfig: { alg: "RS256", modulusLength: 2048 } } }),
    oauthProvider({ loginPage: "/login", consentPage: "/consent" }),
  ],
});
