//! A thousand links live their lives on three nodes, beside a ledger of the test's own: every figure equals it.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use doorkey::domain::timestamp::Timestamp;
use doorkey::domain::user::UserId;
use doorkey::flow::operations::maintenance::flush_counters;
use doorkey::flow::stories;
use serde_json::{Value, json};

use crate::support::app::{TestApp, UNLIMITED, button};
use crate::support::consistency::MISCOUNTED_LINKS;
use crate::support::visitors::{Person, browsed, path_of, scanned};

/// Links of the scenario.
const LIVES: usize = 1_000;

/// How many lives it takes until they wait for as long again.
const ROUND: usize = 240;

const HOUR: i64 = 3_600_000;

/// The ages of first tries, in seconds.
const AGES: [i64; 11] = [60, 300, 900, 1_800, 3_600, 7_200, 14_400, 28_800, 86_400, 259_200, 604_800];

/// What the test itself has seen of an hour.
#[derive(Clone, Default)]
struct Hour {
    issued: i64,
    opened: i64,
    opened_by_machines: i64,
    signed_in: i64,
    too_late: i64,
    pressed_again: i64,
    handed_out_again: i64,
    ages: [i64; 12],
    refused: BTreeMap<String, i64>,
}

/// The books, by the hour.
#[derive(Default)]
struct Ledger(BTreeMap<i64, Hour>);

impl Ledger {
    fn at(&mut self, at: Timestamp) -> &mut Hour {
        self.0.entry(at.start_of_hour().millis()).or_default()
    }

    fn refuse(&mut self, reason: &str, at: Timestamp) {
        *self.at(at).refused.entry(reason.to_owned()).or_default() += 1;
    }

    /// What the API says of the hours from `from` on that begin before `to`.
    fn figures(&self, from: i64, to: i64) -> Value {
        let mut sum = Hour::default();
        for (_, hour) in self.0.range(from..to) {
            sum.issued += hour.issued;
            sum.opened += hour.opened;
            sum.opened_by_machines += hour.opened_by_machines;
            sum.signed_in += hour.signed_in;
            sum.too_late += hour.too_late;
            sum.pressed_again += hour.pressed_again;
            sum.handed_out_again += hour.handed_out_again;
            for (reason, times) in &hour.refused {
                *sum.refused.entry(reason.clone()).or_default() += times;
            }
        }
        json!({
            "issued": sum.issued, "opened": sum.opened, "opened_by_machines": sum.opened_by_machines,
            "never_opened": sum.issued - sum.opened - sum.opened_by_machines, "signed_in": sum.signed_in,
            "too_late": sum.too_late, "pressed_again": sum.pressed_again, "handed_out_again": sum.handed_out_again,
            "refused": sum.refused,
        })
    }

    fn ages(&self, from: i64, to: i64) -> Value {
        let ends = AGES.iter().map(|age| json!(age)).chain([Value::Null]);
        let links = |place: usize| self.0.range(from..to).map(|(_, hour)| hour.ages[place]).sum::<i64>();
        ends.enumerate().map(|(place, end)| json!({ "up_to": end, "links": links(place) })).collect()
    }
}

/// A link, when it was made, and where it is visited.
struct Life<'a> {
    nodes: &'a [TestApp; 3],
    number: usize,
    user: UserId,
    link: String,
    made_at: Timestamp,
    is_tried: bool,
}

