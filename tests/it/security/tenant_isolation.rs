//! Two workspaces with the same people: whatever is done in one, the other stays as it is, and nothing of it is told.

use axum::http::StatusCode;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::custom_fields;
use doorkey::domain::user::UserChange;
use doorkey::domain::user::{UserId, UserRef};
use doorkey::domain::workspace::Workspace;
use doorkey::flow;
use serde_json::{Value, json};

use crate::support::app::{TestApp, TestRequest, TestResponse, button};

const HOST: &str = "twin.example";

/// Stands in every text of the twin that has no double in Acme.
const MARK: &str = "only-at-the-twin";

/// Somebody whom the twin alone has.
const STRANGER: &str = "stranger@x.test";

/// Addresses of users 1 to 6, in both workspaces.
const PEOPLE: [&str; 6] = ["u1@x.test", "u2@x.test", "u3@x.test", "u4@x.test", "u5@x.test", "u6@x.test"];

/// The twin of Acme: what it is, what it holds, and what of it may never be seen in Acme.
struct Twin {
    workspace: Workspace,
    key: String,
    /// A live link, and one that was used.
    links: [String; 2],
    /// The cookies of somebody who is signed in.
    cookies: String,
    session: String,
    secrets: Vec<String>,
    rows: Vec<String>,
}

impl Twin {
    /// People with the same ids and addresses, links, sessions and keys in both workspaces.
    async fn of(test: &TestApp) -> Self {
        let (workspace, key) = test.another("Twin", &format!("https://{HOST}")).await;
        for (number, email) in PEOPLE.iter().enumerate() {
            let fields = UserChange {
                has_two_factor: Some(number == 3),
                is_active: Some(number != 4),
                is_staff: Some(number == 5),
                ..UserChange::default()
            };
            test.add(&test.acme, email, fields.clone()).await;
            let note = Some(format!("{MARK} {number}"));
            let custom = custom_fields::parse(&json!({ MARK: number }).to_string()).ok();
            let own = UserChange { company: note.clone(), note, custom_fields: custom, ..fields };
            test.add(&workspace, email, own).await;
        }
        let note = UserChange { note: Some(MARK.to_owned()), ..UserChange::default() };
        test.add(&workspace, STRANGER, note).await;

        let ask = |path: &str| test.send(TestRequest::of("GET", path).host(HOST).bearer(&key));
        let link_of = |response: TestResponse| {
            response.json()["link"].as_str().unwrap_or_else(|| panic!("{response:?}")).to_owned()
        };
        let used = link_of(ask("/api/login_links/1").await);
        let mut browser = test.browser();
        HOST.clone_into(&mut browser.host);
        browser.sign_in(&used).await;
        let live = link_of(ask("/api/login_links/1").await);
        ask("/api/login_links/2").await;
        ask("/api/login_links/6").await;

        let cookies: Vec<_> = browser.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let mut secrets = vec![MARK.to_owned(), key.clone()];
        secrets.extend(browser.cookies.values().cloned());
        secrets.extend([&live, &used].map(|link| link.split('=').nth(1).unwrap().to_owned()));
        let mut session = String::new();
        for path in ["/api/sessions", "/api/login_links", "/api/logs"] {
            let listed = ask(&format!("{path}?limit=100")).await.json();
            let rows = listed["data"].as_array().unwrap();
            let ids = rows.iter().flat_map(|row| [&row["id"], &row["request_id"]]);
            secrets.extend(ids.filter_map(Value::as_str).map(str::to_owned));
            if path == "/api/sessions" {
                rows[0]["id"].as_str().unwrap().clone_into(&mut session);
            }
        }
        let links = [live, used];
        let mut twin =
            Self { workspace, key, links, cookies: cookies.join("; "), session, secrets, rows: Vec::new() };
        twin.rows = twin.rows_of(test);
        assert!(twin.rows.len() > 20, "{:#?}", twin.rows);
        twin
    }

    /// Every row of every table that is the twin's.
    fn rows_of(&self, test: &TestApp) -> Vec<String> {
        test.database.rows_of(self.workspace.id.0)
    }

    /// Nothing of the twin has changed.
    fn is_untouched(&self, test: &TestApp, by: &str) {
        let now = self.rows_of(test);
        for (before, now) in self.rows.iter().zip(&now) {
            assert_eq!(now, before, "{by}");
        }
        assert_eq!(now.len(), self.rows.len(), "{by}");
    }

