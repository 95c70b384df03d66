// npm's oidc-provider with the clients of a configuration file of the conformance suite: a provider that is certified, on
// which tests/oidc/basic_op.py shows that it judges right.
//
//     node oidc_provider.mjs NODE_MODULES PORT CONFIG.json SUITE_URL
//
// It says `ready` once it serves, and signs in whoever types a name.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

const [modules, port, file, suite] = process.argv.slice(2);
const { Provider } = await import(pathToFileURL(join(modules, 'oidc-provider/lib/index.js')).href);
const config = JSON.parse(readFileSync(file, 'utf8'));
const base = `${suite}/test/a/${config.alias}`;

const client = (entry, method) => ({
  client_id: entry.client_id,
  client_secret: entry.client_secret,
  grant_types: ['authorization_code', 'refresh_token'],
  redirect_uris: [`${base}/callback`],
  post_logout_redirect_uris: [`${base}/post_logout_redirect`],
  response_types: ['code'],
  token_endpoint_auth_method: method,
});

const claims = {
  name: 'Ada Lovelace', given_name: 'Ada', family_name: 'Lovelace', middle_name: 'King', nickname: 'Ada',
  profile: 'https://example.org/ada', picture: 'https://example.org/ada.png', website: 'https://example.org',
  gender: 'female', birthdate: '1815-12-10', zoneinfo: 'Europe/London', locale: 'en-GB', updated_at: 1_700_000_000,
  preferred_username: 'ada', email: 'ada@example.org', email_verified: true, phone_number: '+44 20 7946 0000',
  phone_number_verified: false, address: { country: 'GB', locality: 'London' },
};

const provider = new Provider(`http://localhost:${port}`, {
  acrValues: ['urn:example:any'],
  claims: {
    address: ['address'],
    email: ['email', 'email_verified'],
    phone: ['phone_number', 'phone_number_verified'],
    profile: Object.keys(claims).filter((name) => !/^(email|phone|address)/.test(name)),
  },
  clients: [
    client(config.client, 'client_secret_basic'),
    client(config.client2, 'client_secret_basic'),
    client(config.client_secret_post, 'client_secret_post'),
  ],
  // A request by POST comes from another site: no other cookies would come with it.
  cookies: { keys: ['of a test'], long: { sameSite: 'none' } },
  enableHttpPostMethods: true,
  features: { claimsParameter: { enabled: true }, devInteractions: { enabled: true } },
  findAccount: (_, sub) => ({ accountId: sub, claims: () => ({ sub, ...claims }) }),
  // Its default wants PKCE of clients that can use it.
  pkce: { required: () => false },
});
provider.listen(Number(port), '127.0.0.1', () => console.log('ready'));
