//! Whole sign-ins by OpenID Connect libraries that others wrote, each in an application as small as its README has it.

use std::time::Duration;

use reqwest::StatusCode;
use serde_json::{Map, Value, json};

use crate::support::apache::Apache;
use crate::support::foreign_app::{ForeignApp, Journey, OUTBOUND, Registration};
use crate::support::http_client::{HttpClient, form};
use crate::support::relying_party::query_of;
use crate::support::server::Server;
use crate::support::wait::{until, until_so};

/// Ada Lovelace, a client of the workspace, and her browser.
struct Ada {
    server: Server,
    number: i64,
    browser: HttpClient,
}

impl Ada {
    fn arrives() -> Self {
        let mut server = Server::prepare("Acme");
        // Applications hear of the end of sessions on this machine.
        server.serve_with(&[OUTBOUND]);
        let number = server.add_client("ada@example.org", "Ada", "Lovelace");
        Self { server, number, browser: HttpClient::arrives() }
    }

    /// An application with Node whose callback is at `/callback`.
    fn app_on_node(&self, script: &str, more: &[&str]) -> ForeignApp {
        ForeignApp::on_node(script, Registration::add(&self.server, "/callback", more))
    }

    /// Starts in an application, is asked to sign in, uses her link, and gets on to where the application leads her.
    async fn signs_in_by_link(&mut self, app: &ForeignApp) -> Journey {
        self.signs_in_from(&app.url("/sign-in")).await
    }

    /// Starts at an address, is asked to sign in, uses her link, and gets on to where that leads her.
    async fn signs_in_from(&mut self, start: &str) -> Journey {
        let asked = self.browser.travel(start).await;
        assert!(asked.url().starts_with(&self.server.url("/login?return=")), "{:?}", asked.way);
        assert_eq!(asked.page.status, StatusCode::OK);
        let link = self.server.ask_for_link(self.number).await;
        self.browser.travel_by_link(&self.server, &link).await
    }

    /// A link that leads to an app, in a browser in which nobody is signed in.
    async fn lands(&self, client_id: &str) -> (HttpClient, Journey) {
        let mut browser = HttpClient::arrives();
        let path = format!("/api/login_links/{}?app={client_id}", self.number);
        let answer = self.server.call("GET", &path).await.json::<Value>().await.unwrap();
        let arrived = browser.travel_by_link(&self.server, answer["link"].as_str().unwrap()).await;
        (browser, arrived)
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
        self.is_shown(&app.client_id, &first);
        let again = self.browser.travel(&app.url("/sign-in")).await;
        assert!(!again.met_sign_in(), "{:?}", again.way);
        let second = again.shown();
        self.is_shown(&app.client_id, &second);
        for same in ["sub", "sid", "auth_time"] {
            assert_eq!(second["claims"][same], first["claims"][same], "{same}");
        }
        first
    }

    /// The same, but for a key that begins to sign after the application has fetched the keys.
    async fn takes_a_new_key(&mut self, app: &ForeignApp) {
        let first = self.comes_twice(app).await;
        self.server.run(&["signing-key", "rotate", "--force", "--workspace", "Acme"]);
        let again = self.browser.travel(&app.url("/sign-in")).await.shown();
        assert_ne!(again["kid"], first["kid"]);
        self.is_shown(&app.client_id, &again);
        self.goes(app).await;
    }

    /// Signs out of the application, which ends her session at doorkey and leads back.
    async fn goes(&mut self, app: &ForeignApp) {
        assert!(self.browser.is_signed_in(&self.server).await);
        let gone = self.browser.travel(&app.url("/sign-out")).await;
        // Some send a `state`, which comes back.
        assert_eq!(gone.url().split('?').next().unwrap(), app.url("/signed-out"), "{:?}", gone.way);
        assert_eq!(gone.page.body, "signed out");
        assert!(!self.browser.is_signed_in(&self.server).await);
        assert_eq!(self.browser.open(&app.url("/")).await.status, StatusCode::UNAUTHORIZED);
    }

