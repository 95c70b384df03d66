//! A node that dies between the commit of an exchange and its answer. On SQLite alone: to PostgreSQL a server speaks by the calls that its
//! answers take, too.

use crate::support::relying_party::RelyingParty;
use crate::support::server::Server;
use crate::support::strace::Strace;

/// Nobody got the tokens, and still the code is used: whoever has it now may have stolen it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_kill_between_the_commit_of_an_exchange_and_its_answer_leaves_the_code_used() {
    let mut server = Server::start();
    server.add_client("ada@example.org", "Ada", "Lovelace");
    let app = RelyingParty::added_to(&server);
    let code = app.code_at(&server).await;
    let used = "SELECT count(*) FROM app_codes WHERE used_at IS NOT NULL";

    // Nothing else is asked meanwhile: the first answer that goes out is this one's.
    let tracer = Strace::attach(&server, &["writev,sendto,sendmsg:signal=KILL:when=1".to_owned()]);
    assert!(app.exchange_at(&server, &code).send().await.is_err(), "the answer came");
    drop(tracer);
    server.wait_for_the_end();
    server.serve_with(&[]);

    assert_eq!(server.database.number(used), 1, "it died before the commit");
    app.expect_dead(&server, &code).await;
    assert_eq!(server.database.number("SELECT count(*) FROM app_codes WHERE token_revoked_at IS NULL"), 0);
}
