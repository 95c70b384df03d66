//! The steps of a trial, each as an app and its browser take it.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation};
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use url::Url;
use url::form_urlencoded::{Serializer, parse};
use uuid::Uuid;

use super::belongings::Belongings;
use super::report::{TrialReport, TrialStep};
use crate::app::App;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::ClientSecret;
use crate::domain::workspace::Workspace;
use crate::keys;
use crate::keys::NoRandomness;
use crate::outbound::http::{Visited, Visitor};

/// All that an app may ask for.
const SCOPE: &str = "openid profile email phone groups";

/// What came of a step: a sentence either way.
type Outcome = Result<String, String>;

/// An app that signs somebody in, with all that it learns on the way.
pub(super) struct RelyingParty<'a> {
    workspace: &'a Workspace,
    client: &'a OidcApp,
    secret: Option<&'a ClientSecret>,
    visitor: Visitor,
    state: String,
    nonce: String,
    verifier: ClientSecret,
    discovered: Value,
    keys: Option<JwkSet>,
    /// Where the browser is to go next.
    next: String,
    code: String,
    access_token: String,
    id_token: String,
    claims: Map<String, Value>,
}

impl<'a> RelyingParty<'a> {
    pub(super) fn new(
        (workspace, client): (&'a Workspace, &'a OidcApp),
        secret: Option<&'a ClientSecret>,
        visitor: Visitor,
    ) -> Result<Self, NoRandomness> {
        Ok(Self {
            workspace,
            client,
            secret,
            visitor,
            state: Uuid::new_v4().simple().to_string(),
            nonce: Uuid::new_v4().simple().to_string(),
            // A code verifier has the letters and the length of a client secret (RFC 7636, section 4.1).
            verifier: keys::random_client_secret()?,
            discovered: Value::Null,
            keys: None,
            next: String::new(),
            code: String::new(),
            access_token: String::new(),
            id_token: String::new(),
            claims: Map::new(),
        })
    }

    pub(super) async fn sign_in_and_out(mut self, (app, belongings): (&App, &Belongings)) -> TrialReport {
        let mut report = TrialReport::default();
        macro_rules! step {
            ($name:literal, $outcome:expr) => {
                let outcome = $outcome;
                let has_failed = outcome.is_err();
                report.steps.push(TrialStep { name: $name, outcome });
                if has_failed {
                    report.claims = (!self.claims.is_empty()).then_some(Value::Object(self.claims));
                    return report;
                }
            };
        }
        step!("discovery", self.discover().await);
        step!("jwks", self.fetch_keys().await);
        step!("authorize", self.authorize().await);
        step!("sign_in", self.sign_in(belongings.token.reveal()).await);
        step!("code", self.receive_code().await);
        step!("token", self.exchange((app, belongings)).await);
        step!("id_token", self.verify());
        step!("userinfo", self.ask_userinfo().await);
        step!("sign_out", self.sign_out().await);
        report.claims = Some(Value::Object(self.claims));
        report
    }

    async fn discover(&mut self) -> Outcome {
        let answer = self.visitor.call("/.well-known/openid-configuration", None, None).await?;
        let found = json(&answer)?;
        let issuer = self.workspace.url.as_str();
        if found["issuer"] != issuer {
            return Err(format!("the issuer there is {}, and not {issuer}", found["issuer"]));
        }
        self.discovered = found;
        Ok(format!("the issuer is {issuer}"))
    }

    /// The path of an endpoint, as the server names it.
    fn endpoint(&self, name: &str) -> Result<String, String> {
        let url = self.discovered[name].as_str().unwrap_or_default();
        let path = url.strip_prefix(self.workspace.url.as_str()).filter(|path| path.starts_with('/'));
        path.map(str::to_owned).ok_or_else(|| format!("the {name} {url:?} is not on the issuer's host"))
    }

    async fn fetch_keys(&mut self) -> Outcome {
        let path = self.endpoint("jwks_uri")?;
        let keys = json(&self.visitor.call(&path, None, None).await?)?;
        let keys: JwkSet =
            serde_json::from_value(keys).map_err(|error| format!("no set of keys: {error}"))?;
        let count = keys.keys.len();
        self.keys = Some(keys);
        Ok(format!("{count} keys are published"))
    }

