//! A person who comes by a proxy over TLS: curl, with its own idea of which cookies go where.

use std::fs;
use std::process::{Command, Output};

use tempfile::TempDir;

use super::http_client::form;
use super::reverse_proxy::{ReverseProxies, Way};

/// A person with a cookie jar on one of the ways in.
pub struct CurlClient {
    way: Way,
    jar: TempDir,
}

/// An answer as it came.
#[derive(Debug)]
pub struct TestResponse {
    pub status: u16,
    head: String,
    pub body: String,
}

impl CurlClient {
    pub fn sets_out(way: &Way) -> Self {
        Self { way: way.clone(), jar: tempfile::tempdir().unwrap() }
    }

    /// The same person, with the same cookies, at another proxy or host.
    pub fn goes_over_to(self, way: &Way) -> Self {
        Self { way: way.clone(), jar: self.jar }
    }

    /// Somebody else who got hold of the same cookies.
    pub fn with_a_copy_of_the_cookies(&self) -> Self {
        let copy = Self::sets_out(&self.way);
        fs::copy(self.jar.path().join("cookies"), copy.jar.path().join("cookies")).unwrap();
        copy
    }

    /// Name and value of the session cookie; it must be there.
    pub fn session_cookie(&self) -> (String, String) {
        let jar = fs::read_to_string(self.jar.path().join("cookies")).unwrap();
        let mut cookies = jar.lines().map(|line| line.rsplit('\t'));
        let found = cookies.find_map(|mut fields| {
            let (value, name) = (fields.next()?, fields.next()?);
            name.contains("doorkey_session").then(|| (name.to_owned(), value.to_owned()))
        });
        found.unwrap_or_else(|| panic!("no session cookie in\n{jar}"))
    }

    pub fn open(&self, url: &str) -> TestResponse {
        self.open_with(url, &[])
    }

    /// With further arguments for curl.
    pub fn open_with(&self, url: &str, arguments: &[&str]) -> TestResponse {
        let output = self.curl(url, arguments);
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {url}: {complaint}", self.way.name);
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        TestResponse { status, head: head.to_owned(), body: body.to_owned() }
    }

    /// With these headers, each `Name: value`.
    pub fn open_saying(&self, url: &str, headers: &[&str]) -> TestResponse {
        let arguments: Vec<_> = headers.iter().flat_map(|header| ["--header", header]).collect();
        self.open_with(url, &arguments)
    }

    pub fn gets_an_answer(&self, url: &str) -> bool {
        self.curl(url, &[]).status.success()
    }

    /// Opens a link, presses the button, and goes where that leads. Gives the address of the last page.
    pub fn sign_in(&self, link: &str) -> (String, TestResponse) {
        self.sign_in_saying(link, &[])
    }

    pub fn sign_in_saying(&self, link: &str, headers: &[&str]) -> (String, TestResponse) {
        let page = self.open_saying(link, headers);
        assert_eq!(page.status, 200, "{}: {}", self.way.name, page.body);
        let portal = link.split_once("/login?").unwrap().0;
        let (body, same_origin) = (form(&page.body), ["Sec-Fetch-Site: same-origin"]);
        let said = [headers, &same_origin].concat();
        let mut arguments = vec!["--data-raw", &body];
        arguments.extend(said.iter().flat_map(|header| ["--header", header]));
        let mut response = self.open_with(&format!("{portal}/login"), &arguments);
        assert_eq!(response.status, 303, "{}: {}", self.way.name, response.body);
        let mut address = portal.to_owned();
        while let Some(next) = response.leads_to() {
            address = if next.starts_with('/') { format!("{portal}{next}") } else { next };
            response = self.open_saying(&address, headers);
        }
        (address, response)
    }

    /// A client who has just signed in here: their number, and the person.
    pub fn signs_in(front: &ReverseProxies, way: &Way, email: &str) -> (String, Self) {
        let client = way.add_client(&front.server, email, "Ünal 100%", "Lovelace");
        let person = Self::sets_out(way);
        person.sign_in(&way.ask_for_link(&front.server, &client));
        front.application.visits();
        (client, person)
    }

    pub fn signs_out(&self) {
        let form = ["--data-raw", "", "--header", "Sec-Fetch-Site: same-origin"];
        let response = self.open_with(&format!("{}/logout", self.way.portal), &form);
        assert_eq!(response.status, 303, "{}: {}", self.way.name, response.body);
    }

    fn curl(&self, url: &str, arguments: &[&str]) -> Output {
        let jar = self.jar.path().join("cookies");
        let mut curl = Command::new("curl");
        curl.args(["--silent", "--show-error", "--include", "--http1.1", "--path-as-is", "--max-time", "10"]);
        curl.arg("--connect-to").arg(format!("::127.0.0.1:{}", self.way.port()));
        curl.arg("--cacert").arg(self.way.authority());
        curl.arg("--cookie").arg(&jar).arg("--cookie-jar").arg(&jar);
        curl.args(arguments).arg(url).env_remove("https_proxy").env_remove("HTTPS_PROXY").output().unwrap()
    }
}

impl TestResponse {
    /// The value of a header that came once at most.
    pub fn header(&self, name: &str) -> Option<&str> {
        let headers = self.head.lines().filter_map(|line| line.split_once(": "));
        headers.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// Where a browser would go by itself: over a redirect, or over a page that sends it on.
    fn leads_to(&self) -> Option<String> {
        let refresh = self.header("refresh").and_then(|value| value.split_once("url=")).map(|(_, url)| url);
        self.header("location").or(refresh).map(str::to_owned)
    }
}
