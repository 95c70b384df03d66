//! The stage of what is counted and timed in process: the real router over a real database, and the verbs of its users.

use anyhow::{Context, Result, ensure};
use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use doorkey::app::App;
use doorkey::clock::Clock;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::email::EmailAddress;
use doorkey::domain::origin::Origin;
use doorkey::domain::scope::Scopes;
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::UserChange;
use doorkey::domain::workspace::Workspace;
use doorkey::store::{DatabaseUrl, NewUser};
use doorkey::{flow, http};
use tempfile::TempDir;
use tower::ServiceExt;

const HOST: &str = "portal.example.com";

/// The clock stands still, at 2026-11-23T03:23:00Z, so that every run does the same.
const NOW: Timestamp = Timestamp::from_millis(1_795_404_180_000);

/// An installation with one workspace, one API key, and clients 1 to so many.
pub struct Stage {
    /// The API key.
    pub key: String,
    router: Router,
    _folder: TempDir,
}

/// What came back.
pub struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
}

impl Stage {
    /// Sets the stage; also gives what stands behind it.
    pub async fn set(clients: usize) -> Result<(Self, App, Workspace)> {
        let folder = tempfile::tempdir()?;
        let database = DatabaseUrl::Sqlite(folder.path().join("doorkey.db"));
        let key_file = folder.path().join("doorkey.key");
        let app = flow::operations::startup::open(&database, &key_file, true, Clock::manual(NOW)).await?;
        let (act, url) = (AuditContext::at_command_line(), Origin::parse(&format!("https://{HOST}"))?);
        let workspace = flow::workspaces::create(&app, &act, "Bench".to_owned(), url, Vec::new()).await?;
        let wish = ("bench", Scopes::all(), None);
        let (_, secret) = flow::api_keys::create(&app, &workspace, &act, wish).await?;
        for number in 1..=clients {
            let (name_f, name_l) = (Some("User".to_owned()), Some(number.to_string()));
            let fields = UserChange { name_f, name_l, ..UserChange::default() };
            let email = EmailAddress::parse(&format!("user{number}@example.com"))?;
            flow::users::add(&app, &workspace, &act, &NewUser { id: None, email, fields }).await?;
        }
        let router = http::router(app.clone(), http::Settings::default());
        Ok((Self { key: secret.reveal().to_owned(), router, _folder: folder }, app, workspace))
    }

    /// A link for a client, as the back office asks for it; its token.
    pub async fn ask_for_link(&self, client: usize) -> Result<String> {
        let bearer = format!("Bearer {}", self.key);
        let request =
            Request::get(format!("/api/login_links/{client}")).header(header::AUTHORIZATION, bearer);
        let answer =
            self.send(request.header(header::HOST, HOST).body(Body::empty())?, StatusCode::OK).await?;
        let (_, rest) = answer.body.split_once("?token=").context("no link was answered")?;
        Ok(rest.trim_end_matches(['"', '}']).to_owned())
    }

    /// The page behind a token.
    pub async fn open(&self, token: &str) -> Result<Answer> {
        let request = Request::get(format!("/login?token={token}")).header(header::HOST, HOST);
        self.send(request.body(Body::empty())?, StatusCode::OK).await
    }

    /// Opens a link and presses its button; the session cookie.
    pub async fn redeem(&self, token: &str) -> Result<String> {
        let page = self.open(token).await?;
        let (_, rest) = page.body.split_once("name=\"proof\" value=\"").context("the page has no form")?;
        let (proof, _) = rest.split_once('"').context("the page has no form")?;
        let request = Request::post("/login")
            .header(header::HOST, HOST)
            .header(header::COOKIE, page.cookie()?)
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(format!("token={token}&proof={proof}")))?;
        self.send(request, StatusCode::SEE_OTHER).await?.cookie()
    }

    /// Asks who is signed in, as a proxy does.
    pub async fn verify(&self, cookie: &str) -> Result<()> {
        let request = Request::get("/auth/verify").header(header::HOST, HOST).header(header::COOKIE, cookie);
        self.send(request.body(Body::empty())?, StatusCode::OK).await.map(|_| ())
    }

    async fn send(&self, request: Request<Body>, expected: StatusCode) -> Result<Answer> {
        let response = self.router.clone().oneshot(request).await?;
        let (parts, body) = response.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await?;
        let answer =
            Answer { status: parts.status, headers: parts.headers, body: String::from_utf8(body.to_vec())? };
        ensure!(answer.status == expected, "{} instead of {expected}: {}", answer.status, answer.body);
        Ok(answer)
    }
}

impl Answer {
    /// The cookie that the answer sets, as a browser sends it back.
    fn cookie(&self) -> Result<String> {
        let set = self.headers.get(header::SET_COOKIE).context("no cookie was set")?.to_str()?;
        Ok(set.split(';').next().unwrap_or_default().to_owned())
    }
}