    async fn authorize(&mut self) -> Outcome {
        let redirect_uri = self.redirect_uri()?;
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(self.verifier.reveal()));
        let query = form(&[
            ("client_id", &self.client.client_id),
            ("redirect_uri", redirect_uri),
            ("response_type", "code"),
            ("scope", SCOPE),
            ("state", &self.state),
            ("nonce", &self.nonce),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ]);
        let answer =
            self.visitor.get(&format!("{}?{query}", self.endpoint("authorization_endpoint")?)).await?;
        let location = redirected(&answer)?;
        self.refused_by(location)?;
        if !location.starts_with("/login?return=") {
            return Err(format!(
                "the browser was sent to {}, and not to the sign-in",
                without_query(location)
            ));
        }
        location.clone_into(&mut self.next);
        Ok("nobody is signed in, so the browser is sent to the sign-in".to_owned())
    }

    fn redirect_uri(&self) -> Result<&'a str, String> {
        let uri = self.client.redirect_uris.first().ok_or("the app has no redirect URI")?;
        Ok(uri.as_str())
    }

    /// An error that the server sends to the app.
    fn refused_by(&self, location: &str) -> Result<(), String> {
        let Some((_, query)) = location.split_once('?') else { return Ok(()) };
        let value =
            |wanted: &str| parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value);
        match value("error") {
            Some(error) if location.starts_with(self.redirect_uri()?) => {
                Err(format!("the app is told {error}: {}", value("error_description").unwrap_or_default()))
            }
            _ => Ok(()),
        }
    }

    async fn sign_in(&mut self, token: &str) -> Outcome {
        let asked = self.visitor.get(&self.next.clone()).await?;
        expect(&asked, 200)?;
        let opened = self.visitor.get(&format!("/login?token={token}")).await?;
        expect(&opened, 200)?;
        let proof =
            hidden(&opened.body, "proof").ok_or("the page of the link has no form that can be sent")?;
        let fields = form(&[("token", token), ("proof", proof)]);
        let pressed = self.visitor.submit(self.workspace.url.as_str(), "/login", &fields).await?;
        let went = self.visitor.get(redirected(&pressed)?).await?;
        expect(&went, 200)?;
        let target = went.header("refresh").and_then(|refresh| refresh.split_once("url="));
        let (_, target) = target.ok_or("after the sign-in the browser is sent nowhere")?;
        if !target.starts_with(&self.endpoint("authorization_endpoint")?) {
            return Err(format!("after the sign-in the browser goes to {}", without_query(target)));
        }
        target.clone_into(&mut self.next);
        Ok("a link of this trial alone was opened and its button pressed".to_owned())
    }

    async fn receive_code(&mut self) -> Outcome {
        let answer = self.visitor.get(&self.next.clone()).await?;
        let location = redirected(&answer)?;
        self.refused_by(location)?;
        let redirect_uri = self.redirect_uri()?;
        let rest = location.strip_prefix(redirect_uri);
        let query = rest.and_then(|rest| {
            let is_begun = redirect_uri.ends_with(['?', '&']);
            if is_begun { Some(rest) } else { rest.strip_prefix(['?', '&']) }
        });
        let Some(query) = query else {
            return Err(format!(
                "the browser was sent to {}, and not to {redirect_uri}",
                without_query(location)
            ));
        };
        let value =
            |wanted: &str| parse(query.as_bytes()).find(|(name, _)| name == wanted).map(|(_, value)| value);
        if value("state").as_deref() != Some(&*self.state)
            || value("iss").as_deref() != Some(self.workspace.url.as_str())
        {
            return Err("the state or the issuer that came with the code is another".to_owned());
        }
        self.code = value("code").ok_or("no code came")?.into_owned();
        Ok(format!("a code came for {redirect_uri}; it was not sent there"))
    }

    async fn exchange(&mut self, (app, belongings): (&App, &Belongings)) -> Outcome {
        let mut fields = vec![
            ("grant_type", "authorization_code"),
            ("code", &*self.code),
            ("redirect_uri", self.redirect_uri()?),
            ("code_verifier", self.verifier.reveal()),
        ];
        let basic = self.secret.map(|secret| {
            format!("Basic {}", STANDARD.encode(format!("{}:{}", self.client.client_id, secret.reveal())))
        });
        if basic.is_none() {
            fields.push(("client_id", &self.client.client_id));
        }
        let (path, fields) = (self.endpoint("token_endpoint")?, form(&fields));
        let answer = self.visitor.call(&path, basic.as_deref(), Some(&fields)).await;
        belongings.hush(app, self.workspace).await.map_err(|error| error.to_string())?;
        let tokens = json(&answer?)?;
        let take = |name: &str| {
            let token = tokens[name].as_str().map(str::to_owned);
            token.ok_or_else(|| format!("the answer has no {name}"))
        };
        (self.id_token, self.access_token) = (take("id_token")?, take("access_token")?);
        let how = if basic.is_some() { "with a secret of this trial alone" } else { "without a secret" };
        Ok(format!("the code was exchanged {how}; granted: {}", tokens["scope"].as_str().unwrap_or_default()))
    }

    fn verify(&mut self) -> Outcome {
        let wrong = |error: jsonwebtoken::errors::Error| format!("the ID token does not verify: {error}");
        let header = jsonwebtoken::decode_header(&self.id_token).map_err(wrong)?;
        let kid = header.kid.ok_or("the ID token names no key")?;
        let key = self
            .keys
            .as_ref()
            .and_then(|keys| keys.find(&kid))
            .ok_or("the key of the ID token is not published")?;
        let alg = self.client.algorithm.name();
        if format!("{:?}", header.alg).to_uppercase() != alg {
            return Err(format!("the ID token is signed with {:?}, and not with {alg}", header.alg));
        }
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&[&self.client.client_id]);
        rules.set_issuer(&[self.workspace.url.as_str()]);
        rules.set_required_spec_claims(&["exp", "aud", "iss", "sub"]);
        let key = DecodingKey::from_jwk(key).map_err(wrong)?;
        let claims =
            jsonwebtoken::decode::<Map<String, Value>>(&self.id_token, &key, &rules).map_err(wrong)?.claims;
        if claims.get("nonce").and_then(Value::as_str) != Some(&*self.nonce) {
            return Err("the nonce of the ID token is another".to_owned());
        }
        let hash = URL_SAFE_NO_PAD.encode(&Sha256::digest(self.access_token.as_bytes())[..16]);
        if claims.get("at_hash").and_then(Value::as_str) != Some(&*hash) {
            return Err("the ID token is not for the access token beside it".to_owned());
        }
        self.claims = claims;
        Ok(format!("signed with {alg} by a published key, for this app and this sign-in"))
    }

    async fn ask_userinfo(&mut self) -> Outcome {
        let (path, bearer) = (self.endpoint("userinfo_endpoint")?, format!("Bearer {}", self.access_token));
        let Value::Object(said) = json(&self.visitor.call(&path, Some(&bearer), None).await?)? else {
            return Err("its answer is no object".to_owned());
        };
        if said.get("sub") != self.claims.get("sub") {
            return Err("it names somebody else than the ID token".to_owned());
        }
        let names: Vec<_> = said.keys().cloned().collect();
        self.claims.extend(said);
        Ok(format!("it says {}", names.join(", ")))
    }

    async fn sign_out(&mut self) -> Outcome {
        let query = form(&[("id_token_hint", &self.id_token), ("client_id", &self.client.client_id)]);
        let answer = self.visitor.get(&format!("{}?{query}", self.endpoint("end_session_endpoint")?)).await?;
        let location = redirected(&answer)?;
        let target = Url::parse(self.workspace.url.as_str()).and_then(|issuer| issuer.join(location));
        if target.map_or(true, |target| target.path() != "/oidc/signed_out") {
            return Err(format!("the browser was sent to {}", without_query(location)));
        }
        let (path, bearer) = (self.endpoint("userinfo_endpoint")?, format!("Bearer {}", self.access_token));
        let after = self.visitor.call(&path, Some(&bearer), None).await?;
        if after.status != 401 {
            return Err("the access token outlives the session".to_owned());
        }
        Ok("the session is over, and the access token with it".to_owned())
    }
}

