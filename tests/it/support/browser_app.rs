//! Applications in browsers: one that goes on to another origin of its own after each sign-in, and one that is all script.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::Request;
use axum::http::{Method, StatusCode, header};
use axum::response::{Html, IntoResponse, Redirect, Response};
use tokio::net::TcpListener;

use super::relying_party::{VERIFIER, challenge, encoded};
use super::server::Server;

/// Under what doorkey knows either of them.
pub const CLIENT_ID: &str = "hop";

/// A request that reached an application.
#[derive(Clone, Debug)]
pub struct Reached {
    pub method: Method,
    pub path: String,
    pub referer: Option<String>,
}

/// A confidential application at one origin that shows people its pages at another one.
pub struct HoppingApp {
    origin: String,
    home: String,
    reached: Arc<Mutex<Vec<Reached>>>,
}

impl HoppingApp {
    /// At `http://127.0.0.1`, which to browsers is another site than doorkey's `http://localhost`.
    pub async fn start(server: &Server) -> Self {
        let (app, home) = (listen("127.0.0.1").await, listen("127.0.0.1").await);
        let (origin, home_origin) = (origin_of("127.0.0.1", &app), origin_of("127.0.0.1", &home));
        server.run(&[
            "app",
            "create",
            "Wiki",
            "--workspace",
            "Acme",
            "--client-id",
            CLIENT_ID,
            "--redirect-uri",
            &format!("{origin}/cb"),
            "--start-url",
            &format!("{origin}/start"),
        ]);
        let authorize = server.url(&format!(
            "/oidc/authorize?client_id={CLIENT_ID}&redirect_uri={}&response_type=code&scope=openid&state=s1\
             &code_challenge={}&code_challenge_method=S256",
            encoded(&format!("{origin}/cb")),
            challenge(VERIFIER)
        ));
        let reached = Arc::new(Mutex::new(Vec::new()));
        let home_page = format!("{home_origin}/home");
        let to_home = home_page.clone();
        serve(app, &reached, move |request| answer_at_app(request, &authorize, &to_home));
        serve(home, &reached, |_| Html(HOME).into_response());
        Self { origin, home: home_page, reached }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }

    /// The page on which a sign-in ends, by the method with which its code came.
    pub fn home_after(&self, method: &str) -> String {
        format!("{}?by={method}", self.home)
    }

    pub fn reached(&self) -> Vec<Reached> {
        self.reached.lock().unwrap().clone()
    }
}

/// It tells who opened its window that it is there.
const HOME: &str = "<!doctype html><title>home</title><main><h1>At home</h1></main>
<script>if (window.opener) window.opener.postMessage('arrived', '*')</script>";

/// It opens a window for the sign-in, and says so once that has arrived.
const OPENER: &str = "<!doctype html><title>opener</title>
<main><button onclick=\"window.open('/start', 'sign-in', 'popup,width=500,height=500')\">Open</button></main>
<script>addEventListener('message', (event) => { document.title = event.data })</script>";

fn answer_at_app(request: &Request, authorize: &str, home: &str) -> Response {
    match request.uri().path() {
        "/start" => {
            let is_form = request.uri().query().is_some_and(|query| query.contains("form_post"));
            let mode = if is_form { "&response_mode=form_post" } else { "" };
            Redirect::to(&format!("{authorize}{mode}")).into_response()
        }
        "/cb" => Redirect::to(&format!("{home}?by={}", request.method())).into_response(),
        "/opener" => Html(OPENER).into_response(),
        _ => StatusCode::NOT_FOUND.into_response(),
    }
}

/// A public application that is nothing but pages and the library `oidc-client-ts`, on doorkey's own site.
pub struct ScriptApp {
    origin: String,
}

impl ScriptApp {
    pub async fn start(server: &Server) -> Self {
        let listener = listen("localhost").await;
        let origin = origin_of("localhost", &listener);
        let mut words =
            vec!["app", "create", "Board", "--workspace", "Acme", "--client-id", CLIENT_ID, "--public"];
        let uris = ["/cb", "/popup", "/silent"].map(|path| format!("{origin}{path}"));
        let signed_out = format!("{origin}/out");
        words.extend(uris.iter().flat_map(|uri| ["--redirect-uri", uri]));
        words.extend(["--post-logout-redirect-uri", &signed_out]);
        server.run(&words);
        let page = SCRIPT_PAGE.replace("ISSUER", &server.url("")).replace("CLIENT_ID", CLIENT_ID);
        let library =
            std::fs::read_to_string(library()).expect("oidc-client-ts is missing: ./test installs it");
        serve(listener, &Arc::default(), move |request| {
            if request.uri().path() == "/oidc-client-ts.js" {
                ([(header::CONTENT_TYPE, "text/javascript")], library.clone()).into_response()
            } else {
                Html(page.clone()).into_response()
            }
        });
        Self { origin }
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

fn library() -> PathBuf {
    let installed = std::env::var_os("OIDC_CLIENTS")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("target/oidc-clients"), PathBuf::from);
    installed.join("node_modules/oidc-client-ts/dist/browser/oidc-client-ts.min.js")
}

/// The title says what came of the last thing that was begun.
const SCRIPT_PAGE: &str = r#"<!doctype html><title>ready</title><main><button id="popup">Sign in</button></main>
<script src="/oidc-client-ts.js"></script>
<script>
const at = (path) => location.origin + path;
// A driver's script sees what is the window's.
const app = window.app = new oidc.UserManager({
  authority: 'ISSUER', client_id: 'CLIENT_ID', scope: 'openid email profile', loadUserInfo: true,
  automaticSilentRenew: false, redirect_uri: at('/cb'), popup_redirect_uri: at('/popup'),
  silent_redirect_uri: at('/silent'), post_logout_redirect_uri: at('/out'),
});
const told = window.told = (what, promise) => promise.then(
  (user) => { document.title = what + ' ' + (user?.profile?.email ?? 'done') },
  (error) => { document.title = what + ' failed: ' + (error.error ?? error.message) },
);
document.getElementById('popup').onclick = () => told('popup', app.signinPopup());
if (location.pathname === '/cb') told('redirect', app.signinRedirectCallback());
if (location.pathname === '/popup') app.signinPopupCallback();
if (location.pathname === '/silent') app.signinSilentCallback();
if (location.pathname === '/out') told('out', app.signoutRedirectCallback());
</script>"#;

async fn listen(host: &str) -> TcpListener {
    TcpListener::bind((host, 0)).await.unwrap()
}

fn origin_of(host: &str, listener: &TcpListener) -> String {
    format!("http://{host}:{}", listener.local_addr().unwrap().port())
}

fn serve(
    listener: TcpListener,
    reached: &Arc<Mutex<Vec<Reached>>>,
    answer: impl Fn(&Request) -> Response + Clone + Send + Sync + 'static,
) {
    let reached = Arc::clone(reached);
    let router = Router::new().fallback(async move |request: Request| {
        let referer = request.headers().get(header::REFERER);
        let referer = referer.map(|referer| referer.to_str().unwrap().to_owned());
        let (method, path) = (request.method().clone(), request.uri().to_string());
        reached.lock().unwrap().push(Reached { method, path, referer });
        answer(&request)
    });
    tokio::spawn(async move { axum::serve(listener, router).await });
}
