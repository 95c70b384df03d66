// npm's oidc-provider. Its own pages sign in whoever types a name, and ask each once for consent; its own adapter keeps
// everything in memory, with room for more than the 1,000 entries that it has by default.

import { generateKeyPairSync } from "node:crypto";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { Provider } from "oidc-provider";

// What it does not export.
const home = dirname(fileURLToPath(import.meta.resolve("oidc-provider")));
const inside = async (path) => (await import(pathToFileURL(join(home, path)).href)).default;
const [MemoryAdapter, Entries] = [await inside("adapters/memory_adapter.js"), await inside("helpers/lru.js")];
const entries = new Entries({ maxSize: 1_000_000 });

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });

const provider = new Provider("https://portal.example.com", {
  adapter: (model) => new MemoryAdapter(model, entries),
  claims: { email: ["email", "email_verified"], profile: ["name", "updated_at"] },
  clients: [
    {
      client_id: "bench",
      client_secret: process.env.BENCH_KEY,
      redirect_uris: [process.env.BENCH_REDIRECT_URI],
      token_endpoint_auth_method: "client_secret_basic",
    },
  ],
  cookies: { keys: [process.env.BENCH_SECRET] },
  features: { devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({
    accountId: sub,
    claims: () => ({ sub, email: `${sub}@example.com`, email_verified: true, name: sub, updated_at: 1_700_000_000 }),
  }),
  jwks: { keys: [{ ...privateKey.export({ format: "jwk" }), use: "sig", alg: "RS256", kid: "bench" }] },
});
provider.proxy = true;
provider.listen(Number(process.env.BENCH_PORT), "127.0.0.1");