impl Life<'_> {
    fn node(&self, step: usize) -> &TestApp {
        &self.nodes[(self.number + step) % 3]
    }

    fn now(&self) -> Timestamp {
        self.nodes[0].app.clock.now()
    }

    fn peer(&self) -> String {
        format!("10.{}.{}.9", 20 + self.number / 250, self.number % 250)
    }

    /// A first try, at this moment.
    fn tried(&mut self, ledger: &mut Ledger, is_late: bool) {
        if self.is_tried {
            return;
        }
        self.is_tried = true;
        let age = (self.now().millis() - self.made_at.millis() + 999) / 1_000;
        let hour = ledger.at(self.made_at);
        hour.ages[AGES.iter().position(|end| age <= *end).unwrap_or(11)] += 1;
        hour.too_late += i64::from(is_late);
    }

    /// Scanners look into it: one in each of these ways.
    async fn scan(&self) {
        let path = path_of(&self.link);
        let request = match self.number % 4 {
            0 => scanned("GET", &path),
            1 => browsed("HEAD", &path),
            2 => browsed("GET", &path).header("sec-purpose", "prefetch"),
            _ => scanned("GET", &path).header("accept-language", "en"),
        };
        self.node(1).send_from("198.51.100.5", request).await;
    }

    /// Comes in time, or not at all.
    async fn live(&mut self, ledger: &mut Ledger) {
        let clock = |seconds: i64| self.nodes[0].advance(seconds);
        let mut person = Person::at(&self.peer());
        let ages = [30, 200, 600, 1_500, 3_000, 7_000];
        match self.number % 12 {
            0 => {}
            1 => {
                self.scan().await;
                ledger.at(self.made_at).opened_by_machines += 1;
            }
            2 => {
                self.scan().await;
                person.open(self.node(0), &self.link).await;
                ledger.at(self.made_at).opened += 1;
            }
            3 | 4 => {
                self.scan().await;
                clock(ages[(self.number / 12) % 6]);
                let page = person.open(self.node(0), &self.link).await;
                assert_eq!(person.press(self.node(1), &page).await.status, StatusCode::SEE_OTHER);
                // A double click is one press.
                assert_eq!(person.press(self.node(2), &page).await.status, StatusCode::SEE_OTHER);
                self.tried(ledger, false);
                let hour = ledger.at(self.made_at);
                (hour.opened, hour.signed_in) = (hour.opened + 1, hour.signed_in + 1);
                if self.number % 12 == 4 {
                    for _ in 0..2 {
                        clock(150);
                        assert_eq!(person.press(self.node(0), &page).await.status, StatusCode::GONE);
                        ledger.refuse("used", self.now());
                    }
                    ledger.at(self.made_at).pressed_again += 1;
                }
            }
            7 => {
                for step in 0..3 {
                    clock(40);
                    self.node(step).ask_for_link(self.user).await;
                    let now = self.now();
                    ledger.at(now).handed_out_again += 1;
                }
            }
            8 => {
                let page = person.open(self.node(0), &self.link).await;
                ledger.at(self.made_at).opened += 1;
                let foreign = button(&page).without("sec-fetch-site").header("sec-fetch-site", "cross-site");
                assert_eq!(person.send(self.node(1), foreign).await.status, StatusCode::FORBIDDEN);
                ledger.refuse("foreign_origin", self.now());
                assert_eq!(self.node(2).send(button(&page)).await.status, StatusCode::FORBIDDEN);
                ledger.refuse("anti_forgery", self.now());
            }
            _ => self.live_badly(ledger).await,
        }
    }

    /// Comes too late, or is refused.
    async fn live_badly(&mut self, ledger: &mut Ledger) {
        let clock = |seconds: i64| self.nodes[0].advance(seconds);
        let mut person = Person::at(&self.peer());
        match self.number % 12 {
            5 => {
                clock(7_200 + 60 * i64::try_from(self.number % ROUND).unwrap());
                assert_eq!(person.open(self.node(0), &self.link).await.status, StatusCode::GONE);
                self.tried(ledger, true);
                ledger.at(self.made_at).opened += 1;
            }
            6 => {
                let page = person.open(self.node(0), &self.link).await;
                clock(7_200 + 400 * i64::try_from(self.number % ROUND).unwrap());
                // A machine that looks into a dead link tries nothing.
                self.scan().await;
                clock(20);
                assert_eq!(person.press(self.node(1), &page).await.status, StatusCode::GONE);
                ledger.refuse("expired", self.now());
                self.tried(ledger, true);
                ledger.at(self.made_at).opened += 1;
            }
            9 => {
                let page = person.open(self.node(0), &self.link).await;
                clock(500);
                self.node(1).call("DELETE", &format!("/api/login_links/{}", self.user.number())).await;
                assert_eq!(person.press(self.node(2), &page).await.status, StatusCode::GONE);
                ledger.refuse("killed", self.now());
                self.tried(ledger, false);
                ledger.at(self.made_at).opened += 1;
            }
            10 => {
                self.node(0).change(self.user, "two_factor_enabled", "true").await;
                let path = format!("/api/login_links/{}", self.user.number());
                assert_eq!(self.node(1).call("GET", &path).await.status, StatusCode::FORBIDDEN);
                ledger.refuse("two_factor_enabled", self.now());
                assert_eq!(
                    self.node(2).call("GET", "/api/login_links/999999").await.status,
                    StatusCode::NOT_FOUND
                );
                ledger.refuse("user_not_found", self.now());
            }
            _ => {
                // The person comes after its end, and then presses what was opened in time: the opening was first.
                let page = person.open(self.node(0), &self.link).await;
                clock(7_300);
                assert_eq!(person.open(self.node(1), &self.link).await.status, StatusCode::GONE);
                self.tried(ledger, true);
                clock(2);
                assert_eq!(person.press(self.node(2), &page).await.status, StatusCode::GONE);
                ledger.refuse("expired", self.now());
                ledger.at(self.made_at).opened += 1;
            }
        }
    }
}

async fn settle(nodes: &[TestApp; 3]) {
    for node in nodes {
        node.write_notes().await;
        flush_counters(&node.app).await.unwrap();
    }
    // Each node knows who has fetched the style sheet from it.
    for node in nodes {
        stories::settle::settle(&node.app).await.unwrap();
    }
    nodes[0].advance(13);
    let [one, two, three] = nodes.each_ref().map(|node| stories::settle::settle(&node.app));
    let (one, two, three) = tokio::join!(one, two, three);
    one.and(two).and(three).unwrap();
}

