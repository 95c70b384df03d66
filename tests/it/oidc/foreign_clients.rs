//! Whole sign-ins by OpenID Connect libraries that others wrote, each in an application as small as its README has it.

use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::support::foreign_app::{ForeignApp, Journey, Registration};
use crate::support::http_client::HttpClient;
use crate::support::server::Server;

/// Ada Lovelace, a client of the workspace, and her browser.
struct Ada {
    server: Server,
    number: i64,
    browser: HttpClient,
}

impl Ada {
    fn arrives() -> Self {
        let server = Server::start();
        let number = server.add_client("ada@example.org", "Ada", "Lovelace");
        Self { server, number, browser: HttpClient::arrives() }
    }

    /// An application with Node whose callback is at `/callback`.
    fn app_on_node(&self, script: &str, more: &[&str]) -> ForeignApp {
        ForeignApp::on_node(script, Registration::add(&self.server, "/callback", more))
    }

    /// Starts in an application, is asked to sign in, uses her link, and gets on to where the application leads her.
    async fn signs_in_by_link(&mut self, app: &ForeignApp) -> Journey {
        let asked = self.browser.travel(&app.url("/sign-in")).await;
        assert!(asked.url().starts_with(&self.server.url("/login?return=")), "{:?}", asked.way);
        assert_eq!(asked.page.status, StatusCode::OK);
        let link = self.server.ask_for_link(self.number).await;
        self.browser.travel_by_link(&self.server, &link).await
    }

    /// The whole of it: a sign-in by her link, one more for which nothing is asked, and a sign-out. Gives what was shown first.
    async fn comes_and_goes(&mut self, app: &ForeignApp) -> Value {
        let first = self.comes_twice(app).await;
        self.goes(app).await;
        first
    }

    /// A sign-in by her link, and one more for which nothing is asked. Gives what was shown first.
    async fn comes_twice(&mut self, app: &ForeignApp) -> Value {
        let arrived = self.signs_in_by_link(app).await;
        assert_eq!(arrived.url(), app.url("/"), "{:?}\n{}", arrived.way, app.log());
        let first = arrived.shown();
        self.is_shown(app, &first);
        let again = self.browser.travel(&app.url("/sign-in")).await;
        assert!(!again.met_sign_in(), "{:?}", again.way);
        let second = again.shown();
        self.is_shown(app, &second);
        for same in ["sub", "sid", "auth_time"] {
            assert_eq!(second["claims"][same], first["claims"][same], "{same}");
        }
        first
    }

    /// Signs out of the application, which ends her session at doorkey and leads back.
    async fn goes(&mut self, app: &ForeignApp) {
        assert!(self.browser.is_signed_in(&self.server).await);
        let gone = self.browser.travel(&app.url("/sign-out")).await;
        assert_eq!((gone.url(), &*gone.page.body), (&*app.url("/signed-out"), "signed out"), "{:?}", gone.way);
        assert!(!self.browser.is_signed_in(&self.server).await);
        assert_eq!(self.browser.open(&app.url("/")).await.status, StatusCode::UNAUTHORIZED);
    }

    /// An application shows exactly who she is, by the ID token and by userinfo.
    #[track_caller]
    fn is_shown(&self, app: &ForeignApp, shown: &Value) {
        let mut token = shown["claims"].as_object().unwrap().clone();
        let take = |from: &mut Map<String, Value>, name: &str| {
            from.remove(name).unwrap_or_else(|| panic!("no {name} in {shown}"))
        };
        assert_eq!(take(&mut token, "iss"), json!(self.server.url("")));
        assert_eq!(take(&mut token, "aud"), json!(app.client_id));
        assert_eq!(take(&mut token, "acr"), json!("urn:doorkey:mailbox"));
        assert_eq!(take(&mut token, "amr"), json!(["link"]));
        let (issued, expires) = (take(&mut token, "iat"), take(&mut token, "exp"));
        assert_eq!(expires.as_u64().unwrap() - issued.as_u64().unwrap(), 600);
        assert!(take(&mut token, "auth_time").as_u64().unwrap() <= issued.as_u64().unwrap());
        for random in ["nonce", "sid", "at_hash"] {
            assert!(take(&mut token, random).as_str().unwrap().len() >= 20, "{random} in {shown}");
        }
        let mut userinfo = shown["userinfo"].as_object().unwrap().clone();
        assert_eq!(token, userinfo);
        let sub = take(&mut userinfo, "sub");
        let sub = sub.as_str().unwrap();
        assert!(sub.len() == 22 && sub.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{sub}");
        assert!(take(&mut userinfo, "updated_at").is_u64());
        let expected = json!({
            "name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace",
            "preferred_username": "ada@example.org", "user_id": self.number,
            "email": "ada@example.org", "email_verified": true, "groups": ["client"],
        });
        assert_eq!(Value::Object(userinfo), expected);
    }
}

#[tokio::test]
async fn openid_client_signs_in_and_out_and_takes_a_new_signing_key() {
    let mut ada = Ada::arrives();
    let app = ada.app_on_node("openid-client.mjs", &[]);
    let first = ada.comes_twice(&app).await;

    ada.server.run(&["signing-key", "rotate", "--force", "--workspace", "Acme"]);

    let again = ada.browser.travel(&app.url("/sign-in")).await.shown();
    assert_ne!(again["kid"], first["kid"]);
    ada.is_shown(&app, &again);
    ada.goes(&app).await;
}

#[tokio::test]
async fn oauth4webapi_signs_in_and_out() {
    let mut ada = Ada::arrives();
    let app = ada.app_on_node("oauth4webapi.mjs", &[]);
    ada.comes_and_goes(&app).await;
}

#[tokio::test]
async fn passport_openidconnect_is_told_that_pkce_is_missing_and_signs_in_where_it_is_optional() {
    let mut ada = Ada::arrives();
    let app = ada.app_on_node("passport-openidconnect.mjs", &[]);
    let refused = ada.browser.travel(&app.url("/sign-in")).await;
    assert!(refused.url().starts_with(&app.url("/callback?error=invalid_request")), "{:?}", refused.way);
    let error: Value = serde_json::from_str(&refused.page.body).unwrap();
    assert_eq!(error["name"], "AuthorizationError");
    assert_eq!(error["message"], "code_challenge is missing: this app must use PKCE with S256");

    ada.server.run(&["app", "set", &app.client_id, "pkce=optional", "--workspace", "Acme"]);
    ada.comes_twice(&app).await;
}
