//! The API's page for people, `docs/api.md`: every example on it is run, and everything that there is stands on it.

use std::collections::{BTreeMap, BTreeSet};

use axum::http::StatusCode;
use doorkey::domain::scope::Scope;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::UserId;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::support::app::{TestApp, TestRequest, TestResponse};
use crate::support::cli_runner::CliRunner;

const PAGE: &str = include_str!("../../../docs/api.md");

/// A call on the page, what it is answered with there, and the endpoint that it stands under.
struct Example {
    heading: &'static str,
    call: &'static str,
    response: &'static str,
}

/// A block of the page: the language it is marked with, and what is in it.
type Block = (&'static str, &'static str);

/// Headings and blocks, in their order.
fn blocks(page: &'static str) -> Vec<(&'static str, Block)> {
    let mut heading = "";
    let mut found = Vec::new();
    for (number, part) in page.split("```").enumerate() {
        if number % 2 == 1 {
            found.push((heading, part.split_once('\n').unwrap()));
        } else if let Some(line) = part.lines().rfind(|line| line.starts_with('#')) {
            heading = line.trim_start_matches('#').trim();
        }
    }
    found
}

/// Calls and answers take turns: a block that is neither, or that stands alone, would go untried.
fn examples() -> Vec<Example> {
    let blocks = blocks(PAGE);
    let pairs = blocks.chunks(2).map(|pair| match pair {
        [(heading, ("sh", call)), (_, ("http", response))] => Example { heading, call, response },
        _ => panic!("no call with its answer: {pair:?}"),
    });
    pairs.collect()
}

/// The words of a command line, as a shell would tell them apart.
fn words(line: &str, key: &str) -> Vec<String> {
    let line = line.replace("\\\n", " ");
    let (mut words, mut word, mut quote) = (Vec::new(), None::<String>, None);
    for letter in line.trim().chars() {
        match (letter, quote) {
            ('\'' | '"', None) => {
                quote = Some(letter);
                word.get_or_insert_default();
            }
            (_, Some(open)) if open == letter => quote = None,
            (' ', None) => words.extend(word.take()),
            _ => word.get_or_insert_default().push(letter),
        }
    }
    words.extend(word);
    words.iter().map(|word| word.replace("$KEY", key)).collect()
}

/// The request that a curl line makes.
fn ask_of(call: &str, key: &str) -> TestRequest {
    let words = words(call, key);
    let mut words = words.iter().map(String::as_str);
    assert_eq!(words.next(), Some("curl"), "{call}");
    let mut ask = TestRequest::of("GET", "/").without("host");
    while let Some(option) = words.next() {
        if option == "--globoff" {
            continue;
        }
        let value = words.next().unwrap_or_else(|| panic!("{option} of {call}"));
        match option {
            "--request" => ask.method = value.parse().unwrap(),
            "--url" => {
                let (host, path) = value.strip_prefix("https://").unwrap().split_once('/').unwrap();
                // Without --globoff curl reads brackets as patterns of its own.
                assert!(!path.contains('[') || call.contains("--globoff"), "{call}");
                ask = ask.header("host", host);
                ask.path = format!("/{path}");
            }
            "--header" => {
                let (name, text) = value.split_once(':').unwrap();
                ask = ask.header(name, text.trim());
            }
            "--data" => ask.body = value.into(),
            _ => panic!("{option} is no option that this test knows: {call}"),
        }
    }
    ask
}

/// Tokens and UUIDs of the page with those that stand for them here. One stands for one, all along.
#[derive(Default)]
struct Stand(BTreeMap<String, String>);

impl Stand {
    /// A text of the page with what stands here instead.
    fn translated(&self, text: &str) -> String {
        self.0.iter().fold(text.to_owned(), |text, (there, here)| text.replace(there, here))
    }

    /// Learns what of `here` varies, and says what `there` should be.
    fn learn(&mut self, there: &str, here: &str) {
        if there.len() != here.len() || self.0.contains_key(there) || self.0.values().any(|one| one == here) {
            return;
        }
        let is_token = |text: &str| text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
        let is_id = |text: &str| text.len() == 36 && Uuid::parse_str(text).is_ok();
        if (is_token(there) && is_token(here)) || (is_id(there) && is_id(here)) {
            self.0.insert(there.to_owned(), here.to_owned());
        }
    }

    /// Compares a text of the page with what came.
    fn check(&mut self, there: &str, here: &str, place: &str) {
        let is_part = |letter: char| !letter.is_ascii_alphanumeric() && letter != '-';
        for (there, here) in there.split(is_part).zip(here.split(is_part)) {
            self.learn(there, here);
        }
        assert_eq!(here, self.translated(there), "{place}");
    }

