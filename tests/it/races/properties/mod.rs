//! What holds in whatever order things happen, tried on orders that nobody thought of.

mod model;
mod rule;
mod world;

use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::Config;

use self::world::World;
use crate::support::app::TestApp;
use crate::support::database::Engine;

/// What somebody does, or what the clock does.
#[derive(Clone, Debug)]
enum Step {
    AskForLink {
        person: Index,
        min_ttl: i64,
    },
    /// Opens a link, and keeps the page if there is a button on it.
    Open {
        browser: Index,
        link: Index,
    },
    /// Presses the button of a page that was opened at some time.
    Press {
        browser: Index,
        page: Index,
    },
    /// Asks for a link, opens it and presses the button at once.
    SignIn {
        person: Index,
        browser: Index,
    },
    Look {
        browser: Index,
    },
    SignOut {
        browser: Index,
    },
    Change {
        person: Index,
        change: Change,
    },
    Clock {
        seconds: i64,
    },
}

/// What is done to somebody.
#[derive(Clone, Copy, Debug)]
enum Change {
    TwoFactor(bool),
    Staff(bool),
    Disabled(bool),
    NewAddress,
    Revoke,
    Delete,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        2 => any::<bool>().prop_map(Change::TwoFactor),
        2 => any::<bool>().prop_map(Change::Staff),
        2 => any::<bool>().prop_map(Change::Disabled),
        1 => Just(Change::NewAddress),
        1 => Just(Change::Revoke),
        1 => Just(Change::Delete),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let index = any::<Index>;
    let min_ttl = prop_oneof![3 => Just(0), 1 => prop::sample::select(vec![1, 3_599, 3_600, 7_199, 7_200])];
    let seconds =
        vec![1, 30, 119, 120, 3_600, 7_199, 7_200, 10_800, 28_800, -1, -30, -61, -3_600, -7_200, -10_800];
    prop_oneof![
        6 => (index(), min_ttl).prop_map(|(person, min_ttl)| Step::AskForLink { person, min_ttl }),
        5 => (index(), index()).prop_map(|(browser, link)| Step::Open { browser, link }),
        6 => (index(), index()).prop_map(|(browser, page)| Step::Press { browser, page }),
        3 => (index(), index()).prop_map(|(person, browser)| Step::SignIn { person, browser }),
        3 => index().prop_map(|browser| Step::Look { browser }),
        1 => index().prop_map(|browser| Step::SignOut { browser }),
        9 => (index(), change()).prop_map(|(person, change)| Step::Change { person, change }),
        4 => prop::sample::select(seconds).prop_map(|seconds| Step::Clock { seconds }),
    ]
}

/// Some seconds of cases, or some minutes where `./test --long` asks for them.
fn cases(short: u32, long: u32) -> Config {
    let is_long = std::env::var_os("DOORKEY_TEST_FAULTS").is_some_and(|form| form == "long");
    let cases = if is_long { long } else { short };
    // The store beneath is asked by a program of its own there, which takes its time.
    let cases = if crate::ENGINE == Engine::Postgres { cases / 32 } else { cases };
    // What fails is told step by step, and becomes a test of its own name.
    Config { cases, max_shrink_iters: 300, failure_persistence: None, ..Config::default() }
}

#[test]
fn links_and_sessions_do_as_promised_in_whatever_order_things_happen() {
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let steps = prop::collection::vec(step(), 1..60);
    proptest!(cases(128, 2_000), |(is_single_use: bool, steps in steps)| {
        runtime.block_on(play(is_single_use, &steps));
    });
}

async fn play(is_single_use: bool, steps: &[Step]) {
    let mut test = TestApp::start().await;
    for setting in ["session_lifetime", "session_idle"] {
        test.set(setting, &model::SESSION_LIFETIME.to_string()).await;
    }
    test.set("single_use", &is_single_use.to_string()).await;
    let mut world = World::begin(&test, is_single_use).await;
    for step in steps {
        world.take(step).await;
    }
    world.settle().await;
}
