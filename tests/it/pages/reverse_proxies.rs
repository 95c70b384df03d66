//! The recipes of `docs/proxies.md`, run by real proxies: nginx and Caddy, on the portal's host and on a sibling's.

use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::support::browser::WebBrowser;
use crate::support::curl_client::CurlClient;
use crate::support::keepalive_proxy::KeepaliveProxy;
use crate::support::reverse_proxy::{ReverseProxies, Way};
use crate::support::server::Server;

/// A page deep in the application, with a query that is easily cut or decoded on the way.
const DEEP: &str = "/orders/12?tab=a&from=%2Fx%26y&n=%C3%A9";

/// What clients send to be taken for user 666, or for nobody in particular.
const FORGED: &[&[&str]] = &[
    &["Remote-User: 666", "Remote-Email: eve@evil.test", "Remote-Name: Eve", "Remote-Groups: admin"],
    &["remote_user: 666", "Remote_Email: eve@evil.test", "REMOTE_NAME: Eve", "remote_groups: admin"],
    &["REMOTE-USER: 666", "REMOTE-USER: 667", "remote-user;", "Remote_User: 668"],
    &["Connection: Remote-User, Remote-Email, Remote-Name, Remote-Groups"],
    &["Connection: close, remote-user", "Connection: REMOTE-GROUPS", "Remote-User: 666"],
    &["Connection: Upgrade, Remote-User", "Upgrade: websocket", "Remote-User: 666"],
];

/// What is said of a client named "Ünal 100% Lovelace".
fn identity_of(client: &str, email: &str) -> Vec<(String, String)> {
    let said = [
        ("remote-email", email),
        ("remote-groups", "client"),
        ("remote-name", "%C3%9Cnal 100%25 Lovelace"),
        ("remote-user", client),
    ];
    said.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec()
}

/// Whoever is not signed in is sent to the login page, and from the link to the page asked for,
/// whatever `X-Forwarded-*` they sent.
#[test]
fn whoever_asks_for_a_deep_page_gets_there_over_the_login_page() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let deep = format!("{}{DEEP}", way.application);
        let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
        let person = CurlClient::sets_out(&way);

        let lies = ["X-Forwarded-Host: evil.test", "X-Forwarded-Uri: /evil", "X-Forwarded-Proto: http"];
        let refused = person.open_saying(&deep, &lies);
        assert_eq!((refused.status, refused.body.as_str()), (302, ""), "{way:?}");
        let to_login = refused.header("location").unwrap();
        assert_eq!(
            to_login,
            format!("{}/login?redirect={}", way.portal, deep.replace('%', "%25").replace('&', "%26")),
            "{way:?}"
        );
        assert!(person.open(to_login).body.contains("How to sign in"), "{way:?}");
        assert_eq!(front.application.visits().len(), 0, "{way:?}");

        let (address, page) = person.sign_in(&way.ask_for_link(&front.server, &client));
        assert_eq!((address, page.status), (deep, 200), "{way:?}");
        let reached = front.application.visits();
        assert_eq!(reached.iter().map(|visit| visit.uri.as_str()).collect::<Vec<_>>(), [DEEP], "{way:?}");
    }
}

/// A real browser has its own mind about cookies, redirects and policies.
#[tokio::test]
async fn a_browser_behind_nginx_comes_back_to_the_deep_page_and_is_sent_away_after_signing_out() {
    browser_comes_back_and_is_sent_away("nginx").await;
}

#[tokio::test]
async fn a_browser_behind_caddy_comes_back_to_the_deep_page_and_is_sent_away_after_signing_out() {
    browser_comes_back_and_is_sent_away("Caddy").await;
}

