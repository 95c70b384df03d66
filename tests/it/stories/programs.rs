//! Real programs that open links: whether a story takes each for a person or for a machine.

use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::support::browser::{Kind, WebBrowser};
use crate::support::server::Server;
use crate::support::visitors::told;
use crate::support::wait::until_so;

/// It is settled within fifteen seconds; a busy machine is given more.
const SETTLED: Duration = Duration::from_secs(40);

async fn story(server: &Server, link: &str) -> Value {
    let request = reqwest::Client::builder().no_proxy().build().unwrap().post(server.url("/api/stories"));
    let answer = request.bearer_auth(&server.key).json(&json!({ "link": link })).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    answer.json().await.unwrap()
}

fn run(program: &str, arguments: &[&str]) {
    let status = Command::new(program).args(arguments).stdout(Stdio::null()).stderr(Stdio::null()).status();
    assert!(status.unwrap().success(), "{program} {arguments:?}");
}

#[tokio::test]
async fn curl_python_and_browsers_are_told_apart() {
    let server = Server::start();
    let mut links = Vec::new();
    for name in ["curl", "head", "python", "looker", "chromium", "firefox"] {
        let client = server.add_client(&format!("{name}@example.org"), name, "X");
        links.push(server.ask_for_link(client).await);
    }
    let [curl, head, python, looker, chromium, firefox] = &links[..] else { panic!("six links") };

    run("curl", &["-sf", curl]);
    run("curl", &["-sfI", head]);
    run("python3", &["-c", "import sys, urllib.request; urllib.request.urlopen(sys.argv[1]).read()", python]);
    let browser = WebBrowser::start().await;
    browser.open(looker).await;
    browser.open(chromium).await;
    browser.press("Sign in").await;
    let other = WebBrowser::start_kind(Kind::Firefox, None).await;
    other.open(firefox).await;
    other.press("Sign in").await;

    let signed_in = ["opened person", "pressed", "signed_in link"];
    for (link, expected, class) in [
        (curl, &["opened machine"][..], "other"),
        (head, &["opened machine"], "other"),
        (python, &["opened machine"], "other"),
        (looker, &["opened person"], "chrome"),
        (chromium, &signed_in, "chrome"),
        (firefox, &signed_in, "firefox"),
    ] {
        let mut last = Vec::new();
        let is_so = async || {
            last = told(&story(&server, link).await);
            last.iter().skip(1).map(String::as_str).eq(expected.iter().copied())
        };
        until_so(SETTLED, is_so, || format!("{class}: not {expected:?}")).await;
        let events = story(&server, link).await["events"].clone();
        assert_eq!(events[1]["browser"], class, "{events}");
        assert_eq!(events[1]["network"], "127.0.0.0/24", "{events}");
    }
}
