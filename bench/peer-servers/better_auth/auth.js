// better-auth with its magic-link plugin, set up by its documentation.

import { betterAuth } from "better-auth";
import { magicLink } from "better-auth/plugins";
import Database from "better-sqlite3";
import pg from "pg";

function sqlite() {
  const database = new Database(process.env.BENCH_DATABASE);
  database.pragma("journal_mode = WAL");
  database.pragma("synchronous = FULL");
  return database;
}

function postgres() {
  const port = Number(process.env.BENCH_POSTGRES_PORT);
  return new pg.Pool({ host: "127.0.0.1", port, user: "postgres", database: "better_auth" });
}

export const database = process.env.BENCH_ENGINE === "postgres" ? postgres() : sqlite();

// What would be sent by mail, until the back office takes it.
export const links = new Map();

export const auth = betterAuth({
  database,
  baseURL: "https://portal.example.com",
  secret: process.env.BENCH_SECRET,
  // All requests of a measurement come from one address.
  rateLimit: { enabled: false },
  plugins: [
    magicLink({
      expiresIn: 7200,
      disableSignUp: true,
      sendMagicLink: ({ email, url }) => {
        links.set(email, url);
      },
    }),
  ],
});