/// The application gets the four headers, encoded where they must be, and the request as it was sent.
#[test]
fn the_application_is_told_who_is_signed_in_and_gets_the_request_whole() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let (client, person) = CurlClient::signs_in(&front, &way, &email_at(&way));
        let page = format!("{}{DEEP}", way.application);

        assert_eq!(person.open(&page).status, 200, "{way:?}");
        assert_eq!(person.open_with(&page, &["--data-raw", "a=1&b=2"]).status, 200, "{way:?}");
        assert_eq!(person.open_with(&page, &["--request", "DELETE"]).status, 200, "{way:?}");

        let reached = front.application.visits();
        for visit in &reached {
            assert_eq!(visit.identity(), identity_of(&client, &email_at(&way)), "{way:?}: {visit:?}");
            assert_eq!(visit.uri, DEEP, "{way:?}");
        }
        let sent = reached.iter().map(|visit| (visit.method.as_str(), visit.body.as_str()));
        assert_eq!(sent.collect::<Vec<_>>(), [("GET", ""), ("POST", "a=1&b=2"), ("DELETE", "")], "{way:?}");
    }
}

/// Signed in or not, nobody is taken for somebody else by what they send.
#[test]
fn what_a_client_says_of_itself_never_reaches_the_application() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let email = email_at(&way);
        let (client, person) = CurlClient::signs_in(&front, &way, &email);
        let nobody = CurlClient::sets_out(&way);
        for forged in FORGED {
            assert_eq!(person.open_saying(&page_of(&way), forged).status, 200, "{way:?}: {forged:?}");
            let reached = front.application.visits();
            assert_eq!(reached.len(), 1, "{way:?}: {forged:?}");
            assert_eq!(reached[0].identity(), identity_of(&client, &email), "{way:?}: {forged:?}");

            assert_eq!(nobody.open_saying(&page_of(&way), forged).status, 302, "{way:?}: {forged:?}");
            assert_eq!(front.application.visits().len(), 0, "{way:?}: {forged:?}");
        }
    }
}

/// What doorkey leaves empty is not filled in by the client.
#[test]
fn a_client_without_a_name_cannot_give_itself_one() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let client = way.add_client(&front.server, &email_at(&way), "", "");
        let person = CurlClient::sets_out(&way);
        person.sign_in(&way.ask_for_link(&front.server, &client));
        front.application.visits();

        for forged in FORGED {
            person.open_saying(&page_of(&way), forged);
            let reached = front.application.visits();
            let mut expected = identity_of(&client, &email_at(&way));
            expected.retain(|(name, _)| name != "remote-name");
            assert_eq!(reached[0].identity(), expected, "{way:?}: {forged:?}");
        }
    }
}

/// A person whose name is as long as can be gets through, and the application is told as much of it as fits.
#[test]
fn a_name_as_long_as_can_be_gets_through_the_proxy() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let name = "\u{1f600}".repeat(200);
        let client = way.add_client(&front.server, &email_at(&way), &name, &name);
        let person = CurlClient::sets_out(&way);
        let (address, page) = person.sign_in(&way.ask_for_link(&front.server, &client));
        assert_eq!(page.status, 200, "{way:?}: {address}");
        front.application.visits();

        assert_eq!(person.open(&page_of(&way)).status, 200, "{way:?}");

        let said = front.application.visits()[0].identity();
        let shown = said.iter().find(|(header, _)| header == "remote-name").map(|(_, value)| value.as_str());
        assert_eq!(shown, Some(&*"%F0%9F%98%80".repeat(85)), "{way:?}");
    }
}

/// From the next request on, and no proxy keeps an older answer.
#[test]
fn whoever_signs_out_or_is_disabled_is_refused_with_the_next_request() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let (_, leaver) = CurlClient::signs_in(&front, &way, &format!("leaver.{}", email_at(&way)));
        let (client, disabled) = CurlClient::signs_in(&front, &way, &email_at(&way));
        assert_eq!(leaver.open(&page_of(&way)).status, 200, "{way:?}");
        assert_eq!(disabled.open(&page_of(&way)).status, 200, "{way:?}");
        front.application.visits();

        let kept = leaver.with_a_copy_of_the_cookies();
        leaver.signs_out();
        front.server.run(&["user", "set", &client, "--workspace", way.workspace, "status=0"]);
        let start = Instant::now();

        for person in [&leaver, &kept, &disabled] {
            assert_eq!(person.open(&page_of(&way)).status, 302, "{way:?}");
        }
        assert!(start.elapsed() < Duration::from_secs(1), "{way:?}: {:?}", start.elapsed());
        assert_eq!(front.application.visits().len(), 0, "{way:?}");
    }
}

