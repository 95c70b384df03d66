//! The real router over a real database, in this process, with a clock that the test moves.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, Response, StatusCode};
use doorkey::app::App;
use doorkey::clock::Clock;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::email::EmailAddress;
use doorkey::domain::origin::Origin;
use doorkey::domain::reach::Reach;
use doorkey::domain::scope::{Scope, Scopes};
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::{UserId, UserRef};
use doorkey::domain::workspace::Workspace;
use doorkey::flow;
use doorkey::http;
use doorkey::rate_limits::RateLimitConfig;
use doorkey::store::{DatabaseUrl, NewUser};
use futures_util::StreamExt;
use tempfile::TempDir;
use tower::ServiceExt;

use super::database::Database;
pub use super::test_request::{TestRequest, TestResponse, button};

/// When every test begins: 2026-11-23T03:23:00Z.
pub const START: Timestamp = Timestamp::from_millis(1_795_404_180_000);

/// No limits.
pub const UNLIMITED: RateLimitConfig = RateLimitConfig {
    login_misses_per_minute: None,
    auth_failures_per_minute: None,
    key_requests_per_second: None,
};

/// An installation with one workspace, Acme, at <https://example.com> and example.spp.co.
pub struct TestApp {
    pub app: App,
    pub acme: Workspace,
    pub key: String,
    pub router: Router,
    pub database: Arc<Database>,
    pub folder: Arc<TempDir>,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_in(tempfile::tempdir().unwrap()).await
    }

    /// An installation of its own that has somebody's key file.
    pub async fn start_with_key(key_file: &Path) -> Self {
        let folder = tempfile::tempdir().unwrap();
        // Whoever has a key file can have it say that it was not used yet.
        let keys = std::fs::read_to_string(key_file).unwrap();
        let unused =
            "# No database was made with it yet. The first command that makes one takes this line out.";
        let path = folder.path().join("doorkey.key");
        std::fs::write(&path, format!("{unused}\n{keys}")).unwrap();
        let private = std::os::unix::fs::PermissionsExt::from_mode(0o600);
        std::fs::set_permissions(&path, private).unwrap();
        Self::start_in(folder).await
    }

    /// Another process on the same database, key file and clock, as a second server or a command would be.
    pub async fn beside(&self) -> Self {
        self.beside_at(&self.database.url()).await
    }

    /// The same, which finds the database at another address.
    pub async fn beside_at(&self, url: &str) -> Self {
        self.beside_with(url, self.app.clock.clone()).await
    }

    /// The same with a clock that goes: a server compares it with its own.
    pub async fn on_time(&self) -> Self {
        self.beside_with(&self.database.url(), Clock::System).await
    }

    async fn beside_with(&self, url: &str, clock: Clock) -> Self {
        let url = DatabaseUrl::parse(url).unwrap();
        let app = flow::operations::startup::open(&url, &self.key_file(), false, clock).await.unwrap();
        let router = http::router(app.clone(), settings());
        let (acme, key, folder) = (self.acme.clone(), self.key.clone(), Arc::clone(&self.folder));
        Self { app, acme, key, router, database: Arc::clone(&self.database), folder }
    }

    /// With other limits than the usual ones, and full budgets.
    pub fn limited_to(self, quotas: &RateLimitConfig) -> Self {
        let app = self.app.clone().limited_to(quotas);
        Self { router: http::router(app.clone(), settings()), app, ..self }
    }

    async fn start_in(folder: TempDir) -> Self {
        let database = Database::fresh(folder.path());
        Self::start_on(database, folder).await
    }

    /// On a database that is empty.
    pub async fn start_on(database: Database, folder: TempDir) -> Self {
        let app = open(&database, &folder.path().join("doorkey.key")).await;
        let (acme, key) = workspace(&app, "Acme", "https://example.com", &["example.spp.co"]).await;
        let router = http::router(app.clone(), settings());
        Self { app, acme, key, router, database: Arc::new(database), folder: Arc::new(folder) }
    }

    /// Another workspace and a key of it.
    pub async fn another(&self, name: &str, url: &str) -> (Workspace, String) {
        workspace(&self.app, name, url, &[]).await
    }

    pub async fn set(&mut self, setting: &str, value: &str) {
        let settings = [(setting.to_owned(), value.to_owned())];
        let set =
            flow::workspaces::set(&self.app, &AuditContext::at_command_line(), &self.acme.name, &settings)
                .await;
        self.acme = set.unwrap();
    }

    pub async fn client(&self, email: &str) -> UserId {
        self.add(&self.acme, email, UserChange::default()).await
    }

    pub async fn add(&self, workspace: &Workspace, email: &str, fields: UserChange) -> UserId {
        let fields = UserChange {
            name_f: fields.name_f.or(Some("Ada".to_owned())),
            name_l: fields.name_l.or(Some("Lovelace".to_owned())),
            ..fields
        };
        let user = NewUser { id: None, email: EmailAddress::parse(email).unwrap(), fields };
        flow::users::add(&self.app, workspace, &AuditContext::at_command_line(), &user).await.unwrap()
    }

    pub async fn change(&self, user: UserId, field: &str, value: &str) {
        let mut change = UserChange::default();
        change.set(field, value).unwrap();
        let act = AuditContext::at_command_line();
        flow::users::set(&self.app, &self.acme, &act, &UserRef::Id(user), &change).await.unwrap();
    }

    pub async fn delete(&self, user: UserId) {
        let act = AuditContext::at_command_line();
        let user = UserRef::Id(user);
        flow::users::delete(&self.app, &self.acme, &act, (&user, Reach::All)).await.unwrap();
    }

    pub async fn key_with(&self, scopes: &[Scope], lifetime: Option<i64>) -> (i64, String) {
        make_key(&self.app, &self.acme, scopes.iter().copied().collect(), lifetime).await
    }

    pub async fn revoke_key(&self, id: i64) {
        flow::api_keys::revoke(&self.app, &self.acme, &AuditContext::at_command_line(), id).await.unwrap();
    }

    /// A call of the back office with its key.
    pub async fn call(&self, method: &str, path: &str) -> TestResponse {
        self.send(TestRequest::of(method, path).bearer(&self.key)).await
    }

    pub async fn send(&self, ask: TestRequest) -> TestResponse {
        self.send_from("192.0.2.1", ask).await
    }

    /// A request whose connection comes from an address.
    pub async fn send_from(&self, peer: &str, ask: TestRequest) -> TestResponse {
        let (parts, body) = self.begin(peer, ask).await.into_parts();
        let bytes = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        TestResponse {
            status: parts.status,
            headers: parts.headers,
            body: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    /// A response of which nothing was read.
    async fn begin(&self, peer: &str, ask: TestRequest) -> Response<Body> {
        let peer = http::Peer(SocketAddr::new(peer.parse().unwrap(), 40_000));
        let mut request = Request::builder().method(ask.method).uri(&ask.path).extension(peer);
        for (name, value) in &ask.headers {
            request = request.header(name, value.as_slice());
        }
        self.router.clone().oneshot(request.body(Body::from(ask.body)).unwrap()).await.unwrap()
    }

    /// The link of a user; the call must succeed.
    pub async fn ask_for_link(&self, user: UserId) -> String {
        let answer = self.call("GET", &format!("/api/login_links/{}", user.number())).await;
        assert_eq!(answer.status, StatusCode::OK, "{}", answer.body);
        answer.json()["link"].as_str().unwrap().to_owned()
    }

    pub fn advance(&self, seconds: i64) {
        self.app.clock.advance(seconds);
    }

    pub fn browser(&self) -> Browser<'_> {
        Browser { test: self, host: "example.com".to_owned(), cookies: BTreeMap::new() }
    }

    pub fn number(&self, sql: &str) -> i64 {
        self.database.number(sql)
    }

    pub fn run_sql(&self, sql: &str) {
        self.database.run(sql);
    }

    /// Events of the audit log with their reasons, oldest first.
    pub fn audit(&self) -> Vec<String> {
        let entries = self.database.rows("SELECT event, actor, data FROM audit_log ORDER BY id");
        let printed = entries.iter().map(|entry| {
            let data: serde_json::Value = serde_json::from_str(&entry[2]).unwrap();
            let reason = data["reason"].as_str().map_or_else(String::new, |reason| format!(" {reason}"));
            format!("{} by {}{reason}", entry[0], entry[1])
        });
        printed.collect()
    }

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("doorkey.key")
    }
}