fn form(pairs: &[(&str, &str)]) -> String {
    Serializer::new(String::new()).extend_pairs(pairs).finish()
}

fn without_query(location: &str) -> &str {
    location.split(['?', '#']).next().unwrap_or(location)
}

/// What an answer says that is none of those that go on.
fn unexpected(answer: &Visited) -> String {
    let body: Value = serde_json::from_str(&answer.body).unwrap_or_default();
    let said = body["error_description"].as_str().or_else(|| body["message"].as_str());
    let location = answer.location().map(|location| format!(", to {}", without_query(location)));
    let said = said.map(|said| format!(": {said}")).or(location).unwrap_or_default();
    format!("it answered {}{said}", answer.status)
}

fn expect(answer: &Visited, status: u16) -> Result<(), String> {
    if answer.status == status { Ok(()) } else { Err(unexpected(answer)) }
}

fn json(answer: &Visited) -> Result<Value, String> {
    expect(answer, 200)?;
    serde_json::from_str(&answer.body).map_err(|error| format!("its answer is no JSON: {error}"))
}

fn redirected(answer: &Visited) -> Result<&str, String> {
    expect(answer, 303)?;
    answer.location().ok_or_else(|| unexpected(answer))
}

/// The value of a hidden field; one of ours has nothing that HTML escapes.
fn hidden<'a>(page: &'a str, name: &str) -> Option<&'a str> {
    let (_, rest) = page.split_once(&format!("name=\"{name}\" value=\""))?;
    rest.split_once('"').map(|(value, _)| value)
}
