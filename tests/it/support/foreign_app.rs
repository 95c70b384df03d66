//! Applications built on OpenID Connect libraries that others wrote, and a person whose browser goes between them and doorkey.

use std::fs::{File, copy, read_dir, read_to_string};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use reqwest::StatusCode;
use reqwest::header::LOCATION;
use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use super::http_client::{HttpClient, Page, form};
use super::ports::free_port;
use super::process::Process;
use super::server::Server;
use super::wait::until;

/// How long an application may take to listen.
const TIMEOUT: Duration = Duration::from_secs(30);

/// What lets doorkey call applications on this machine.
pub const OUTBOUND: (&str, &str) = ("DOORKEY_OUTBOUND_ALLOW", "localhost");

/// How often a browser goes on by itself before it gives up.
const STEPS: usize = 12;

/// A running application, which doorkey knows by a client id.
pub struct ForeignApp {
    // It ends before its folder goes.
    _process: Process,
    folder: TempDir,
    pub client_id: String,
    origin: String,
}

/// What an application is started with.
pub struct Registration {
    pub port: u16,
    pub issuer: String,
    pub client_id: String,
    pub secret: String,
    /// What the application is told of the signatures of ID tokens.
    pub algorithm: Option<&'static str>,
}

impl Registration {
    /// Adds an app to doorkey whose addresses are on a port of its own, by these paths and further words of the command.
    pub fn add(server: &Server, callback: &str, more: &[&str]) -> Self {
        let port = free_port();
        let on_it = |path: &str| format!("http://localhost:{port}{path}");
        let (redirect, signed_out) = (on_it(callback), on_it("/signed-out"));
        let more: Vec<String> = more.iter().map(|word| word.replace("{origin}", &on_it(""))).collect();
        let mut words = vec!["app", "create", "Wiki", "--workspace", "Acme", "--json"];
        words.extend(["--redirect-uri", &redirect, "--post-logout-redirect-uri", &signed_out]);
        words.extend(more.iter().map(String::as_str));
        let made = server.command().env(OUTBOUND.0, OUTBOUND.1).args(&words).output().unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let made: Value = serde_json::from_slice(&made.stdout).unwrap();
        let field = |name: &str| made[name].as_str().unwrap().to_owned();
        Self {
            port,
            issuer: field("issuer"),
            client_id: field("client_id"),
            secret: field("client_secret"),
            algorithm: None,
        }
    }
}

impl ForeignApp {
    /// An application of `tests/oidc/clients`, with Node.
    pub fn on_node(script: &str, registration: Registration) -> Self {
        let installed = tool("OIDC_CLIENTS", "oidc-clients").join("node_modules");
        assert!(installed.exists(), "the OpenID Connect clients are missing: ./test installs them");
        let folder = tempfile::tempdir().unwrap();
        // Node looks for modules beside a script and in the folders above it.
        symlink(installed, folder.path().join("node_modules")).unwrap();
        for script in read_dir(scripts()).unwrap().map(|entry| entry.unwrap().path()) {
            copy(&script, folder.path().join(script.file_name().unwrap())).unwrap();
        }
        let mut node = Command::new("node");
        node.arg(folder.path().join(script));
        Self::start(node, folder, registration)
    }

    /// An application of `tests/oidc/clients`, with Python.
    pub fn on_python(script: &str, registration: Registration) -> Self {
        let python = tool("AUTHLIB", "authlib").join("bin/python");
        assert!(python.exists(), "authlib is missing: ./test installs it");
        let mut python = Command::new(python);
        python.arg(scripts().join(script)).env("PYTHONDONTWRITEBYTECODE", "1");
        Self::start(python, tempfile::tempdir().unwrap(), registration)
    }

    /// Starts an application that says in a line when it listens; it finds out by its environment who it is.
    fn start(mut program: Command, folder: TempDir, registration: Registration) -> Self {
        let Registration { port, issuer, client_id, secret, algorithm } = registration;
        let log = File::create(folder.path().join("log")).unwrap();
        program.env("PORT", port.to_string()).env("ISSUER", issuer);
        program.env("CLIENT_ID", &client_id).env("CLIENT_SECRET", secret);
        program.envs(algorithm.map(|algorithm| ("ID_TOKEN_ALG", algorithm)));
        program.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        let process = Process(program.spawn().unwrap_or_else(|error| panic!("{program:?}: {error}")));
        let app = Self { _process: process, folder, client_id, origin: format!("http://localhost:{port}") };
        until(TIMEOUT, || app.log().contains("listens on"), || app.log());
        app
    }

    /// An address of it.
    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// Everything that it has written so far.
    pub fn log(&self) -> String {
        read_to_string(self.folder.path().join("log")).unwrap()
    }
}

/// Where `./test` put a tool.
pub fn tool(variable: &str, folder: &str) -> PathBuf {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    std::env::var_os(variable).map_or_else(|| house.join("target").join(folder), PathBuf::from)
}

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/oidc/clients")
}

/// Where a browser came to rest, and each address on the way there.
pub struct Journey {
    pub page: Page,
    pub way: Vec<String>,
}

impl Journey {
    /// The address of the page.
    pub fn url(&self) -> &str {
        self.way.last().unwrap()
    }

    /// Whether doorkey asked for a sign-in on the way.
    pub fn met_sign_in(&self) -> bool {
        self.way.iter().any(|url| Url::parse(url).unwrap().path() == "/login")
    }

    /// What an application shows of who is signed in.
    #[track_caller]
    pub fn shown(&self) -> Value {
        assert_eq!(self.page.status, StatusCode::OK, "{:?}: {}", self.way, self.page.body);
        serde_json::from_str(&self.page.body).unwrap_or_else(|_| panic!("{:?}: {}", self.way, self.page.body))
    }
}

impl HttpClient {
    /// Opens an address, and goes on as a browser does where a page leads on by itself.
    pub async fn travel(&mut self, url: &str) -> Journey {
        let page = self.open(url).await;
        self.go_on(url, page).await
    }

    /// Goes on from a page that came from an address.
    pub async fn go_on(&mut self, url: &str, mut page: Page) -> Journey {
        let mut way = vec![url.to_owned()];
        loop {
            assert!(way.len() < STEPS, "a circle: {way:?}");
            let next = if let Some(next) = next(way.last().unwrap(), &page) {
                page = self.open(&next).await;
                next
            } else if let Some(next) = posted(&page) {
                page = self.post(&next, &form(&page.body)).await;
                next
            } else {
                return Journey { page, way };
            };
            way.push(next);
        }
    }

    /// Opens a login link, presses its button, and goes where that leads.
    pub async fn travel_by_link(&mut self, server: &Server, link: &str) -> Journey {
        let page = self.open(link).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let pressed = self.press(server, &page).await;
        self.go_on(&server.url("/login"), pressed).await
    }
}

/// Where a page leads by itself: by its status, or by its refresh.
fn next(url: &str, page: &Page) -> Option<String> {
    let to = if page.status.is_redirection() {
        page.headers.get(LOCATION)?.to_str().unwrap()
    } else {
        page.headers.get("refresh")?.to_str().unwrap().strip_prefix("0; url=")?
    };
    Some(Url::parse(url).unwrap().join(to).unwrap().into())
}

/// Where the form of a page leads that its script sends (`response_mode=form_post`).
fn posted(page: &Page) -> Option<String> {
    page.body.contains("document.forms[0].submit()").then_some(())?;
    let (_, rest) = page.body.split_once("<form method=\"post\" action=\"")?;
    Some(rest.split('"').next()?.replace("&#38;", "&"))
}
