//! Those who open links: persons with browsers, and machines that only look into them.

use doorkey::flow::stories;
use serde_json::Value;

use super::app::{TestApp, TestRequest, TestResponse, button};

/// What a browser of today says of itself.
pub const CHROME: &str =
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36";

/// What a program says.
pub const CURL: &str = "curl/8.14.1";

/// A link as the path that is opened.
pub fn path_of(link: &str) -> String {
    link[link.find("/login").unwrap()..].to_owned()
}

/// A request as a person's browser sends it.
pub fn browsed(method: &str, path: &str) -> TestRequest {
    TestRequest::of(method, path)
        .header("user-agent", CHROME)
        .header("accept-language", "en-GB,en;q=0.9")
        .header("sec-fetch-site", "none")
        .header("sec-fetch-mode", "navigate")
        .header("sec-fetch-dest", "document")
}

/// A request as a program sends it.
pub fn scanned(method: &str, path: &str) -> TestRequest {
    TestRequest::of(method, path).header("user-agent", CURL)
}

/// A person at an address, whose browser fetches what belongs to a page.
pub struct Person {
    pub peer: String,
    cookie: Option<String>,
}

impl Person {
    pub fn at(peer: &str) -> Self {
        Self { peer: peer.to_owned(), cookie: None }
    }

    pub async fn open(&mut self, test: &TestApp, link: &str) -> TestResponse {
        let mut request = browsed("GET", &path_of(link));
        if let Some(cookie) = &self.cookie {
            request = request.header("cookie", cookie);
        }
        let page = test.send_from(&self.peer, request).await;
        for cookie in page.cookies() {
            self.cookie = Some(cookie.split(';').next().unwrap().to_owned());
        }
        let style = TestRequest::of("GET", "/login/style.css").header("user-agent", CHROME);
        test.send_from(&self.peer, style).await;
        page
    }

    /// Presses the button of a page.
    pub async fn press(&self, test: &TestApp, page: &TestResponse) -> TestResponse {
        let cookie = self.cookie.clone().unwrap_or_default();
        test.send_from(&self.peer, button(page).header("user-agent", CHROME).header("cookie", cookie)).await
    }

    /// Sends what a press sends, changed by a test.
    pub async fn send(&self, test: &TestApp, request: TestRequest) -> TestResponse {
        let cookie = self.cookie.clone().unwrap_or_default();
        test.send_from(&self.peer, request.header("cookie", cookie)).await
    }
}

impl TestApp {
    /// Writes what was noted, as a server does each second.
    pub async fn write_notes(&self) {
        stories::write_notes(&self.app).await.unwrap();
    }

    /// The same, and settles it a little later.
    pub async fn settle_openings(&self) {
        self.write_notes().await;
        stories::settle::settle(&self.app).await.unwrap();
        self.advance(13);
        stories::settle::settle(&self.app).await.unwrap();
    }

    /// The story of a link, by the link.
    pub async fn story_of(&self, link: &str) -> Value {
        let found = self.find_story(link).await;
        assert_eq!(found.status, 200, "{}", found.body);
        found.json()
    }

    pub async fn find_story(&self, link: &str) -> TestResponse {
        let body = serde_json::json!({ "link": link });
        self.send(TestRequest::of("POST", "/api/stories").bearer(&self.key).json(&body)).await
    }

    /// The figures of links, by a query.
    pub async fn link_stats(&self, query: &str) -> Value {
        let found = self.call("GET", &format!("/api/stats/login_links?{query}")).await;
        assert_eq!(found.status, 200, "{}", found.body);
        found.json()
    }
}

/// The types of the events of a story, each with what sets it apart.
pub fn told(story: &Value) -> Vec<String> {
    let events = story["events"].as_array().unwrap().iter();
    events
        .map(|event| {
            let details = ["looks", "reason", "by", "times"].iter().filter_map(|name| event.get(*name));
            let details =
                details.map(|detail| detail.as_str().map_or_else(|| detail.to_string(), str::to_owned));
            [event["type"].as_str().unwrap().to_owned()]
                .into_iter()
                .chain(details)
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect()
}
