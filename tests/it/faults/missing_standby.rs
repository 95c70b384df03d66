//! Commits that wait for a standby which is gone, and never hear from it: what they wrote can be read, and a failover takes
//! it back. Whoever asks for the same again is told so only once it cannot be lost any more.

use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use reqwest::StatusCode;
use serde_json::{Value, json};

use crate::support::acknowledged_ops::Fate;
use crate::support::cluster::Cluster;
use crate::support::figures::{Figures, times};
use crate::support::http_client::{HttpClient, Page};
use crate::support::server::{Server, visitor};
use crate::support::wait::until_so;

/// How an administrator ends the wait of a commit.
#[derive(Clone, Copy)]
enum Blow {
    Terminated,
    RestartedFast,
}

/// What happens once everything was asked for again.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The standby comes back, all is asked for once more and answered, and only then it takes over.
    Back,
    /// It takes over, and has nothing of what was written without it.
    Promoted,
}

/// Everybody for whom something is asked.
struct ServerFixture {
    primary: Cluster,
    standby: Cluster,
    server: Server,
    /// Looks at a link that is to be confirmed.
    presser: HttpClient,
    page: Page,
    /// Signed in, and wants to be signed out.
    leaver: HttpClient,
    /// Signed in, to be signed out by the back office, with the number of the session.
    ended: HttpClient,
    session: String,
    /// Stays signed in through all of it.
    witness: HttpClient,
    killed: String,
    key: (i64, String),
}

/// The users, by what is asked for them.
const LINKED: i64 = 1;
const PRESSED: i64 = 2;
const KILLED: i64 = 3;
const LEAVING: i64 = 4;
const ENDED: i64 = 5;
const DELETED: i64 = 6;
const CHANGED: i64 = 7;
const WITNESS: i64 = 8;

/// What came of each, `None` for a command that failed.
#[derive(Debug)]
struct Answers {
    link: (StatusCode, Option<String>),
    press: StatusCode,
    kill: StatusCode,
    sign_out: StatusCode,
    end: StatusCode,
    delete: StatusCode,
    change: StatusCode,
    is_revoked: bool,
}

impl Answers {
    /// Whether nobody was told anything.
    fn are_none(&self) -> bool {
        let Self { link, press, kill, sign_out, end, delete, change, is_revoked } = self;
        let printed = [link.0, *press, *kill, *sign_out, *end, *delete, *change];
        printed.iter().all(|status| *status == StatusCode::SERVICE_UNAVAILABLE) && !is_revoked
    }
}

impl ServerFixture {
    async fn set() -> Self {
        let primary = Cluster::start();
        let mut standby = Cluster::plan();
        standby.follow(&primary);
        let hosts = format!("127.0.0.1:{},127.0.0.1:{}", primary.port, standby.port);
        let mut server = Server::prepare_at(format!("postgres://doorkey@{hosts}/postgres?sslmode=disable"));
        let made = server.run(&["key", "create", "--workspace", "Acme", "--name", "lost", "--json"]);
        let made: Value = serde_json::from_str(&made).unwrap();
        let key = (made["id"].as_i64().unwrap(), made["key"].as_str().unwrap().to_owned());
        server.serve_with(&[]);
        // An opening is settled in a commit of its own, which would wait as well and keep the press from its link.
        server.workspace_set("record_openings=false");
        for number in LINKED..=WITNESS {
            let body =
                json!({ "id": number, "email": format!("{number}@x.test"), "name_f": "A", "name_l": "B" });
            let added = visitor().post(server.url("/api/clients")).bearer_auth(&server.key).json(&body);
            assert_eq!(added.send().await.unwrap().status(), 201);
        }
        let [mut presser, mut leaver, mut ended, mut witness] = [(); 4].map(|()| HttpClient::arrives());
        let page = presser.open(&server.ask_for_link(PRESSED).await).await;
        for (person, user) in [(&mut leaver, LEAVING), (&mut ended, ENDED), (&mut witness, WITNESS)] {
            person.sign_in(&server, &server.ask_for_link(user).await).await;
        }
        let sessions: Value = server.call("GET", "/api/sessions").await.json().await.unwrap();
        let sessions = sessions["data"].as_array().unwrap();
        let session = sessions.iter().find(|session| session["user_id"] == ENDED).unwrap()["id"].clone();
        let session = session.as_str().unwrap().to_owned();
        let killed = server.ask_for_link(KILLED).await;
        Self { primary, standby, server, presser, page, leaver, ended, session, witness, killed, key }
    }