/// A proxy that cannot ask lets nobody in.
#[test]
fn while_doorkey_is_down_the_application_is_out_of_reach() {
    let mut front = ReverseProxies::start();
    let people = front.ways().into_iter().map(|way| {
        let (_, person) = CurlClient::signs_in(&front, &way, &email_at(&way));
        (way, person)
    });
    let people = people.collect::<Vec<_>>();

    front.server.kill();

    for (way, person) in &people {
        let response = person.open(&page_of(way));
        assert!((500..=599).contains(&response.status), "{way:?}: {response:?}");
        assert_eq!(CurlClient::sets_out(way).open(&page_of(way)).status, response.status, "{way:?}");
    }
    assert_eq!(front.application.visits().len(), 0);
}

/// Neither a strange cookie nor a strange path leads around doorkey.
#[test]
fn nothing_but_a_session_opens_the_application() {
    let front = ReverseProxies::start();
    for way in front.ways() {
        let person = CurlClient::sets_out(&way);
        let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
        let signed_in = CurlClient::sets_out(&way);
        signed_in.sign_in(&way.ask_for_link(&front.server, &client));
        let name = signed_in.session_cookie().0;
        front.application.visits();
        for value in ["", "\"\"", "%", "AAAA", &"A".repeat(64), &"A".repeat(6_000)] {
            let cookie = format!("Cookie: {name}={value}");
            assert_eq!(person.open_saying(&page_of(&way), &[&cookie]).status, 302, "{way:?}: {cookie}");
        }
        for path in PATHS {
            let response = person.open(&format!("{}{path}", way.application));
            assert!(response.status >= 300, "{way:?}: {path}: {response:?}");
        }
        assert_eq!(front.application.visits().len(), 0, "{way:?}");
    }
}

/// A person of another workspace of the same doorkey is nobody here, whatever host they name.
#[test]
fn a_session_of_another_workspace_opens_nothing() {
    const OTHER: &str = "Host: stranger.example.net";
    let front = ReverseProxies::start();
    let ways = front.ways();
    let add = ["user", "add", "--workspace", "Stranger", "--email", "eve@example.net"];
    front.server.run(&[&add[..], &["--name-f", "Eve", "--name-l", "E"]].concat());
    let link = front.server.run(&["link", "eve@example.net", "--workspace", "Stranger"]);
    let link = link.trim().replace("stranger.example.net", "portal.example.com");
    let mut eve = CurlClient::sets_out(&ways[0]);
    assert_eq!(eve.sign_in_saying(&link, &[OTHER]).1.status, 200);
    let (name, value) = eve.session_cookie();
    let session = format!("Cookie: {name}={value}");

    for way in ways {
        eve = eve.goes_over_to(&way);
        let page = page_of(&way);
        for arguments in [
            &["--header", OTHER][..],
            &["--header", OTHER, "--header", &session],
            &["--header", OTHER, "--header", &session, "--request-target", &page],
            &["--header", "X-Forwarded-Host: stranger.example.net", "--header", &session],
        ] {
            eve.open_with(&page, arguments);
            assert_eq!(front.application.visits().len(), 0, "{way:?}: {arguments:?}");
        }
    }
}