    /// Sends a request to Acme: whatever comes of it, it neither touches the twin nor tells of it.
    async fn stays(&self, test: &TestApp, ask: TestRequest) -> TestResponse {
        let by = format!("{} {} {}", ask.method, ask.path, String::from_utf8_lossy(&ask.body));
        // What the caller said itself comes back in the links of a list.
        let (path, query) = ask.path.split_once('?').unwrap_or((&ask.path, ""));
        let said = [path.to_owned(), query.to_owned()];
        let body_said = String::from_utf8_lossy(&ask.body).into_owned();
        let response = test.send(ask).await;

        assert!(!response.status.is_server_error(), "{by}: {}", response.body);
        let mut printed = format!("{:?} {}", response.headers, response.body);
        for text in said.iter().filter(|text| !text.is_empty()) {
            printed = printed.replace(text.as_str(), "");
        }
        if response.body.contains("\"last_page\":1,") {
            let list = response.json();
            let rows = list["data"].as_array().unwrap().len();
            assert!(list["meta"]["current_page"] != 1 || list["meta"]["total"] == rows, "{by} counts others");
        }
        for secret in self.secrets.iter().filter(|secret| !body_said.contains(*secret)) {
            assert!(!printed.contains(secret), "{by} tells {secret}: {printed}");
        }
        self.is_untouched(test, &by);
        response
    }
}

/// The path with each of the things that could stand in its places: the twin's, Acme's, nobody's.
fn filled(path: &str, sessions: &[&str]) -> Vec<String> {
    let nobody = "00000000-0000-0000-0000-000000000000";
    if path.contains("{id}") {
        let ids = sessions.iter().chain([&nobody]);
        return ids.map(|id| path.replace("{id}", id)).collect();
    }
    if !path.contains('{') {
        return vec![path.to_owned()];
    }
    let numbers = (1..=9).map(|number| number.to_string());
    let users = numbers.chain(PEOPLE.map(str::to_owned)).chain([STRANGER.to_owned()]);
    users.map(|user| path.replace("{user}", &user).replace("{client}", &user)).collect()
}

/// Queries for an operation; those that it does not take are failures that count too.
fn queries(twin: &Twin) -> Vec<String> {
    let ids = ["1", &twin.session, &twin.secrets[twin.secrets.len() - 1]];
    let mut queries: Vec<_> = ["", "limit=100", "limit=1&page=2", "page=0", "min_ttl=7200", "redirect=/a"]
        .iter()
        .chain(&["sort=id:desc&limit=100", "filters[id][$gt]=0&limit=100", "filters[user_id][$eq]=1"])
        .chain(&["sort=created_at:asc", "filters[event][$eq]=login_link.issued", "filters[status][$in][]=1"])
        .map(|query| (*query).to_owned())
        .collect();
    queries.extend(ids.map(|id| format!("filters[id][$eq]={id}")));
    queries.push(format!("filters[email][$eq]={STRANGER}"));
    queries
}

/// Bodies that change what can be changed, take what is free here alone, and fail.
fn bodies(method: &str) -> Vec<Value> {
    match method {
        "POST" => vec![
            json!({ "email": "new@x.test", "name_f": "N", "name_l": "" }),
            json!({ "email": PEOPLE[1], "name_f": "N", "name_l": "" }),
            json!({ "id": 1, "email": "other@x.test", "name_f": "N", "name_l": "" }),
            json!({ "email": STRANGER, "name_f": "N", "name_l": "" }),
            json!({ "email": 1 }),
        ],
        "PUT" => vec![
            json!({ "company": "Engines", "custom_fields": { "a": 1 } }),
            json!({ "two_factor_enabled": true }),
            json!({ "status": 0 }),
            json!({ "two_factor_enabled": false, "status": 1 }),
            json!({ "email": PEOPLE[0] }),
            json!({ "email": "moved@x.test" }),
            json!({ "colour": 1 }),
        ],
        _ => vec![Value::Null],
    }
}