    /// Compares a body; an object of the page that has a member `…` does not show all of its members.
    fn check_body(&mut self, there: &Value, here: &Value, place: &str) {
        match (there, here) {
            (Value::Object(some), Value::Object(all)) => {
                let is_whole = !some.contains_key("…");
                let names = |object: &serde_json::Map<_, _>| object.keys().cloned().collect::<Vec<String>>();
                assert!(!is_whole || names(some) == names(all), "{place}: {here} is not {there}");
                for (name, value) in some.iter().filter(|(name, _)| *name != "…") {
                    self.check_body(value, &all[name], &format!("{place}.{name}"));
                }
            }
            (Value::Array(wanted), Value::Array(found)) => {
                assert_eq!(wanted.len(), found.len(), "{place}: {here} is not {there}");
                wanted.iter().zip(found).for_each(|(wanted, found)| self.check_body(wanted, found, place));
            }
            (Value::String(wanted), Value::String(found)) => self.check(wanted, found, place),
            _ => assert_eq!(here, there, "{place}"),
        }
    }

    fn check_answer(&mut self, there: &str, here: &TestResponse, place: &str) {
        let (head, body) = there.split_once("\n\n").unwrap_or((there.trim_end(), ""));
        let mut lines = head.lines();
        let status = lines.next().unwrap().strip_prefix("HTTP/1.1 ").unwrap();
        assert_eq!(here.status.as_str(), status, "{place}: {}", here.body);
        for line in lines {
            let (name, value) = line.split_once(": ").unwrap();
            self.check(value, here.header(&name.to_lowercase()), place);
        }
        if body.is_empty() {
            assert_eq!(here.body, "", "{place}");
        } else {
            self.check_body(&serde_json::from_str(body).unwrap(), &here.json(), place);
        }
    }
}

/// The workspace as the page says it is: the users of its table, and Ada signed in.
async fn as_the_page_says() -> TestApp {
    let test = TestApp::start().await.mailing(10);
    let people = PAGE.lines().skip_while(|line| !line.starts_with("| id | name |")).skip(2);
    for (number, line) in (1..).zip(people.take_while(|line| line.starts_with('|'))) {
        let cells: Vec<_> = line.trim_matches('|').split('|').map(str::trim).collect();
        let [id, name, email, kind] = cells[..] else { panic!("{line}") };
        let (name_f, name_l) = name.split_once(' ').unwrap();
        let fields = UserChange {
            name_f: Some(name_f.to_owned()),
            name_l: Some(name_l.to_owned()),
            is_staff: Some(kind == "staff"),
            has_two_factor: Some(kind.ends_with("two-factor")),
            ..UserChange::default()
        };
        let added = test.add(&test.acme, email, fields).await;
        assert_eq!((added.number(), id), (number, number.to_string().as_str()));
    }
    let ada = UserId::from_number(1).unwrap();
    test.browser().sign_in(&test.ask_for_link(ada).await).await;
    test
}

#[tokio::test]
async fn every_example_of_the_page_is_answered_as_the_page_says() {
    let test = as_the_page_says().await;
    let mut stand = Stand::default();
    let examples = examples();
    assert!(examples.len() > 15, "only {} were found", examples.len());

    for example in examples {
        let ask = ask_of(&stand.translated(example.call), &test.key);
        let response = test.send(ask).await;
        stand.check_answer(example.response, &response, example.call);
    }
}

#[test]
fn the_commands_of_the_page_make_what_its_examples_need() {
    let operator = CliRunner::new();
    let commands = PAGE.replace("\\\n", " ");
    let commands = commands.lines().filter_map(|line| line.strip_prefix("    doorkey "));
    let made = commands.map(|line| operator.run(line).well()).collect::<Vec<_>>();
    assert_eq!(made.len(), 5);

    let users = operator.run("user list --workspace Acme --jsonl").well();
    let users = users.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let users = users.map(|user| format!("| {} | {} | {} |", user["id"], user["name"], user["email"]));
    for user in users.map(|row| row.replace('"', "")) {
        assert!(PAGE.contains(&user), "{user}");
    }
    let hosts = &operator.json("workspace show Acme")["hosts"];
    assert_eq!(hosts, &json!(["example.com", "example.spp.co"]));
    let scopes = operator.json("key list --workspace Acme")[0]["scopes"].as_array().unwrap().len();
    assert_eq!(scopes, Scope::ALL.len());
}

