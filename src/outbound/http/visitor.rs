//! A browser, as far as trying a server of one's own needs one: it asks that server, whichever host it names, and keeps cookies.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{CONTENT_TYPE, COOKIE, HOST, LOCATION, SET_COOKIE, USER_AGENT};
use hyper::http::request::Builder;
use hyper::{HeaderMap, Method, Request};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use url::Url;

use super::exchange::{AGENT, send};

/// How long one answer is waited for.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where a server of one's own listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerAddress(String);

/// A text is not the address of a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "it must be where the server listens, such as http://127.0.0.1:8080: http, a host, a port, and no more"
)]
pub struct InvalidServer;

impl ServerAddress {
    /// Takes `http://HOST[:PORT]`.
    pub fn parse(text: &str) -> Result<Self, InvalidServer> {
        let url = Url::parse(text).map_err(|_| InvalidServer)?;
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return Err(InvalidServer);
        };
        let is_bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let is_one =
            url.scheme() == "http" && is_bare && url.username().is_empty() && url.password().is_none();
        if is_one { Ok(Self(format!("{host}:{port}"))) } else { Err(InvalidServer) }
    }

    /// The address at which `--listen` is reached from the same machine.
    pub fn of_listener(listen: &str) -> Self {
        let port = listen.rsplit_once(':').map_or("", |(_, port)| port);
        let is_any = ["0.0.0.0", "[::]"]
            .iter()
            .any(|any| listen.rsplit_once(':').is_some_and(|(host, _)| host == *any));
        Self(if is_any { format!("127.0.0.1:{port}") } else { listen.to_owned() })
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.0)
    }
}

/// A browser that is at one server only.
#[derive(Debug)]
pub struct Visitor {
    server: ServerAddress,
    /// What it names as the host.
    authority: String,
    cookies: BTreeMap<String, String>,
}

/// What came back.
#[derive(Debug)]
pub struct Visited {
    /// The status.
    pub status: u16,
    headers: HeaderMap,
    /// The body, 64 kB of it at most.
    pub body: String,
}

impl Visited {
    /// A header, where it is there and text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }

    /// Where it sends the browser.
    pub fn location(&self) -> Option<&str> {
        self.header(LOCATION.as_str())
    }
}

impl Visitor {
    /// One without cookies.
    pub const fn new(server: ServerAddress, authority: String) -> Self {
        Self { server, authority, cookies: BTreeMap::new() }
    }

    /// Follows a link to a path of the host, with cookies.
    ///
    /// # Errors
    /// A sentence, if no answer comes.
    pub async fn get(&mut self, target: &str) -> Result<Visited, String> {
        let request = self.browsing(Method::GET, target).body(Full::default());
        self.visit(request).await
    }

    /// Sends a form of the host's own page, with cookies.
    ///
    /// # Errors
    /// A sentence, if no answer comes.
    pub async fn submit(&mut self, origin: &str, target: &str, form: &str) -> Result<Visited, String> {
        let request = self.browsing(Method::POST, target).header("origin", origin);
        let request = request.header("sec-fetch-site", "same-origin").header(CONTENT_TYPE, FORM);
        self.visit(request.body(Full::from(form.to_owned()))).await
    }

    /// What an app asks behind the browser's back: without cookies.
    ///
    /// # Errors
    /// A sentence, if no answer comes.
    pub async fn call(
        &mut self,
        target: &str,
        authorization: Option<&str>,
        form: Option<&str>,
    ) -> Result<Visited, String> {
        let method = if form.is_some() { Method::POST } else { Method::GET };
        let request = authorization
            .into_iter()
            .fold(self.request(method, target), |request, value| request.header("authorization", value));
        let request = form.iter().fold(request, |request, _| request.header(CONTENT_TYPE, FORM));
        self.visit(request.body(Full::from(form.unwrap_or_default().to_owned()))).await
    }

    fn browsing(&self, method: Method, target: &str) -> Builder {
        let cookies: Vec<_> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = self.request(method, target);
        let request = request.header("sec-fetch-mode", "navigate").header("sec-fetch-dest", "document");
        if cookies.is_empty() { request } else { request.header(COOKIE, cookies.join("; ")) }
    }

    fn request(&self, method: Method, target: &str) -> Builder {
        Request::builder().method(method).uri(target).header(HOST, &self.authority).header(USER_AGENT, AGENT)
    }

    async fn visit(&mut self, request: hyper::http::Result<Request<Full<Bytes>>>) -> Result<Visited, String> {
        let request = request.map_err(|error| format!("no request can be made of it: {error}"))?;
        let (server, deadline) = (&self.server, Instant::now() + TIMEOUT);
        let connected = timeout_at(deadline, TcpStream::connect(&*server.0)).await;
        let stream = match connected {
            Ok(Ok(stream)) => stream,
            Ok(Err(error)) => return Err(format!("{server} cannot be connected to: {error}")),
            Err(_) => return Err(format!("{server} does not answer")),
        };
        let sent = send(stream, request, deadline).await;
        let (head, body) = sent.map_err(|failure| format!("{server}: {failure}"))?;
        self.keep_cookies(&head.headers);
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Visited { status: head.status.as_u16(), headers: head.headers, body })
    }

    fn keep_cookies(&mut self, headers: &HeaderMap) {
        for cookie in headers.get_all(SET_COOKIE).iter().filter_map(|cookie| cookie.to_str().ok()) {
            let (pair, attributes) = cookie.split_once(';').unwrap_or((cookie, ""));
            let Some((name, value)) = pair.split_once('=') else { continue };
            let is_cleared =
                attributes.split(';').any(|attribute| attribute.trim().eq_ignore_ascii_case("max-age=0"));
            if is_cleared {
                self.cookies.remove(name);
            } else {
                self.cookies.insert(name.to_owned(), value.to_owned());
            }
        }
    }
}

const FORM: &str = "application/x-www-form-urlencoded";
