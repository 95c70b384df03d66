// The tables, and users 1 to COUNT: node fill.js COUNT

import { getMigrations } from "better-auth/db/migration";
import { auth, database } from "./auth.js";

const { runMigrations } = await getMigrations(auth.options);
await runMigrations();

const count = Number(process.argv[2]);
const now = new Date().toISOString();
const columns = '"user" ("id", "name", "email", "emailVerified", "createdAt", "updatedAt")';
if (process.env.BENCH_ENGINE === "postgres") {
  await database.query(
    `INSERT INTO ${columns}
     SELECT 'u' || n, 'User ' || n, 'user' || n || '@example.com', true, $2::timestamptz, $2::timestamptz
     FROM generate_series(1, $1::int) n`,
    [count, now],
  );
  await database.end();
} else {
  const add = database.prepare(`INSERT INTO ${columns} VALUES (?, ?, ?, 1, ?, ?)`);
  database.transaction(() => {
    for (let n = 1; n <= count; n += 1) add.run(`u${n}`, `User ${n}`, `user${n}@example.com`, now, now);
  })();
}
