//! The steps that most requests are made of, each timed alone: `cargo bench`.
//!
//! The answers are timed through the router, in process, since what draws them is nobody's but `http`'s.

#![expect(clippy::unwrap_used, reason = "where the stage cannot be set there is nothing to time")]

#[path = "../examples/instructions/src/stage.rs"]
mod stage;

use std::sync::LazyLock;

use divan::{Bencher, black_box};
use doorkey::app::App;
use doorkey::domain::audit::{AuditContext, AuditEntry, AuditEvent};
use doorkey::domain::login_link::{LinkClaims, LoginLink, UserLinkState, decide};
use doorkey::domain::session::{Session, SessionCookie, SignInMethod};
use doorkey::domain::token::Token;
use doorkey::domain::user::{UserId, UserRef};
use doorkey::domain::workspace::Workspace;
use doorkey::keys;
use doorkey::store::{LookupBy, Outcome, Redemption};
use stage::Stage;
use tokio::runtime::{Builder, Runtime};
use uuid::Uuid;

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_multi_thread().enable_all().build().unwrap());
static STAGE: LazyLock<(Stage, App, Workspace)> = LazyLock::new(|| wait(Stage::set(100)).unwrap());

fn main() {
    divan::main();
}

fn wait<T>(future: impl Future<Output = T>) -> T {
    RUNTIME.block_on(future)
}

fn stage() -> &'static Stage {
    &STAGE.0
}

fn app() -> &'static App {
    &STAGE.1
}

fn workspace() -> &'static Workspace {
    &STAGE.2
}

fn client() -> UserRef {
    UserRef::Id(UserId::from_number(1).unwrap())
}

fn seen() -> UserLinkState {
    wait(app().store.find_issue_state(workspace().id, &client())).unwrap().unwrap()
}

fn draft(seen: &UserLinkState) -> LinkClaims {
    let now = app().clock.now();
    LinkClaims::for_user(seen.user, seen.standing.link_epoch, workspace(), now, keys::random().unwrap())
}

fn entry(event: AuditEvent) -> AuditEntry {
    AuditContext::at_command_line().entry(event).about(UserId::from_number(1).unwrap())
}

/// A new link that is kept, and its token.
fn kept_link() -> (LoginLink, Token) {
    let seen = seen();
    let (link, token) = app().keys().issue_token(draft(&seen));
    let added =
        wait(app().store.add_login_link((&link, true), &seen, None, &entry(AuditEvent::LinkIssued))).unwrap();
    assert_eq!(added, Outcome::Applied);
    (link, token)
}

/// A link as its use leaves it, and the session that it begins.
fn claim() -> (LoginLink, Session) {
    let (link, token) = kept_link();
    let now = app().clock.now();
    let session = Session {
        workspace: workspace().id,
        id: Uuid::now_v7(),
        user: link.draft.user,
        epoch: seen().standing.session_epoch,
        link: link.hash,
        confirm_hash: [0; 32],
        seed: keys::random().unwrap(),
        secret_hash: [0; 32],
        key: link.key,
        landing: "/".to_owned(),
        created_at: now,
        last_seen_at: now,
        expires_at: now.plus_seconds(workspace().session_lifetime),
        method: SignInMethod::Link,
        seal: [0; 32],
    };
    let browser = keys::random_browser_cookie().unwrap();
    let (session, _) = app().keys().begin_session(session, &token, &browser);
    (app().keys().seal_link(link.used(now)), session)
}

#[divan::bench]
fn token_derived(bencher: Bencher<'_, '_>) {
    let draft = draft(&seen());
    bencher.bench(|| app().keys().issue_token(black_box(draft.clone())));
}

#[divan::bench]
fn token_rebuilt(bencher: Bencher<'_, '_>) {
    let (link, _) = app().keys().issue_token(draft(&seen()));
    bencher.bench(|| app().keys().rederive(black_box(&link)));
}

#[divan::bench]
fn rule_decided(bencher: Bencher<'_, '_>) {
    kept_link();
    let seen = seen();
    bencher.bench(|| decide(black_box(Some(&seen)), 60, app().clock.now()));
}

#[divan::bench]
fn store_find_issue_state(bencher: Bencher<'_, '_>) {
    kept_link();
    bencher.bench(seen);
}

#[divan::bench]
fn store_look_up(bencher: Bencher<'_, '_>) {
    kept_link();
    let (workspace, user) = (workspace().id, client());
    bencher.bench(|| wait(app().store.look_up(workspace, LookupBy::User(&user, None))).unwrap().unwrap());
}

#[divan::bench]
fn store_find_session(bencher: Bencher<'_, '_>) {
    let cookie = wait(async { stage().redeem(&stage().ask_for_link(2).await?).await }).unwrap();
    let (_, value) = cookie.split_once('=').unwrap();
    let id = SessionCookie::parse(value).unwrap().id;
    bencher.bench(|| wait(app().store.find_session(workspace().id, id)).unwrap().unwrap());
}

#[divan::bench(sample_size = 1)]
fn store_add_login_link(bencher: Bencher<'_, '_>) {
    let prepare = || {
        let seen = seen();
        let (link, _) = app().keys().issue_token(draft(&seen));
        (link, seen)
    };
    bencher.with_inputs(prepare).bench_values(|(link, seen)| {
        let entry = entry(AuditEvent::LinkIssued);
        let added = app().store.add_login_link((&link, true), &seen, None, &entry);
        assert_eq!(wait(added).unwrap(), Outcome::Applied);
    });
}

#[divan::bench(sample_size = 1)]
fn store_claim_login_link(bencher: Bencher<'_, '_>) {
    bencher.with_inputs(claim).bench_values(|(link, session)| {
        let entries = [entry(AuditEvent::LinkRedeemed)];
        let redemption = Redemption { link: &link, by_code: false, client_id: None };
        let claimed = app().store.claim_login_link(&redemption, &session, None, &entries);
        assert_eq!(wait(claimed).unwrap(), Outcome::Applied);
    });
}

#[divan::bench]
fn answer_json(bencher: Bencher<'_, '_>) {
    bencher.bench(|| wait(stage().ask_for_link(3)).unwrap());
}

#[divan::bench]
fn answer_page(bencher: Bencher<'_, '_>) {
    let token = wait(stage().ask_for_link(4)).unwrap();
    bencher.bench(|| wait(stage().open(&token)).unwrap());
}

#[divan::bench]
fn answer_verify(bencher: Bencher<'_, '_>) {
    let cookie = wait(async { stage().redeem(&stage().ask_for_link(5).await?).await }).unwrap();
    bencher.bench(|| wait(stage().verify(&cookie)).unwrap());
}
