//! Signing keys: made with the first app, rotated, and worth nothing to whoever edits or copies them.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use doorkey::domain::audit::AuditContext;
use doorkey::domain::oidc::app::SigningAlgorithm;
use doorkey::domain::workspace::Workspace;
use doorkey::flow::oidc::signing_keys::{RotationError, SigningError};
use doorkey::flow::oidc::{rekey, signing_keys};
use doorkey::flow::operations::maintenance::{self, Retention};
use doorkey::flow::operations::{nodes, secret_keys};
use doorkey::keys;
use serde_json::{Value, json};

use crate::support::app::TestApp;

const ALGORITHMS: [SigningAlgorithm; 2] = SigningAlgorithm::ALL;
const DAY: i64 = 86_400;

async fn sign(test: &TestApp, algorithm: SigningAlgorithm) -> String {
    try_to_sign(test, &test.acme, algorithm).await.unwrap()
}

async fn try_to_sign(
    test: &TestApp,
    workspace: &Workspace,
    algorithm: SigningAlgorithm,
) -> Result<String, SigningError> {
    let claims = json!({"iss": workspace.url.as_str(), "sub": "ada", "aud": "wiki"});
    signing_keys::sign(&test.app, workspace, algorithm, "JWT", &claims).await
}

async fn is_ours(test: &TestApp, token: &str) -> bool {
    let found = signing_keys::verify_own(&test.app, &test.acme, token).await.unwrap();
    found.is_some_and(|claims| claims.sub == "ada" && claims.aud == "wiki")
}

async fn rotate(test: &TestApp, is_forced: bool) -> Result<(), RotationError> {
    let act = AuditContext::at_command_line();
    signing_keys::rotate(&test.app, test.acme.id, &act, is_forced).await.map(drop)
}

/// The names of the published keys.
async fn published(test: &TestApp) -> Vec<String> {
    let keys = signing_keys::public_keys(&test.app, &test.acme).await.unwrap();
    keys.iter().map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

fn header_of(token: &str) -> Value {
    let header = token.split('.').next().unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap()
}

fn kid_of(token: &str) -> String {
    header_of(token)["kid"].as_str().unwrap().to_owned()
}

/// A token with another header, signed as it was, or not at all.
fn with_header(token: &str, header: &Value, signature: &str) -> String {
    let claims = token.split('.').nth(1).unwrap();
    format!("{}.{claims}.{signature}", URL_SAFE_NO_PAD.encode(header.to_string()))
}

/// However many ask for the first signature at once, on two nodes.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn the_first_two_keys_of_an_algorithm_are_made_once() {
    let test = TestApp::start().await;
    let beside = test.beside().await;
    assert!(published(&test).await.is_empty(), "there are keys before anything was to be signed");

    let signed =
        futures_util::future::join_all((0..8).flat_map(|_| {
            [&test, &beside].map(async |node| kid_of(&sign(node, SigningAlgorithm::Rs256).await))
        }))
        .await;

    assert!(signed.iter().all(|kid| *kid == signed[0]), "{signed:?}");
    let states = test.database.rows("SELECT state FROM signing_keys ORDER BY state");
    assert_eq!(states, [["next"], ["signing"]]);
    assert_eq!(published(&test).await.len(), 2);
    assert!(published(&test).await.contains(&signed[0]));
}

#[tokio::test]
async fn a_rotation_has_the_published_next_key_sign_and_publishes_another() {
    let test = TestApp::start().await;
    let before = [sign(&test, ALGORITHMS[0]).await, sign(&test, ALGORITHMS[1]).await];
    let known = published(&test).await;

    // To make keys is no rotation.
    rotate(&test, false).await.unwrap();

    for (token, algorithm) in before.iter().zip(ALGORITHMS) {
        let kid = kid_of(&sign(&test, algorithm).await);
        assert!(known.contains(&kid) && kid != kid_of(token), "verifiers knew it before it signed");
        assert!(is_ours(&test, token).await);
    }
    assert_eq!(
        published(&test).await.len(),
        6,
        "of each one that signs, one that is next, one that has signed"
    );
    let left = "SELECT count(*) FROM signing_keys WHERE state = 'retired' AND private_key IS NOT NULL";
    assert_eq!(test.number(left), 0, "the private half of a retired key is gone");
    assert_eq!(test.audit().iter().filter(|entry| entry.starts_with("signing_key.rotated")).count(), 1);

    assert!(matches!(rotate(&test, false).await, Err(RotationError::TooSoon)));
    rotate(&test, true).await.unwrap();
    test.advance(3_599);
    assert!(matches!(rotate(&test, false).await, Err(RotationError::TooSoon)));
    test.advance(1);
    rotate(&test, false).await.unwrap();
}

