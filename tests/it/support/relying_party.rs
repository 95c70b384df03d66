//! An app that signs people in by OpenID Connect, as plain as can be: it sends a browser to doorkey and exchanges the code that comes back.

use std::collections::HashMap;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{DecodingKey, Validation, decode, decode_header};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::RequestBuilder;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::app::{Browser, TestApp, TestRequest, TestResponse};
use super::http_client::HttpClient;
use super::server::{Server, visitor};

/// Where the app of most tests is answered.
pub const CALLBACK: &str = "https://app.example.org/cb";

/// A code verifier (RFC 7636, section 4.1).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";

/// An app as it knows itself.
#[derive(Clone, Debug)]
pub struct RelyingParty {
    pub client_id: String,
    pub secret: Option<String>,
    pub redirect_uri: String,
}

pub fn encoded(text: &str) -> String {
    utf8_percent_encode(text, NON_ALPHANUMERIC).to_string()
}

/// The hash of a code verifier.
pub fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// The parameters of an address.
pub fn query_of(location: &str) -> HashMap<String, String> {
    let (_, query) = location.split_once('?').unwrap_or_else(|| panic!("no query: {location:?}"));
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

impl TestApp {
    /// Adds an app with these fields beside its name and redirect URI.
    pub async fn add_app(&self, fields: &Value) -> RelyingParty {
        let mut body = json!({"name": "Wiki", "redirect_uris": [CALLBACK]});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        let added = self.send(TestRequest::of("POST", "/api/apps").bearer(&self.key).json(&body)).await;
        assert_eq!(added.status, 201, "{}", added.body);
        let added = added.json();
        RelyingParty {
            client_id: added["client_id"].as_str().unwrap().to_owned(),
            secret: added["client_secret"].as_str().map(str::to_owned),
            redirect_uri: added["redirect_uris"][0].as_str().unwrap().to_owned(),
        }
    }

    /// An app and somebody's browser in which that person is signed in.
    pub async fn app_and_browser(&self) -> (RelyingParty, Browser<'_>) {
        let app = self.add_app(&json!({})).await;
        let ada = self.client("ada@example.org").await;
        let mut browser = self.browser();
        browser.sign_in(&self.ask_for_link(ada).await).await;
        (app, browser)
    }

    /// The claims of a token of ours, whose signature, issuer and audience are right by the published keys.
    pub async fn verified(&self, app: &RelyingParty, token: &str) -> Value {
        let keys: JwkSet =
            serde_json::from_value(self.send(TestRequest::of("GET", "/oidc/jwks")).await.json()).unwrap();
        let header = decode_header(token).unwrap();
        let key = keys.find(header.kid.as_ref().unwrap()).expect("the key is published");
        let mut rules = Validation::new(header.alg);
        rules.set_audience(&[&app.client_id]);
        rules.set_issuer(&["https://example.com"]);
        // The clock of the test is not that of the machine.
        rules.validate_exp = false;
        decode::<Value>(token, &DecodingKey::from_jwk(key).unwrap(), &rules).unwrap().claims
    }
}

impl RelyingParty {
    /// Where it sends a browser, with other parameters than its usual ones: an empty value leaves one out.
    pub fn authorize_with(&self, others: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let usual = [
            ("client_id", self.client_id.as_str()),
            ("redirect_uri", &self.redirect_uri),
            ("response_type", "code"),
            ("scope", "openid email profile"),
            ("state", "s1"),
            ("nonce", "n1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let kept = usual.iter().filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
        let pairs = kept.chain(others).filter(|(_, value)| !value.is_empty());
        let query: Vec<_> = pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect();
        format!("/oidc/authorize?{}", query.join("&"))
    }

    pub fn authorize(&self) -> String {
        self.authorize_with(&[])
    }

    /// The code that a browser, in which somebody is signed in, brings at once.
    pub async fn code(&self, browser: &mut Browser<'_>) -> String {
        let answer = browser.get(&self.authorize()).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        query_of(answer.header("location"))["code"].clone()
    }

    /// The exchange of a code, with other parameters than its usual ones.
    pub fn exchange_with(&self, code: &str, others: &[(&str, &str)]) -> TestRequest {
        let usual = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", self.redirect_uri.as_str()),
            ("code_verifier", VERIFIER),
        ];
        let kept = usual.iter().filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
        let fields: Vec<_> = kept.chain(others).filter(|(_, value)| !value.is_empty()).copied().collect();
        let request = TestRequest::of("POST", "/oidc/token").form(&fields);
        match &self.secret {
            Some(secret) => {
                let pair = STANDARD.encode(format!("{}:{secret}", self.client_id));
                request.header("authorization", format!("Basic {pair}"))
            }
            None => request,
        }
    }

    pub fn exchange(&self, code: &str) -> TestRequest {
        self.exchange_with(code, &[])
    }

    /// The tokens for a code; they must come.
    pub async fn tokens(&self, test: &TestApp, code: &str) -> Value {
        let answer = test.send(self.exchange(code)).await;
        assert_eq!(answer.status, 200, "{}", answer.body);
        answer.json()
    }
}

/// What userinfo says to a token.
pub async fn userinfo(test: &TestApp, token: &str) -> TestResponse {
    test.send(TestRequest::of("GET", "/oidc/userinfo").bearer(token)).await
}

/// The error that an answer of `/oidc/token` names, with its status.
pub fn error_of(answer: &TestResponse) -> (u16, String) {
    (answer.status.as_u16(), answer.json()["error"].as_str().unwrap_or_default().to_owned())
}

/// The same at a real server.
impl RelyingParty {
    pub fn added_to(server: &Server) -> Self {
        let words = ["app", "create", "Wiki", "--workspace", "Acme", "--redirect-uri", CALLBACK, "--json"];
        let made: Value = serde_json::from_str(&server.run(&words)).unwrap();
        let field = |name: &str| made[name].as_str().unwrap().to_owned();
        let redirect_uri = CALLBACK.to_owned();
        Self { client_id: field("client_id"), secret: Some(field("client_secret")), redirect_uri }
    }

    /// A code of client 1, which a fresh browser brings.
    pub async fn code_at(&self, server: &Server) -> String {
        let mut person = HttpClient::arrives();
        person.sign_in(server, &server.ask_for_link(1).await).await;
        let answer = person.open(&server.url(&self.authorize())).await;
        assert_eq!(answer.status, 303, "{}", answer.body);
        query_of(answer.headers["location"].to_str().unwrap())["code"].clone()
    }

    pub fn exchange_at(&self, server: &Server, code: &str) -> RequestBuilder {
        let uri = encoded(&self.redirect_uri);
        let form =
            format!("grant_type=authorization_code&code={code}&redirect_uri={uri}&code_verifier={VERIFIER}");
        let request =
            visitor().post(server.url("/oidc/token")).basic_auth(&self.client_id, self.secret.as_ref());
        request.header("content-type", "application/x-www-form-urlencoded").body(form)
    }

    /// A code is refused as any that is not good.
    pub async fn expect_dead(&self, server: &Server, code: &str) {
        let answer = self.exchange_at(server, code).send().await.unwrap();
        assert_eq!(answer.status(), 400);
        assert_eq!(answer.json::<Value>().await.unwrap()["error"], "invalid_grant");
    }
}
