//! Rows of apps, codes and sessions that somebody edited without the key.

use crate::support::app::TestApp;

/// An app row that somebody edited without the key is none.
#[tokio::test]
async fn an_edited_app_or_secret_is_none() {
    for edit in [
        "UPDATE apps SET redirect_uris = 'https://evil.test/cb'",
        "UPDATE apps SET pkce_optional = 1",
        "UPDATE apps SET is_public = 1",
        "UPDATE app_secrets SET client_id = client_id || 'y'",
        "UPDATE app_codes SET client_id = 'other'",
        "UPDATE app_codes SET created_at = created_at + 50000",
        "UPDATE app_codes SET user_id = 2",
        "UPDATE app_codes SET code_challenge = NULL",
        "UPDATE sessions SET expires_at = expires_at + 86400000",
    ] {
        let test = TestApp::start().await;
        let (app, mut browser) = test.app_and_browser().await;
        test.client("bob@example.org").await;
        let code = app.code(&mut browser).await;
        test.run_sql(edit);
        let answer = test.send(app.exchange(&code)).await;
        assert!([400, 401].contains(&answer.status.as_u16()), "{edit}: {}", answer.body);
    }
}

/// What was removed does not come back as if it were of a trial.
#[tokio::test]
async fn a_removed_secret_works_no_more_whatever_its_row_says() {
    let test = TestApp::start().await;
    let (app, mut browser) = test.app_and_browser().await;
    let code = app.code(&mut browser).await;
    test.run_sql("UPDATE app_secrets SET removed_at = created_at, trial_until = created_at + 86400000");
    let answer = test.send(app.exchange(&code)).await;
    assert_eq!(answer.status, 401, "{}", answer.body);
}
