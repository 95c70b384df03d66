//! Rows of admin links, sessions and allowances that somebody edited or invented let nobody in.

use axum::http::StatusCode;
use doorkey::domain::admin::AdminRole;

use crate::support::admin::{HEADER, HOST, admin_pages, allow, grant, link, signed_in};
use crate::support::app::{TestApp, TestRequest};
use crate::support::row_editor::RowEditor;

/// What an edited row may be without giving anybody anything: when an allowance was last used.
const NO_AUTHORITY: [&str; 1] = ["last_seen_at"];

/// What the page that somebody is let in to says of name, role and workspaces; `None` if nobody is let in.
async fn let_in(pages: &TestApp, table: &str, secret: &str, acme: i64) -> Option<String> {
    let get = |path: &str| TestRequest::of("GET", path).host(HOST);
    let page = match table {
        "admin_links" => pages.send(get(secret)).await,
        "admin_sessions" => {
            pages
                .send(get(&format!("/w/{acme}/keys")).header("cookie", format!("doorkey_admin={secret}")))
                .await
        }
        _ => pages.send_from("10.0.0.7", get(&format!("/w/{acme}/keys")).header(HEADER, secret)).await,
    };
    if page.status != StatusCode::OK {
        assert!(matches!(page.status.as_u16(), 303 | 403 | 404 | 410 | 500), "{}", page.status);
        return None;
    }
    let (_, said) =
        page.body.split_once(if table == "admin_links" { "look after" } else { "class=\"me\">" }).unwrap();
    Some(said.split("<form").next().unwrap().to_owned())
}

#[tokio::test]
async fn an_edited_row_lets_nobody_in() {
    let test = TestApp::start().await;
    let (other, _) = test.another("Other", "https://other.example").await;
    let pages = admin_pages(&test);
    let reach = [test.acme.id];
    let first = link(&pages, grant("Grace", AdminRole::Viewer, &reach)).await;
    link(&pages, grant("Other", AdminRole::Operator, &[other.id])).await;
    let session = signed_in(&pages, grant("Grace", AdminRole::Viewer, &reach)).await;
    test.advance(60);
    signed_in(&pages, grant("Other", AdminRole::Operator, &[other.id])).await;
    allow(&test, grant("grace@example.org", AdminRole::Viewer, &reach)).await;
    allow(&test, grant("other@example.org", AdminRole::Operator, &[])).await;
    let thief = RowEditor::of(&test.database).await;

    for (name, row, secret) in [
        ("admin_links", "name = 'Grace'", first),
        ("admin_sessions", "name = 'Grace'", session.cookies["doorkey_admin"].clone()),
        ("admin_allowances", "name = 'grace@example.org'", "grace@example.org".to_owned()),
    ] {
        let before = let_in(&pages, name, &secret, test.acme.id.0).await;
        assert!(before.is_some(), "{name}");
        thief.put_everything_back().await;
        let table = thief.table(name).await;
        let kept: Vec<_> = thief.edits(&table, row).await;
        assert!(kept.len() > 20, "{name}: {}", kept.len());
        let mut took = 0;
        for edit in kept {
            thief.put_everything_back().await;
            if !thief.edit(&table, row, &edit).await {
                continue;
            }
            took += 1;
            let after = let_in(&pages, name, &secret, test.acme.id.0).await;
            let may_be = NO_AUTHORITY.contains(&edit.column.as_str()) && name == "admin_allowances";
            assert!(after.is_none() || may_be && after == before, "{name}, {edit:?} lets in: {after:?}");
        }
        thief.put_everything_back().await;
        assert!(took > 10, "{name}: only {took} edits took effect");
        assert_eq!(let_in(&pages, name, &secret, test.acme.id.0).await, before, "{name} was put back");
    }
}

#[tokio::test]
async fn a_name_that_was_disallowed_is_not_brought_back_by_an_edit() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    allow(&test, grant("grace@example.org", AdminRole::Operator, &[])).await;
    let name = doorkey::domain::admin::AdminName::parse("grace@example.org").unwrap();
    let act = doorkey::domain::audit::AuditContext::at_command_line();
    doorkey::flow::admin::disallow(&test.app, &act, &name).await.unwrap();

    test.run_sql("UPDATE admin_allowances SET ended_at = NULL");

    assert_eq!(let_in(&pages, "admin_allowances", "grace@example.org", test.acme.id.0).await, None);
    assert!(doorkey::flow::admin::list(&test.app).await.unwrap().is_empty());
}

#[tokio::test]
async fn no_row_holds_a_token_or_a_cookie() {
    let test = TestApp::start().await;
    let pages = admin_pages(&test);
    let link = link(&pages, grant("Grace", AdminRole::Operator, &[])).await;
    let cookie =
        signed_in(&pages, grant("Grace", AdminRole::Operator, &[])).await.cookies["doorkey_admin"].clone();

    for secret in [link.split('=').nth(1).unwrap(), &cookie] {
        assert_eq!(secret.len(), 43);
        for form in [secret.as_bytes().to_vec(), hex(secret)] {
            let stolen = test.database.stolen();
            assert!(!stolen.windows(form.len()).any(|window| window == form), "{secret} is in the database");
        }
    }
}

fn hex(text: &str) -> Vec<u8> {
    text.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect()
}