#[tokio::test]
async fn of_those_who_rotate_at_once_one_does() {
    let test = TestApp::start().await;
    let beside = test.beside().await;
    sign(&test, SigningAlgorithm::Es256).await;

    let rotations = (0..8).flat_map(|_| [rotate(&test, false), rotate(&beside, false)]);
    let rotated = futures_util::future::join_all(rotations).await;

    assert_eq!(rotated.iter().filter(|rotated| rotated.is_ok()).count(), 1, "{rotated:?}");
    assert!(rotated.iter().all(|rotated| matches!(rotated, Ok(()) | Err(RotationError::TooSoon))));
}

#[tokio::test]
async fn where_there_are_no_keys_none_are_rotated() {
    let test = TestApp::start().await;

    let refused = rotate(&test, true).await.unwrap_err().to_string();

    assert!(refused.contains("`doorkey app create`"), "{refused}");
}

/// Hints are taken as long as the public half is kept.
#[tokio::test]
async fn a_retired_key_is_published_for_a_day_and_verifies_for_400_days() {
    let test = TestApp::start().await;
    let token = sign(&test, SigningAlgorithm::Es256).await;
    rotate(&test, false).await.unwrap();
    let sweep = async || {
        let kept = Retention { audit_log: 365 * DAY, dead_links: 90 * DAY };
        maintenance::sweep(&test.app, test.app.clock.now(), kept).await.unwrap();
    };

    test.advance(DAY - 1);
    assert!(published(&test).await.contains(&kid_of(&token)));
    test.advance(1);
    assert!(!published(&test).await.contains(&kid_of(&token)));
    test.advance(399 * DAY - 1);
    sweep().await;
    assert!(is_ours(&test, &token).await);
    test.advance(1);
    sweep().await;
    assert!(!is_ours(&test, &token).await);
    assert_eq!(published(&test).await.len(), 2, "those that sign are never swept");
}

#[tokio::test]
async fn a_token_is_ours_only_as_a_key_of_this_workspace_signed_it() {
    let test = TestApp::start().await;
    let (other, _) = test.another("Other", "https://other.example.net").await;
    for algorithm in ALGORITHMS {
        let token = sign(&test, algorithm).await;
        assert!(is_ours(&test, &token).await);
        let signature = token.rsplit('.').next().unwrap();
        let header = header_of(&token);
        let changed = |name: &str, value: Value| {
            let mut header = header.clone();
            header[name] = value;
            header
        };
        let public = signing_keys::public_keys(&test.app, &test.acme).await.unwrap();
        let public = public.into_iter().find(|key| key["kid"] == header["kid"]).unwrap();
        let by_public_half = {
            let mut header = jsonwebtoken::Header::new(jsonwebtoken::Algorithm::HS256);
            header.kid = Some(kid_of(&token));
            let secret = jsonwebtoken::EncodingKey::from_secret(public.to_string().as_bytes());
            let claims = json!({"iss": "https://example.com", "sub": "ada", "aud": "wiki"});
            jsonwebtoken::encode(&header, &claims, &secret).unwrap()
        };
        let foreign = try_to_sign(&test, &other, algorithm).await.unwrap();
        // Of this issuer by its claims, and by the key of another workspace.
        let claims = json!({"iss": "https://example.com", "sub": "ada", "aud": "wiki"});
        let borrowed = signing_keys::sign(&test.app, &other, algorithm, "JWT", &claims).await.unwrap();
        let claims = json!({"iss": "https://other.example.net", "sub": "ada", "aud": "wiki"});
        let elsewhere = signing_keys::sign(&test.app, &test.acme, algorithm, "JWT", &claims).await.unwrap();
        let claims = json!({"iss": "https://example.com", "sub": "ada", "aud": "wiki"});
        let logout =
            signing_keys::sign(&test.app, &test.acme, algorithm, "logout+jwt", &claims).await.unwrap();
        let first = if signature.starts_with('A') { 'B' } else { 'A' };
        for wrong in [
            with_header(&token, &changed("alg", json!("none")), ""),
            with_header(&token, &changed("alg", json!("none")), signature),
            with_header(&token, &changed("kid", json!("somebody")), signature),
            with_header(&token, &changed("jku", json!("https://evil.test/jwks")), signature),
            with_header(&token, &changed("jwk", public.clone()), signature),
            token.replace(signature, &format!("{first}{}", &signature[1..])),
            token.replace(signature, ""),
            by_public_half,
            foreign,
            borrowed,
            elsewhere,
            logout,
            String::new(),
            "a.b.c".to_owned(),
            "é.é.é".to_owned(),
        ] {
            assert!(!is_ours(&test, &wrong).await, "{wrong}");
        }
    }
}

