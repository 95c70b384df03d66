//! An installation in this process, for targets that go through the real router.

use std::net::SocketAddr;
use std::path::Path;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Request, StatusCode};
use doorkey::app::App;
use doorkey::clock::Clock;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::email::EmailAddress;
use doorkey::domain::origin::Origin;
use doorkey::domain::scope::Scopes;
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::UserChange;
use doorkey::domain::workspace::Workspace;
use doorkey::flow;
use doorkey::http;
use doorkey::rate_limits::RateLimitConfig;
use doorkey::store::{DatabaseUrl, NewUser};
use tempfile::TempDir;
use tokio::runtime::Runtime;
use tower::ServiceExt;

/// When all of it happens: 2026-11-23T03:23:00Z, for ever, so that a finding can be found again.
const NOW: Timestamp = Timestamp::from_millis(1_795_404_180_000);

/// A server with a workspace at <https://example.com>, three users, and somebody who is signed in.
pub struct Installation {
    /// A key with every scope.
    pub key: String,
    /// A live link's token.
    pub token: String,
    /// The name of the session cookie, which has a tag of the workspace in it.
    pub session_name: String,
    /// The session cookie of somebody who is signed in, without its name.
    pub session: String,
    router: Router,
    runtime: Runtime,
    _folder: TempDir,
}

/// What came back.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Installation {
    pub fn start() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // In memory where that can be had: nobody cuts the power here.
        let memory = Path::new("/dev/shm");
        let folder = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() };
        let folder = folder.expect("a folder");
        let (app, key) = runtime.block_on(prepare(folder.path()));
        let settings = http::Settings { trusted_proxies: Vec::new(), has_docs: true };
        let router = http::router(app, settings);
        let (token, session_name, session) = (String::new(), String::new(), String::new());
        let mut installation = Self { key, token, session_name, session, router, runtime, _folder: folder };
        (installation.session_name, installation.session) = installation.sign_in();
        installation.token = installation.link_of(4);
        installation
    }

    /// Sends a request and reads all of the answer.
    pub fn send(&self, mut request: Request<Body>) -> Answer {
        request.extensions_mut().insert(http::Peer(SocketAddr::from(([192, 0, 2, 1], 40_000))));
        self.runtime.block_on(async {
            let response = self.router.clone().oneshot(request).await.expect("a router always answers");
            let (parts, body) = response.into_parts();
            let body = to_bytes(body, usize::MAX).await.expect("a whole body");
            Answer { status: parts.status, headers: parts.headers, body: body.to_vec() }
        })
    }

    fn link_of(&self, user: u64) -> String {
        let request = Request::get(format!("/api/login_links/{user}")).header("host", "example.com");
        let request = request.header("authorization", format!("Bearer {}", self.key)).body(Body::empty());
        let answer = self.send(request.expect("a request"));
        let body: serde_json::Value = serde_json::from_slice(&answer.body).expect("a link");
        let link = body["link"].as_str().expect("a link");
        link.split_once("token=").expect("a token").1.to_owned()
    }

    /// Name and value of the session cookie.
    fn sign_in(&self) -> (String, String) {
        let token = self.link_of(1);
        let page = Request::get(format!("/login?token={token}")).header("host", "example.com");
        let page = self.send(page.body(Body::empty()).expect("a request"));
        let text = String::from_utf8(page.body.clone()).expect("a page");
        let (_, proof) = text.split_once("name=\"proof\" value=\"").expect("a form");
        let proof = proof.split('"').next().expect("a proof");
        let press = Request::post("/login")
            .header("host", "example.com")
            .header("sec-fetch-site", "same-origin")
            .header("content-type", "application/x-www-form-urlencoded")
            .header("cookie", page.cookie())
            .body(Body::from(format!("token={token}&proof={proof}")));
        let signed_in = self.send(press.expect("a request"));
        assert_eq!(signed_in.status, StatusCode::SEE_OTHER);
        let cookie = signed_in.cookie();
        let (name, value) = cookie.split_once('=').expect("a cookie");
        (name.to_owned(), value.to_owned())
    }
}

impl Answer {
    /// Name and value of the cookie that is set.
    fn cookie(&self) -> String {
        let cookie =
            self.headers.get("set-cookie").and_then(|cookie| cookie.to_str().ok()).expect("a cookie");
        cookie.split(';').next().expect("a pair").to_owned()
    }
}

/// The bytes with a word in them replaced by what it stands for in this run: a secret is another one in every run.
pub fn with(bytes: &[u8], word: &[u8], secret: &str) -> Vec<u8> {
    let mut made = Vec::new();
    let mut rest = bytes;
    while let Some(at) = rest.windows(word.len()).position(|window| window == word) {
        made.extend_from_slice(&rest[..at]);
        made.extend_from_slice(secret.as_bytes());
        rest = &rest[at + word.len()..];
    }
    made.extend_from_slice(rest);
    made
}

async fn prepare(folder: &Path) -> (App, String) {
    let url = format!("sqlite://{}", folder.join("doorkey.db").display());
    let url = DatabaseUrl::parse(&url).expect("a database");
    let opened =
        flow::operations::startup::open(&url, &folder.join("doorkey.key"), true, Clock::manual(NOW)).await;
    // The clock stands still, and so would every budget.
    let nothing = RateLimitConfig {
        login_misses_per_minute: None,
        auth_failures_per_minute: None,
        key_requests_per_second: None,
    };
    let app = opened.expect("an installation").limited_to(&nothing);
    let act = AuditContext::at_command_line();
    let origin = Origin::parse("https://example.com").expect("an origin");
    let workspace = flow::workspaces::create(&app, &act, "Acme".to_owned(), origin, Vec::new()).await;
    let workspace = workspace.expect("a workspace");
    for (email, field) in [
        ("ada@example.org", None),
        ("staff@example.org", Some("staff")),
        ("two@example.org", Some("two_factor_enabled")),
        ("bob@example.org", None),
    ] {
        add(&app, &workspace, email, field).await;
    }
    let key = flow::api_keys::create(&app, &workspace, &act, ("fuzz", Scopes::all(), None)).await;
    (app, key.expect("a key").1.reveal().to_owned())
}

async fn add(app: &App, workspace: &Workspace, email: &str, flag: Option<&str>) {
    let mut fields = UserChange::default();
    for (field, value) in
        [("name_f", "Ada"), ("name_l", "Lovelace")].into_iter().chain(flag.map(|flag| (flag, "true")))
    {
        fields.set(field, value).expect("a field");
    }
    let user = NewUser { id: None, email: EmailAddress::parse(email).expect("an address"), fields };
    flow::users::add(app, workspace, &AuditContext::at_command_line(), &user).await.expect("a user");
}