    /// Asks for everything at once.
    async fn ask(&mut self) -> Answers {
        let mut revoking = self.revoke();
        let Self { server, presser, page, leaver, session, .. } = self;
        let server = &*server;
        let call = async |method: &str, path: String| server.call(method, &path).await.status();
        let link = async {
            let response = server.call("GET", &format!("/api/login_links/{LINKED}")).await;
            let status = response.status();
            let body: Value = response.json().await.unwrap();
            (status, body["link"].as_str().map(str::to_owned))
        };
        let change = async {
            let changed = visitor().put(server.url(&format!("/api/clients/{CHANGED}")));
            changed.bearer_auth(&server.key).json(&json!({ "note": "new" })).send().await.unwrap().status()
        };
        let (link, press, kill, sign_out, end, delete, change) = tokio::join!(
            link,
            async { presser.press(server, page).await.status },
            call("DELETE", format!("/api/login_links/{KILLED}")),
            async { leaver.press_sign_out(server).await.status },
            call("DELETE", format!("/api/sessions/{session}")),
            call("DELETE", format!("/api/clients/{DELETED}")),
            change,
        );
        let is_revoked = revoking.wait().unwrap().success();
        Answers { link, press, kill, sign_out, end, delete, change, is_revoked }
    }

    fn revoke(&self) -> Child {
        let mut command = self.server.command();
        command.args(["key", "revoke", &self.key.0.to_string(), "--workspace", "Acme"]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
    }

    /// Ends the waits. What was written is there then, as if it had been acknowledged.
    fn strike(&mut self, blow: Blow) {
        match blow {
            Blow::Terminated => {
                let waiting = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE wait_event = 'SyncRep'";
                assert!(self.primary.number(waiting) >= 8, "too few were waiting");
            }
            Blow::RestartedFast => {
                self.primary.stop_fast();
                self.primary.start_again();
            }
        }
        let deadline = Instant::now() + Duration::from_secs(10);
        let links = format!("SELECT count(*) FROM login_links WHERE user_id = {LINKED}");
        let revoked =
            format!("SELECT count(*) FROM api_keys WHERE id = {} AND revoked_at IS NOT NULL", self.key.0);
        let used = "SELECT count(*) FROM login_links WHERE used_at IS NOT NULL";
        // Each wait ends by itself.
        loop {
            let seen = [&*links, &revoked, used].map(|count| self.primary.number(count));
            if seen[0] > 0 && seen[1..] == [1, 4] {
                break;
            }
            assert!(Instant::now() < deadline, "not all of it is seen: {seen:?}");
        }
    }

    /// The standby is the primary from here on.
    fn promote(&mut self) {
        self.primary.kill();
        if self.standby_is_away() {
            self.standby.start_again();
        }
        self.standby.promote();
    }

    fn standby_is_away(&self) -> bool {
        std::net::TcpStream::connect(("127.0.0.1", self.standby.port)).is_err()
    }

    /// Asks until everything is answered.
    async fn ask_until_answered(&mut self) -> Answers {
        let deadline = Instant::now() + Duration::from_mins(1);
        loop {
            let responses = self.ask().await;
            let Answers { link, press, kill, sign_out, end, delete, change, is_revoked } = &responses;
            let printed = [link.0, *press, *kill, *sign_out, *end, *delete, *change];
            if !printed.contains(&StatusCode::SERVICE_UNAVAILABLE) && *is_revoked {
                return responses;
            }
            assert!(Instant::now() < deadline, "it does not find its database again: {responses:?}");
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
    }

    /// What was answered, and is not so.
    async fn complaints(&mut self, responses: &Answers) -> Vec<String> {
        let mut complaints = Vec::new();
        let mut expect = |what: &str, is_so: bool| {
            if !is_so {
                complaints.push(format!("{what}: {responses:?}"));
            }
        };
        let server = &self.server;
        let link = server.ask_for_link(LINKED).await;
        expect("the link that was answered is not handed out", responses.link.1.as_ref() == Some(&link));
        expect("who pressed is not signed in", self.presser.is_signed_in(server).await);
        expect(
            "a killed link opens",
            HttpClient::arrives().open(&self.killed).await.status == StatusCode::GONE,
        );
        expect("who signed out is signed in", !self.leaver.is_signed_in(server).await);
        expect("who was signed out is signed in", !self.ended.is_signed_in(server).await);
        let gone = server.call("GET", &format!("/api/clients/{DELETED}")).await.status();
        expect("who was deleted is there", gone == StatusCode::NOT_FOUND);
        let changed = server.call("GET", &format!("/api/clients/{CHANGED}")).await;
        let changed: Value = changed.json().await.unwrap();
        expect("a change is gone", changed["note"] == "new");
        let called = visitor().get(server.url("/api/clients")).bearer_auth(&self.key.1).send().await.unwrap();
        expect("a revoked key lets in", called.status() == StatusCode::UNAUTHORIZED);
        expect("who was signed in is not", self.witness.is_signed_in(server).await);
        complaints
    }
}

async fn one_round(blow: Blow, end: End, figures: &mut Figures) {
    let mut scene = ServerFixture::set().await;
    scene.standby.kill();
    let unanswered = scene.ask().await;
    assert!(unanswered.are_none(), "answered without the standby: {unanswered:?}");
    scene.strike(blow);

    let again = scene.ask().await;
    if !again.are_none() {
        figures.lose(vec![format!("answered by what was read: {again:?}")]);
    }
    assert!(scene.witness.is_signed_in(&scene.server).await, "what only reads is answered all the while");
    if end == End::Back {
        scene.standby.start_again();
        scene.primary.wait_for_standby();
    } else {
        scene.promote();
    }
    let begun = Instant::now();
    let responses = scene.ask_until_answered().await;
    figures.came_back(begun.elapsed());
    if end == End::Back {
        scene.promote();
        let serves = async || scene.server.call("GET", "/api/login_links/8").await.status() == 200;
        until_so(Duration::from_secs(30), serves, || "it does not find the standby".to_owned()).await;
    }

    figures.lose(scene.complaints(&responses).await);
    figures.tries += 1;
    for fate in [Fate::Live, Fate::Used(String::new()), Fate::Killed, Fate::SignedOut(String::new())] {
        figures.acknowledge_one(&fate);
    }
    figures.revocations += 1;
}

/// The standby is away, a commit of each kind is left without an answer, and its wait is ended.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_no_standby_has_is_not_answered_when_it_is_asked_for_again() {
    for (name, fault, blow, ends) in [
        (
            "44-unanswered-terminated",
            "the standby is gone, commits wait for it and their backends are terminated; asked again; the standby comes back or takes over",
            Blow::Terminated,
            [End::Back, End::Promoted],
        ),
        (
            "45-unanswered-restarted",
            "the same with a primary that is restarted fast",
            Blow::RestartedFast,
            [End::Promoted, End::Back],
        ),
    ] {
        let mut figures = Figures::of(name, fault);
        for round in 0..times(1, 10) {
            one_round(blow, ends[round % 2], &mut figures).await;
        }
        figures.write();
    }
}