/// Neither while all is well nor while doorkey is down.
#[test]
fn no_log_of_a_proxy_holds_a_token() {
    let mut front = ReverseProxies::start();
    let mut links = Vec::new();
    for way in front.all_ways() {
        let client = way.add_client(&front.server, &email_at(&way), "Ada", "Lovelace");
        let link = way.ask_for_link(&front.server, &client);
        CurlClient::sets_out(&way).sign_in(&link);
        links.push((way, link));
    }

    front.server.kill();

    for (way, link) in &links {
        let person = CurlClient::sets_out(way);
        let named = format!("Referer: {link}");
        let page = person.open_saying(link, &[&named]);
        assert!(page.status >= 500, "{way:?}: {}", page.status);
        // A browser asks for the icon of whatever page it shows, and says from where, if that page does not forbid it.
        let is_named = way.name.starts_with("nginx") && page.header("referrer-policy") != Some("no-referrer");
        let icon = format!("{}/favicon.ico", way.portal);
        let said: Vec<_> = is_named.then_some(named.as_str()).into_iter().collect();
        person.open_saying(&icon, &said);
    }
    let logs = front.proxy_logs();
    assert!(logs.contains("/orders") || logs.contains("token=hidden"), "nothing was logged:\n{logs}");
    for (way, link) in &links {
        let token = link.split_once("token=").unwrap().1;
        assert!(!logs.contains(token), "{way:?}:\n{logs}");
    }
}

/// nginx keeps its connections for 60 s, and sends no POST again that a closed one took with it.
#[test]
fn no_request_is_lost_behind_a_proxy_that_keeps_its_connections() {
    let server = Server::start();
    let kept = KeepaliveProxy::before(&server);
    // Each comes again when its connection was idle for 30 s, give or take what a timer may be late.
    let twice = |number: u64| {
        let first = kept.posts();
        sleep(Duration::from_micros(29_999_000 + 20 * number));
        [first, kept.posts()]
    };

    let statuses = scope(|scope| {
        let twice = &twice;
        let all: Vec<_> = (0..150).map(|number| scope.spawn(move || twice(number))).collect();
        all.into_iter().map(|one| one.join().unwrap()).collect::<Vec<_>>()
    });

    assert_eq!(statuses, [[401; 2]; 150], "{}", kept.log());
}

async fn browser_comes_back_and_is_sent_away(proxy: &str) {
    let front = ReverseProxies::start();
    for way in front.ways().into_iter().filter(|way| way.name.starts_with(proxy)) {
        let deep = format!("{}{DEEP}", way.application);
        let client = way.add_client(&front.server, &email_at(&way), "Ünal 100%", "Lovelace");
        let browser = WebBrowser::start_before(way.port()).await;

        browser.open(&deep).await;
        browser.shows("How to sign in").await;
        browser.open(&way.ask_for_link(&front.server, &client)).await;
        browser.press("Sign in").await;
        browser.arrives_at(&deep).await;
        let reached = front.application.visits();
        let visit = reached.iter().find(|visit| visit.uri == DEEP).unwrap();
        assert_eq!(visit.identity(), identity_of(&client, &email_at(&way)), "{way:?}");

        browser.open(way.portal).await;
        browser.press("Sign out").await;
        front.application.visits();
        browser.open(&deep).await;
        browser.shows("How to sign in").await;
        assert_eq!(front.application.visits().len(), 0, "{way:?}");
    }
}

/// Requests that a proxy and doorkey might read differently.
const PATHS: &[&str] = &[
    "/login/../orders",
    "/login/..%2Forders",
    "/%6Cogin/%2e%2e/orders",
    "//orders",
    "/./orders",
    "/orders;/login",
    "/_doorkey/verify",
    "/_doorkey/to-login",
    "/_DOORKEY/verify",
    "/auth/verify/../../orders",
    "/orders%00",
    "/orders?redirect=1",
];

/// An address that nobody else in these tests has.
pub(super) fn email_at(way: &Way) -> String {
    let name = way.name.to_lowercase().replace([',', '\'', ' '], "");
    format!("{name}@example.org")
}

pub(super) fn page_of(way: &Way) -> String {
    format!("{}/orders/12", way.application)
}