/// Whoever has the database, and not the key file.
#[tokio::test]
async fn edited_signing_keys_neither_sign_nor_verify() {
    let anothers = |column: &str| {
        format!(
            "{column} = (SELECT o.{column} FROM signing_keys o WHERE o.workspace_id <> signing_keys.workspace_id
                         AND o.state = 'signing')"
        )
    };
    for edit in [
        anothers("public_key"),
        anothers("private_key"),
        anothers("seal"),
        format!("{}, {}", anothers("private_key"), anothers("public_key")),
        format!("{}, {}, {}", anothers("private_key"), anothers("public_key"), anothers("seal")),
        "created_at = created_at + 1".to_owned(),
        "activated_at = activated_at + 1".to_owned(),
        "retired_at = 1".to_owned(),
        "kid = 'another'".to_owned(),
    ] {
        let test = TestApp::start().await;
        let (other, _) = test.another("Other", "https://other.example.net").await;
        let token = sign(&test, SigningAlgorithm::Es256).await;
        try_to_sign(&test, &other, SigningAlgorithm::Es256).await.unwrap();
        test.run_sql(&format!(
            "UPDATE signing_keys SET {edit} WHERE workspace_id = {} AND state = 'signing'",
            test.acme.id.0
        ));

        let signed = try_to_sign(&test, &test.acme, SigningAlgorithm::Es256).await;
        assert!(matches!(signed, Err(SigningError::InvalidSeal(_))), "{edit}: {signed:?}");
        assert!(!is_ours(&test, &token).await, "{edit}");
        assert_eq!(published(&test).await.len(), 1, "{edit}");

        // The operator's way out.
        rotate(&test, true).await.unwrap();
        let fresh = sign(&test, SigningAlgorithm::Es256).await;
        assert!(is_ours(&test, &fresh).await && !is_ours(&test, &token).await, "{edit}");
    }
}

#[tokio::test]
async fn no_private_half_lies_in_the_database() {
    let test = TestApp::start().await;
    for algorithm in ALGORITHMS {
        sign(&test, algorithm).await;
    }

    let dump = test.database.stolen();

    // The object identifiers of RSA and of elliptic curves, which each private half in the clear begins with.
    let identifiers: [&[u8]; 2] = [
        &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01],
        &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01],
    ];
    for identifier in identifiers {
        let hex = identifier.iter().fold(String::new(), |hex, byte| format!("{hex}{byte:02x}"));
        for form in [identifier, hex.as_bytes()] {
            assert!(!dump.windows(form.len()).any(|window| window == form), "{hex}");
        }
    }
}

#[tokio::test]
async fn signing_keys_move_to_another_secret_key_and_outlive_the_old_one() {
    let test = TestApp::start().await.on_time().await;
    let token = sign(&test, SigningAlgorithm::Es256).await;
    rotate(&test, false).await.unwrap();
    let later = sign(&test, SigningAlgorithm::Es256).await;
    let old = test.app.keys().active_id();
    let new = keys::add(&test.key_file()).unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();
    let act = AuditContext::at_command_line();
    secret_keys::make_active(&test.app, &act, new).await.unwrap();
    nodes::check_health(&test.app).await.unwrap().unwrap();

    rekey::move_to_active_key(&test.app).await.unwrap();

    let left = format!("SELECT count(*) FROM signing_keys WHERE key_id = {}", old.0);
    assert_eq!(test.number(&left), 0);
    test.run_sql(&format!("UPDATE api_keys SET revoked_at = 1 WHERE key_id = {}", old.0));
    secret_keys::retire(&test.app, &act, old, false).await.unwrap();
    let beside = test.beside().await;
    assert!(is_ours(&beside, &token).await && is_ours(&beside, &later).await);
    assert_eq!(kid_of(&sign(&beside, SigningAlgorithm::Es256).await), kid_of(&later), "the same key signs");
}

/// What comes from an older backup may rest on a secret key that is gone.
#[tokio::test]
async fn signing_keys_whose_secret_key_is_gone_are_replaced() {
    let test = TestApp::start().await;
    let token = sign(&test, SigningAlgorithm::Es256).await;
    test.run_sql("UPDATE signing_keys SET key_id = 1");

    let fresh = sign(&test, SigningAlgorithm::Es256).await;

    assert_ne!(kid_of(&fresh), kid_of(&token));
    assert!(is_ours(&test, &fresh).await && !is_ours(&test, &token).await);
    assert_eq!(test.number("SELECT count(*) FROM signing_keys"), 2);
}
