//! A person with a browser as plain as can be: it keeps cookies and presses the one button, over a real connection.

use reqwest::header::{COOKIE, HeaderMap, LOCATION, SET_COOKIE};
use reqwest::{Client, RequestBuilder, StatusCode};

use super::server::{Server, encode, visitor};

pub struct HttpClient {
    client: Client,
    cookies: Vec<(String, String)>,
}

/// A page as it came.
pub struct Page {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: String,
}

impl HttpClient {
    pub fn arrives() -> Self {
        Self { client: visitor(), cookies: Vec::new() }
    }

    /// With somebody's client, which may keep connections.
    pub fn with(client: &Client) -> Self {
        Self { client: client.clone(), cookies: Vec::new() }
    }

    /// Has the cookies of somebody else from here on.
    pub fn take_cookies_of(&mut self, other: &Self) {
        self.cookies.clone_from(&other.cookies);
    }

    pub async fn open(&mut self, url: &str) -> Page {
        self.send(self.client.get(url)).await
    }

    /// Sends the form of a confirm page.
    pub async fn press(&mut self, server: &Server, page: &Page) -> Page {
        self.send(self.client.post(server.url("/login")).form_body(&form(&page.body))).await
    }

    /// Opens a link and presses the button; this must lead somewhere.
    pub async fn sign_in(&mut self, server: &Server, link: &str) {
        let page = self.open(link).await;
        assert_eq!(page.status, StatusCode::OK, "{}", page.body);
        let response = self.press(server, &page).await;
        assert_eq!(response.status, StatusCode::SEE_OTHER, "{}", response.body);
        assert!(response.headers.contains_key(LOCATION));
    }

    pub async fn sign_out(&mut self, server: &Server) {
        let response = self.press_sign_out(server).await;
        assert_eq!(response.status, StatusCode::SEE_OTHER, "{}", response.body);
    }

    /// Sends the form that signs out, whatever comes of it.
    pub async fn press_sign_out(&mut self, server: &Server) -> Page {
        self.send(self.client.post(server.url("/logout")).form_body("")).await
    }

    /// Sends a form of this site.
    pub async fn post(&mut self, url: &str, body: &str) -> Page {
        self.send(self.client.post(url).form_body(body)).await
    }

    pub async fn is_signed_in(&mut self, server: &Server) -> bool {
        self.open(&server.url("/")).await.status == StatusCode::OK
    }

    /// The value of the cookie whose name begins so; it must be there.
    pub fn cookie(&self, prefix: &str) -> String {
        self.named_cookie(prefix).1
    }

    /// The session cookie as it is sent.
    pub fn session_pair(&self) -> String {
        let (name, value) = self.named_cookie("doorkey_session");
        format!("{name}={value}")
    }

    fn named_cookie(&self, prefix: &str) -> (String, String) {
        let found = self.cookies.iter().find(|(known, _)| known.starts_with(prefix));
        found.unwrap_or_else(|| panic!("no cookie {prefix}…")).clone()
    }

    async fn send(&mut self, request: RequestBuilder) -> Page {
        let pairs: Vec<String> = self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let response = request.header(COOKIE, pairs.join("; ")).send().await.unwrap();
        let (status, headers) = (response.status(), response.headers().clone());
        for cookie in headers.get_all(SET_COOKIE) {
            let (name, rest) = cookie.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap();
            self.cookies.retain(|(known, _)| known != name);
            if !value.is_empty() {
                self.cookies.push((name.to_owned(), value.to_owned()));
            }
        }
        Page { status, headers, body: response.text().await.unwrap() }
    }
}

/// What the button of a page sends.
pub fn form(page: &str) -> String {
    let inputs = page.split("<input ").skip(1).map(|input| {
        let attribute =
            |name: &str| input.split_once(&format!("{name}=\"")).unwrap().1.split('"').next().unwrap();
        format!("{}={}", attribute("name"), encode(&attribute("value").replace("&#38;", "&")))
    });
    inputs.collect::<Vec<_>>().join("&")
}

/// A body as browsers send forms.
trait Form {
    fn form_body(self, body: &str) -> Self;
}

impl Form for RequestBuilder {
    fn form_body(self, body: &str) -> Self {
        self.header("content-type", "application/x-www-form-urlencoded")
            .header("sec-fetch-site", "same-origin")
            .body(body.to_owned())
    }
}