    /// An application shows exactly who she is, by the ID token and by userinfo.
    #[track_caller]
    fn is_shown(&self, client_id: &str, shown: &Value) {
        let mut token = shown["claims"].as_object().unwrap().clone();
        let take = |from: &mut Map<String, Value>, name: &str| {
            from.remove(name).unwrap_or_else(|| panic!("no {name} in {shown}"))
        };
        assert_eq!(take(&mut token, "iss"), json!(self.server.url("")));
        assert_eq!(take(&mut token, "aud"), json!(client_id));
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
    ada.takes_a_new_key(&app).await;
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
    assert!(refused.url().starts_with(&app.url("/callback?")), "{:?}", refused.way);
    assert_eq!(query_of(refused.url())["error"], "invalid_request");
    let error: Value = serde_json::from_str(&refused.page.body).unwrap();
    assert_eq!(error["name"], "AuthorizationError");
    assert_eq!(error["message"], "code_challenge is missing: this app must use PKCE with S256");

    ada.server.run(&["app", "set", &app.client_id, "pkce=optional", "--workspace", "Acme"]);
    ada.comes_twice(&app).await;
}

#[tokio::test]
async fn express_openid_connect_signs_in_and_out_and_hears_of_the_end_of_a_session() {
    let mut ada = Ada::arrives();
    let told = ["--backchannel-logout-uri", "{origin}/backchannel-logout"];
    let app = ada.app_on_node("express-openid-connect.mjs", &told);
    ada.comes_and_goes(&app).await;
    // It ends all sessions of a person: also one that begins before it has heard of the end of another.
    hears_of_ends(&app, 1);

    ada.signs_in_by_link(&app).await.shown();
    ada.browser.sign_out(&ada.server).await;

    hears_of_ends(&app, 2);
    assert_eq!(ada.browser.open(&app.url("/")).await.status, StatusCode::UNAUTHORIZED);
    ada.comes_and_goes(&app).await;
}

/// Waits until an application has taken this many tokens that end a session.
fn hears_of_ends(app: &ForeignApp, count: usize) {
    let have_come = || app.log().matches("heard of an end: 204").count() == count;
    until(Duration::from_secs(10), have_come, || app.log());
}

#[tokio::test]
async fn auth_core_signs_in_and_out() {
    let mut ada = Ada::arrives();
    let registration = Registration::add(&ada.server, "/auth/callback/doorkey", &[]);
    let app = ForeignApp::on_node("auth-core.mjs", registration);
    ada.comes_and_goes(&app).await;
}

#[tokio::test]
async fn authlib_signs_in_and_out_and_takes_a_new_signing_key() {
    let mut ada = Ada::arrives();
    let app = ForeignApp::on_python("authlib_app.py", Registration::add(&ada.server, "/callback", &[]));
    ada.takes_a_new_key(&app).await;
}

#[tokio::test]
async fn es256_is_taken_as_it_comes() {
    let mut ada = Ada::arrives();
    let es256 = |callback: &str| Registration::add(&ada.server, callback, &["--alg", "ES256"]);
    let apps = [
        ForeignApp::on_node("auth-core.mjs", es256("/auth/callback/doorkey")),
        ForeignApp::on_node("oauth4webapi.mjs", es256("/callback")),
        ForeignApp::on_node("openid-client.mjs", es256("/callback")),
        ForeignApp::on_python("authlib_app.py", es256("/callback")),
    ];
    let apache = Apache::start(es256(Apache::CALLBACK));
    for app in apps {
        ada.comes_and_goes(&app).await;
    }
    let arrived = ada.signs_in_from(&apache.url("/secure/home")).await;
    assert_eq!(header(&arrived, "oidc_claim_email"), "ada@example.org");
}

#[tokio::test]
async fn express_openid_connect_takes_es256_only_if_it_is_told() {
    let mut ada = Ada::arrives();
    let es256 = || Registration::add(&ada.server, "/callback", &["--alg", "ES256"]);
    let untold = ForeignApp::on_node("express-openid-connect.mjs", es256());
    let told = Registration { algorithm: Some("ES256"), ..es256() };
    let told = ForeignApp::on_node("express-openid-connect.mjs", told);

    let refused = ada.signs_in_by_link(&untold).await;
    assert_eq!(refused.page.status, StatusCode::INTERNAL_SERVER_ERROR, "{}", refused.page.body);
    assert!(refused.page.body.contains("OAUTH_INVALID_RESPONSE"), "{}", refused.page.body);
    ada.browser.sign_out(&ada.server).await;
    ada.comes_and_goes(&told).await;
}

/// Apache, and where it is told of the end of a session.
fn apache(ada: &Ada) -> Apache {
    let start = format!("{{origin}}{}", Apache::CALLBACK);
    let told = format!("{start}?logout=backchannel");
    let more = ["--start-url", &start, "--backchannel-logout-uri", &told];
    Apache::start(Registration::add(&ada.server, Apache::CALLBACK, &more))
}

/// What the application behind Apache is told in a header.
#[track_caller]
fn header(journey: &Journey, name: &str) -> String {
    let shown = journey.shown();
    let headers = shown["headers"].as_array().unwrap();
    let found = headers.iter().find(|header| header[0] == name);
    found.unwrap_or_else(|| panic!("no {name} in {shown}"))[1].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn apache_signs_in_and_out_and_tells_the_application_behind_it_who_comes() {
    let mut ada = Ada::arrives();
    let apache = apache(&ada);
    let arrived = ada.signs_in_from(&apache.url("/secure/deep?x=1")).await;
    assert_eq!(arrived.url(), apache.url("/secure/deep?x=1"), "{:?}\n{}", arrived.way, apache.log());
    assert_eq!(header(&arrived, "oidc_claim_email"), "ada@example.org");
    assert_eq!(header(&arrived, "oidc_claim_email_verified"), "1");

    let shown = ada.browser.travel(&apache.url("/secure/redirect_uri?info=json")).await.shown();
    let shown = json!({"claims": shown["id_token"], "userinfo": shown["userinfo"]});
    ada.is_shown(&apache.client_id, &shown);
    assert_eq!(header(&arrived, "oidc_claim_sub"), shown["claims"]["sub"].as_str().unwrap());

    let back = url::form_urlencoded::byte_serialize(apache.url("/signed-out").as_bytes()).collect::<String>();
    let out = ada.browser.travel(&apache.url(&format!("{}?logout={back}", Apache::CALLBACK))).await;
    assert_eq!(out.url(), apache.url("/signed-out"), "{:?}\n{}", out.way, apache.log());
    assert!(!ada.browser.is_signed_in(&ada.server).await);
    assert!(ada.browser.travel(&apache.url("/secure/home")).await.met_sign_in());
}

#[tokio::test]
async fn a_link_lands_in_apache_by_the_third_party_start_of_the_standard() {
    let ada = Ada::arrives();
    let apache = apache(&ada);
    for (wish, page) in [("", "/secure/home"), ("&redirect=/secure/deep%3Fx%3D1%26y", "/secure/deep?x=1&y")] {
        let mut browser = HttpClient::arrives();
        let path = format!("/api/login_links/{}?app={}{wish}", ada.number, apache.client_id);
        let answer = ada.server.call("GET", &path).await.json::<Value>().await.unwrap();
        let link = answer["link"].as_str().unwrap();

        let arrived = browser.travel_by_link(&ada.server, link).await;

        assert_eq!(arrived.url(), apache.url(page), "{:?}\n{}", arrived.way, apache.log());
        assert_eq!(header(&arrived, "oidc_claim_email"), "ada@example.org");
        let start = apache.url(&format!("{}?iss=", Apache::CALLBACK));
        assert!(arrived.way.iter().any(|url| url.starts_with(&start)), "{:?}", arrived.way);
    }
}

#[tokio::test]
async fn a_link_lands_in_the_small_applications_by_their_start_urls() {
    let ada = Ada::arrives();
    let add = |callback: &str, start: &str, more: &[&str]| {
        let start = format!("{{origin}}{start}");
        Registration::add(&ada.server, callback, &[&["--start-url", &start], more].concat())
    };
    let own = || add("/callback", "/sign-in", &[]);
    let optional = add("/callback", "/sign-in", &["--pkce", "optional"]);
    for (start, app) in [
        ("/sign-in", ForeignApp::on_node("openid-client.mjs", own())),
        ("/sign-in", ForeignApp::on_node("oauth4webapi.mjs", own())),
        ("/sign-in", ForeignApp::on_node("auth-core.mjs", add("/auth/callback/doorkey", "/sign-in", &[]))),
        ("/login", ForeignApp::on_node("express-openid-connect.mjs", add("/callback", "/login", &[]))),
        ("/sign-in", ForeignApp::on_node("passport-openidconnect.mjs", optional)),
        ("/sign-in", ForeignApp::on_python("authlib_app.py", own())),
    ] {
        let (_, arrived) = ada.lands(&app.client_id).await;

        assert_eq!(arrived.url(), app.url("/"), "{:?}\n{}", arrived.way, app.log());
        ada.is_shown(&app.client_id, &arrived.shown());
        let start = app.url(&format!("{start}?iss="));
        assert!(arrived.way.iter().any(|url| url.starts_with(&start)), "{:?}", arrived.way);
        let asked = ada.server.url("/login?return=");
        assert!(!arrived.way.iter().any(|url| url.starts_with(&asked)), "{:?}", arrived.way);
    }
}

/// Why `docs/apps.md` names a path of your own: the library's own page is one with a button, and the address behind it takes no GET.
#[tokio::test]
async fn a_link_to_the_own_page_of_auth_core_waits_there_for_a_press() {
    let ada = Ada::arrives();
    let start = |path: &str| {
        let start = format!("{{origin}}{path}?callbackUrl=/");
        let registration = Registration::add(&ada.server, "/auth/callback/doorkey", &["--start-url", &start]);
        ForeignApp::on_node("auth-core.mjs", registration)
    };
    let (page, behind) = (start("/auth/signin"), start("/auth/signin/doorkey"));

    let (mut browser, waiting) = ada.lands(&page.client_id).await;

    assert!(waiting.url().starts_with(&page.url("/auth/signin?")), "{:?}\n{}", waiting.way, page.log());
    assert_eq!(browser.open(&page.url("/")).await.status, StatusCode::UNAUTHORIZED);
    let target = page.url("/auth/signin/doorkey");
    let pressed = browser.post(&target, &form(&waiting.page.body)).await;
    let arrived = browser.go_on(&target, pressed).await;
    assert_eq!(arrived.url(), page.url("/"), "{:?}\n{}", arrived.way, page.log());
    ada.is_shown(&page.client_id, &arrived.shown());
    let (mut browser, refused) = ada.lands(&behind.client_id).await;
    assert!(
        !refused.page.status.is_success() || refused.page.body.contains("error"),
        "{}",
        refused.page.body
    );
    assert_eq!(browser.open(&behind.url("/")).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_session_that_ends_at_doorkey_is_dead_in_apache() {
    let mut ada = Ada::arrives();
    let apache = apache(&ada);
    ada.signs_in_from(&apache.url("/secure/home")).await.shown();
    let mut other = HttpClient::arrives();
    other.take_cookies_of(&ada.browser);
    assert_eq!(other.open(&apache.url("/secure/home")).await.status, StatusCode::OK);

    ada.browser.sign_out(&ada.server).await;

    let is_dead = async || {
        let mut other_browser = HttpClient::arrives();
        other_browser.take_cookies_of(&other);
        other_browser.open(&apache.url("/secure/home")).await.status == StatusCode::FOUND
    };
    until_so(Duration::from_secs(10), is_dead, || format!("{}\n{}", apache.log(), ada.server.log())).await;
}

#[tokio::test]
async fn with_form_post_apache_shows_why_it_was_refused() {
    let mut ada = Ada::arrives();
    let with = |more: &str| {
        let registration = Registration::add(&ada.server, Apache::CALLBACK, &[]);
        Apache::start_with(registration, &format!("OIDCResponseMode form_post\n{more}"))
    };
    // Without it, it takes the `iss` of an error for a third-party start, and asks again without end.
    let (refused, served) = (with("OIDCAuthRequestParams max_age=soon"), with(""));

    let journey = ada.browser.travel(&refused.url("/secure/home")).await;

    assert_eq!(journey.url(), refused.url(Apache::CALLBACK), "{:?}", journey.way);
    assert!(journey.page.body.contains("max_age"), "{}", journey.page.body);
    let arrived = ada.signs_in_from(&served.url("/secure/home")).await;
    assert_eq!(header(&arrived, "oidc_claim_email"), "ada@example.org");
}