#[tokio::test]
async fn every_figure_equals_a_ledger_of_a_thousand_lives_on_three_nodes() {
    let first = TestApp::start().await.limited_to(&UNLIMITED);
    let nodes =
        [first.beside().await.limited_to(&UNLIMITED), first.beside().await.limited_to(&UNLIMITED), first];
    let (mut ledger, begun) = (Ledger::default(), nodes[0].app.clock.now());
    for number in 0..LIVES {
        let user = nodes[0].client(&format!("c{number}@example.org")).await;
        let link = nodes[number % 3].ask_for_link(user).await;
        let made_at = nodes[0].app.clock.now();
        ledger.at(made_at).issued += 1;
        let mut life = Life { nodes: &nodes, number, user, link, made_at, is_tried: false };
        life.live(&mut ledger).await;
        settle(&nodes).await;
    }

    let to = nodes[0].app.clock.now().start_of_hour().millis() + HOUR;
    let from = begun.start_of_hour().millis();
    let at = |millis: i64| Timestamp::from_millis(millis).to_string();
    for is_merged in [false, true] {
        if is_merged {
            nodes[0].advance(3 * 3_600);
            // A hundred hours go in one go.
            for _ in 0..20 {
                stories::stats::merge(&nodes[1].app).await.unwrap();
            }
            let old = to - HOUR;
            let slots = format!("SELECT count(*) FROM link_stats WHERE slot > 0 AND hour < {old}");
            assert_eq!(nodes[0].number(&slots), 0);
        }
        // No more hours are told of at once than those of 31 days.
        let lately = from.max(to - 31 * 24 * HOUR);
        let asked = [(0, "hour", HOUR, lately), (1, "day", 24 * HOUR, from), (2, "day", 24 * HOUR, from)];
        for (node, by, size, from) in asked {
            let kind = if node == 2 { "all" } else { "api" };
            let stats =
                nodes[node].link_stats(&format!("from={}&to={}&by={by}&kind={kind}", at(from), at(to))).await;
            assert_eq!(stats["totals"], ledger.figures(from, to), "{by}");
            assert_eq!(stats["ages"], ledger.ages(from, to));
            let first = from - from % size;
            for (place, bucket) in stats["buckets"].as_array().unwrap().iter().enumerate() {
                let begun = first + i64::try_from(place).unwrap() * size;
                let mut figures = ledger.figures(begun, begun + size);
                figures["at"] = json!(at(begun));
                assert_eq!(*bucket, figures, "{by} {place}");
            }
        }
    }
    assert_eq!(nodes[0].database.rows(MISCOUNTED_LINKS), [[""; 0]; 0]);
    let none = nodes[0].link_stats(&format!("from={}&to={}&kind=again", at(from), at(to))).await;
    assert_eq!(none["totals"]["issued"], 0);
}

#[tokio::test]
async fn links_that_people_ask_for_have_figures_of_their_own_and_codes_sign_in_without_a_press() {
    use crate::mail::asking::{ask, fill};

    let test = TestApp::start().await.limited_to(&UNLIMITED).mailing(0);
    test.client("ada@example.org").await;
    let mut browser = test.browser();
    ask(&mut browser, "ada@example.org").await;
    let mails = test.new_mails(0).await;
    let code = mails[0].code().unwrap();
    let page = browser.get("/login/code").await;
    let typed = browser.send(fill(&page, "/login/code", &[("code", &code)])).await;
    assert_eq!(typed.status, StatusCode::SEE_OTHER, "{}", typed.body);
    test.advance(60);
    // A fresh one by the dead one, which is pressed for that.
    let mut other = test.browser();
    let dead = other.open(&mails[0].path()).await;
    assert_eq!(dead.status, StatusCode::GONE);
    assert_eq!(other.send(fill(&dead, "/login/again", &[])).await.status, StatusCode::SEE_OTHER);
    test.settle_openings().await;
    test.deliver().await;

    let story = test.story_of(&mails[0].link()).await;
    let told = crate::support::visitors::told(&story);
    assert_eq!(told[..3], ["issued", "mailed", "signed_in code"], "{story}");
    assert_eq!(story["kind"], "self_service");
    assert!(told.contains(&"pressed".to_owned()), "{story}");
    let own = test.link_stats("kind=self_service").await;
    let totals = &own["totals"];
    assert_eq!(
        [
            &totals["issued"],
            &totals["signed_in"],
            &totals["opened"],
            &totals["pressed_again"],
            &totals["too_late"]
        ],
        [&json!(1), &json!(1), &json!(1), &json!(1), &json!(0)],
        "{own}"
    );
    for (kind, issued) in [("again", 1), ("api", 0), ("all", 2)] {
        assert_eq!(test.link_stats(&format!("kind={kind}")).await["totals"]["issued"], issued, "{kind}");
    }
}