/// Every operation that there is, good and bad, with Acme's key and with others, in Acme alone.
#[tokio::test]
async fn nothing_that_the_api_does_in_one_workspace_touches_or_tells_of_its_twin() {
    let test = TestApp::start().await;
    let twin = Twin::of(&test).await;
    let mut browser = test.browser();
    browser.sign_in(&test.ask_for_link(user_id(1)).await).await;
    let own = test.call("GET", "/api/sessions").await.json()["data"][0]["id"].as_str().unwrap().to_owned();
    let sessions = [twin.session.as_str(), own.as_str()];
    let document = test.send(TestRequest::of("GET", "/api/openapi.json")).await.json();
    let paths = document["paths"].as_object().unwrap();
    let (mut tried, mut done) = (0, 0);

    // What destroys comes last, so that there is something to be touched all along.
    for method in ["GET", "POST", "PUT", "DELETE"] {
        let has = |path: &&String| paths[*path].get(method.to_lowercase()).is_some();
        for target in paths.keys().filter(has).flat_map(|path| filled(path, &sessions)) {
            let queries = if method == "GET" { queries(&twin) } else { vec![String::new()] };
            for (query, body) in
                queries.iter().flat_map(|query| bodies(method).into_iter().map(move |body| (query, body)))
            {
                let path = if query.is_empty() { target.clone() } else { format!("{target}?{query}") };
                let ask = TestRequest::of(method, &path);
                let ask = if body.is_null() { ask } else { ask.json(&body) };
                let foreign = twin.stays(&test, ask.clone().bearer(&twin.key)).await;
                assert!(target == "/api/openapi.json" || foreign.status.is_client_error(), "{method} {path}");
                let response = twin.stays(&test, ask.bearer(&test.key)).await;
                tried += 1;
                done += usize::from(response.status.is_success());
            }
        }
    }

    assert!(tried > 400 && done > 100, "{done} of {tried}");
    // It is all still there, and as good as ever.
    let mut visitor = test.browser();
    HOST.clone_into(&mut visitor.host);
    assert_eq!(visitor.sign_in(&twin.links[0]).await.status, StatusCode::SEE_OTHER);
    let verify = TestRequest::of("GET", "/auth/verify").host(HOST).header("cookie", &twin.cookies);
    assert_eq!(test.send(verify).await.status, StatusCode::OK);
}

fn user_id(number: i64) -> UserId {
    UserId::from_number(number).unwrap()
}

/// The same of the pages and of the command line, down to the end of the workspace.
#[tokio::test]
async fn nothing_else_that_is_done_in_one_workspace_touches_its_twin() {
    let mut test = TestApp::start().await;
    let twin = Twin::of(&test).await;
    let link = test.ask_for_link(user_id(1)).await;
    let page = test.browser().open(&link).await;

    for path in ["/", "/auth/verify", "/auth/verify?redirect=1", "/login", "/login/go"] {
        twin.stays(&test, TestRequest::of("GET", path).header("cookie", &twin.cookies)).await;
    }
    for link in &twin.links {
        let open = TestRequest::of("GET", link.split_once(HOST).unwrap().1);
        assert_eq!(twin.stays(&test, open.clone()).await.status, StatusCode::GONE);
        let open = open.header("cookie", &twin.cookies);
        assert_eq!(twin.stays(&test, open).await.status, StatusCode::GONE);
    }
    twin.stays(&test, button(&page).header("cookie", &twin.cookies)).await;
    let out = TestRequest::of("POST", "/logout").header("sec-fetch-site", "same-origin");
    twin.stays(&test, out.header("cookie", &twin.cookies)).await;

    let act = AuditContext::at_command_line();
    test.key_with(&[], None).await;
    test.revoke_key(2).await;
    twin.is_untouched(&test, "a key that is made and revoked");
    test.set("link_lifetime", "600").await;
    test.set("host", "acme.example").await;
    twin.is_untouched(&test, "settings");
    for (field, value) in
        [("staff", "true"), ("staff", "false"), ("email", "z@x.test"), ("two_factor_enabled", "1")]
    {
        test.change(user_id(1), field, value).await;
        twin.is_untouched(&test, field);
    }
    test.delete(user_id(2)).await;
    flow::login_links::revoke(&test.app, &test.acme, &act, &UserRef::Id(user_id(3))).await.unwrap();
    test.revoke_key(1).await;
    twin.is_untouched(&test, "a user who is deleted, links and a key that are revoked");
    flow::workspaces::delete(&test.app, &AuditContext::at_command_line(), "Acme").await.unwrap();
    twin.is_untouched(&test, "the end of Acme");
}