pub fn settings() -> http::Settings {
    http::Settings { trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()], has_docs: true, caught_mail: None }
}

pub async fn open(database: &Database, key_file: &Path) -> App {
    database.prepare_key(key_file);
    flow::operations::startup::open(&database.parsed(), key_file, true, Clock::manual(START)).await.unwrap()
}

async fn workspace(app: &App, name: &str, url: &str, hosts: &[&str]) -> (Workspace, String) {
    let hosts = flow::workspaces::parse_hosts(&hosts.join(",")).unwrap();
    let url = Origin::parse(url).unwrap();
    let act = AuditContext::at_command_line();
    let workspace = flow::workspaces::create(app, &act, name.to_owned(), url, hosts).await.unwrap();
    let (_, key) = make_key(app, &workspace, Scopes::all(), None).await;
    (workspace, key)
}

async fn make_key(app: &App, workspace: &Workspace, scopes: Scopes, lifetime: Option<i64>) -> (i64, String) {
    let act = AuditContext::at_command_line();
    let (key, secret) =
        flow::api_keys::create(app, workspace, &act, ("test", scopes, lifetime)).await.unwrap();
    (key.id, secret.reveal().to_owned())
}

/// A person's browser: it keeps cookies and presses buttons.
#[derive(Clone)]
pub struct Browser<'a> {
    test: &'a TestApp,
    pub host: String,
    pub cookies: BTreeMap<String, String>,
}

