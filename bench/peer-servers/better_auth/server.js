// Two doors: the back office asks for a link, and everything below /api/auth is better-auth's own.

import { createHash, timingSafeEqual } from "node:crypto";
import { createServer } from "node:http";
import { toNodeHandler } from "better-auth/node";
import { auth, links } from "./auth.js";

const hash = (text) => createHash("sha256").update(text).digest();
const bearer = hash(`Bearer ${process.env.BENCH_KEY}`);
const theirs = toNodeHandler(auth);

async function issue(request, response) {
  const answer = (status, body) => {
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify(body));
  };
  if (!timingSafeEqual(hash(request.headers.authorization ?? ""), bearer)) return answer(401, { message: "unauthenticated" });
  const email = `user${request.url.slice("/issue/".length)}@example.com`;
  await auth.api.signInMagicLink({ body: { email, callbackURL: "/" }, headers: new Headers() });
  const link = links.get(email);
  links.delete(email);
  return answer(200, { link });
}

createServer((request, response) => {
  if (!request.url.startsWith("/issue/")) return theirs(request, response);
  return issue(request, response).catch((error) => {
    console.error(error);
    response.writeHead(500).end();
  });
}).listen(Number(process.env.BENCH_PORT), "127.0.0.1");