/// The description is compared with the route table elsewhere; here, the page with the description.
#[tokio::test]
async fn every_endpoint_is_on_the_page_with_a_scope_and_an_example() {
    let test = TestApp::start().await;
    let document = test.send(TestRequest::of("GET", "/api/openapi.json")).await.json();
    let examples = examples();
    let mut endpoints = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let endpoint = format!("{} {path}", method.to_uppercase());
            let section = PAGE.split_once(&format!("\n### {endpoint}\n"));
            let (_, section) = section.unwrap_or_else(|| panic!("{endpoint} is not on the page"));
            let section = section.split("\n##").next().unwrap();
            let scope = operation["security"][0]["key"][0].as_str();
            let said = scope.map_or("It needs no key.".to_owned(), |scope| format!("Scope `{scope}`."));
            assert!(section.contains(&said), "{endpoint} does not say: {said}");
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().filter(|_| path.contains("{user}") && method == "get");
                assert!(
                    name.is_none_or(|name| section.contains(name) || section.contains("#lists")),
                    "{endpoint} {name:?}"
                );
            }
            let own = examples.iter().filter(|example| example.heading == endpoint);
            let fits = |example: &Example| is_call_of(&ask_of(example.call, ""), &endpoint);
            assert!(own.map(fits).collect::<BTreeSet<_>>().contains(&true), "{endpoint} has no example");
            endpoints.insert(endpoint);
        }
    }
    let headings: BTreeSet<_> =
        PAGE.lines().filter_map(|line| line.strip_prefix("### ")).map(str::to_owned).collect();
    assert_eq!(headings, endpoints, "and no other");
}

/// Whether a request is one of an endpoint, such as `GET /api/team/{user}`.
fn is_call_of(ask: &TestRequest, endpoint: &str) -> bool {
    let called = format!("{} {}", ask.method, ask.path.split('?').next().unwrap());
    let (called, endpoint): (Vec<_>, Vec<_>) = (called.split('/').collect(), endpoint.split('/').collect());
    let fits = |(called, part): (&&str, &&str)| called == part || part.starts_with('{');
    called.len() == endpoint.len() && called.iter().zip(&endpoint).all(fits)
}

#[test]
fn every_scope_version_and_error_code_is_on_the_page() {
    // What is `Refused` has the rule's own words, and `forbidden` is a page's alone.
    let source = include_str!("../../../src/http/error.rs");
    let drawn = source.split("Parts::of(").skip(1).filter_map(|rest| {
        let (status, rest) = rest.split_once(',')?;
        status.trim().parse::<u16>().ok()?;
        rest.trim_start().strip_prefix('"')?.split('"').next()
    });
    let codes: BTreeSet<_> = drawn.filter(|code| *code != "forbidden").collect();
    assert!(codes.len() > 10, "{codes:?}");
    let refusals = ["staff_user", "two_factor_enabled", "user_disabled", "user_not_found"];
    let versions = ["2023-12-14", "2024-03-05", "2026-12-01"];
    let scopes = Scope::ALL.map(Scope::name);

    let wanted = codes.into_iter().chain(refusals).chain(versions).chain(scopes);
    for word in wanted {
        assert!(
            PAGE.lines().any(|line| line.starts_with('|') && line.contains(&format!("`{word}`"))),
            "{word}"
        );
    }
}

#[test]
fn the_comparison_notices_what_differs() {
    let same = |there: &str, here: &str| {
        let mut stand = Stand::default();
        let response = TestResponse {
            status: StatusCode::OK,
            headers: axum::http::HeaderMap::new(),
            body: here.to_owned(),
        };
        let there = format!("HTTP/1.1 200\n\n{there}");
        std::panic::catch_unwind(move || stand.check_answer(&there, &response, "here")).is_ok()
    };
    let (one, other) = ("0d9b1b3e-6f0c-4a52-9a57-b1f7c1f2a3d4", "019aae9b-55b2-7f04-9e02-6a1c54d0be72");

    assert!(same(&format!(r#"["{one}", "{one}"]"#), &format!(r#"["{other}", "{other}"]"#)));
    assert!(!same(&format!(r#"["{one}", "{one}"]"#), &format!(r#"["{one}", "{other}"]"#)), "two for one");
    assert!(!same(&format!(r#"["{one}", "{other}"]"#), &format!(r#"["{one}", "{one}"]"#)), "one for two");
    assert!(!same(&format!(r#"["{one}"]"#), r#"["019aae9b"]"#), "no UUID");
    assert!(same(r#"{"a": 1, "…": "…"}"#, r#"{"a": 1, "b": 2}"#));
    assert!(!same(r#"{"a": 1}"#, r#"{"a": 1, "b": 2}"#), "more than is said");
    assert!(!same(r#"{"a": 1, "b": 2}"#, r#"{"a": 1}"#), "less than is said");
    assert!(!same("[1]", "[1, 1]"));
    assert_eq!(words("curl --a 'b \"c\"' \\\n  \"$KEY d\" ''", "k"), ["curl", "--a", "b \"c\"", "k d", ""]);
}