impl Browser<'_> {
    pub async fn send(&mut self, ask: TestRequest) -> TestResponse {
        let answer = self.test.send(self.with_cookies(ask)).await;
        for cookie in answer.cookies() {
            let (name, rest) = cookie.split_once('=').unwrap();
            if cookie.contains("Max-Age=0") {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), rest.split(';').next().unwrap().to_owned());
            }
        }
        answer
    }

    fn with_cookies(&self, ask: TestRequest) -> TestRequest {
        let ask = ask.host(&self.host);
        if self.cookies.is_empty() {
            return ask;
        }
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        ask.header("cookie", cookies.join("; "))
    }

    /// The parts in which the body of a response is sent.
    pub async fn get_in_parts(&self, path: &str) -> Vec<String> {
        let ask = self.with_cookies(TestRequest::of("GET", path));
        let parts = self.test.begin("192.0.2.1", ask).await.into_body().into_data_stream();
        parts.map(|part| String::from_utf8(part.unwrap().to_vec()).unwrap()).collect().await
    }

    pub async fn get(&mut self, path: &str) -> TestResponse {
        self.send(TestRequest::of("GET", path)).await
    }

    /// Opens a login link (or anything below the portal) in this browser.
    pub async fn open(&mut self, link: &str) -> TestResponse {
        let path =
            link.split_once("://").and_then(|(_, rest)| rest.find('/').map(|at| &rest[at..])).unwrap_or(link);
        self.get(path).await
    }

    /// Presses the button of a page that was opened.
    pub async fn press(&mut self, page: &TestResponse) -> TestResponse {
        self.send(button(page)).await
    }

    /// Opens a link and presses the button.
    pub async fn sign_in(&mut self, link: &str) -> TestResponse {
        let page = self.open(link).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        self.press(&page).await
    }

    pub async fn is_signed_in(&mut self) -> bool {
        self.get("/").await.status == StatusCode::OK
    }

    pub fn session(&self) -> Option<&String> {
        self.cookies.iter().find(|(name, _)| name.contains("session")).map(|(_, value)| value)
    }

    /// The name of the session cookie, which has a tag of the workspace in it; the browser must have the cookie.
    pub fn session_name(&self) -> String {
        self.cookies.keys().find(|name| name.contains("session")).expect("no session cookie").clone()
    }
}
