//! What `bench/run` wants done: which requests, how many at once, for how long.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::order;

/// A whole run.
#[derive(Deserialize)]
pub struct Plan {
    /// Where the servers listen, among which the connections are shared out.
    pub addresses: Vec<SocketAddr>,
    /// How many connections there are; each has one request under way at most.
    pub connections: usize,
    /// After how long no new operation begins.
    pub seconds: f64,
    /// Operations to begin each second, whether those before have ended or not; without it, as many as go.
    pub rate: Option<f64>,
    /// What is done, in turn, each as often as its weight says.
    pub actions: Vec<Action>,
}

/// One kind of operation. In its texts `{}` stands for the value of the turn.
#[derive(Deserialize)]
pub struct Action {
    /// How often it is done, of all actions' weights.
    #[serde(default = "one")]
    pub weight: usize,
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// The statuses that are no error.
    pub expect: Statuses,
    /// What the operation goes on with.
    #[serde(default)]
    pub then: Then,
    /// Further requests, each with something of the answer before it.
    #[serde(default)]
    pub steps: Vec<Step>,
    /// Its values.
    pub values: Values,
    /// A file that gets a line for each operation: the body, or the session cookie where a link was redeemed, or all answers as a list in
    /// JSON where there are steps.
    pub save: Option<PathBuf>,
}

/// A further request of an operation. In its texts `{}` stands for the value of the turn, and `{1}` for what it takes of the answer before
/// it.
#[derive(Deserialize)]
pub struct Step {
    /// The method.
    #[serde(default = "get")]
    pub method: String,
    /// The path and the query.
    pub path: String,
    /// Header lines.
    pub headers: Vec<String>,
    /// The body.
    #[serde(default)]
    pub body: String,
    /// The statuses that are no error.
    pub expect: Statuses,
    /// It takes what comes after this text.
    pub after: String,
}

/// One status, or several.
#[derive(Deserialize)]
#[serde(untagged)]
pub enum Statuses {
    /// One.
    One(u16),
    /// Several.
    Several(Vec<u16>),
}

impl Statuses {
    /// All of them.
    pub fn as_slice(&self) -> &[u16] {
        match self {
            Self::One(status) => std::slice::from_ref(status),
            Self::Several(statuses) => statuses,
        }
    }
}

/// What an operation goes on with after its first request.
#[derive(Deserialize, Default, Clone, Copy, PartialEq, Eq)]
#[serde(rename_all = "snake_case")]
pub enum Then {
    /// Nothing.
    #[default]
    Nothing,
    /// It presses the button of doorkey's page: the second request sends the form with the page's cookie.
    Confirm,
}

/// The values of an action: lines of a file, or else numbers.
#[derive(Deserialize)]
pub struct Values {
    /// The file.
    lines: Option<PathBuf>,
    /// The first number.
    #[serde(default)]
    from: usize,
    /// From each to the next.
    #[serde(default = "one")]
    step: usize,
    /// How many there are.
    #[serde(default)]
    count: usize,
    /// Whether they begin anew at the end, in another order; else the run ends there.
    is_endless: bool,
    /// What their order is made from.
    #[serde(default)]
    seed: u64,
    #[serde(skip)]
    loaded: Vec<String>,
    #[serde(skip)]
    next: AtomicUsize,
}

impl Plan {
    /// Reads a plan and the files it names.
    pub fn read(path: &str) -> Result<Self> {
        let text = fs::read_to_string(path).with_context(|| format!("{path} cannot be read"))?;
        let mut plan: Self = serde_json::from_str(&text)?;
        for action in &mut plan.actions {
            let values = &mut action.values;
            if let Some(file) = &values.lines {
                values.loaded = fs::read_to_string(file)?.lines().map(str::to_owned).collect();
                values.count = values.loaded.len();
            }
            ensure!(values.count > 0, "an action of {path} has no values");
        }
        Ok(plan)
    }

    /// The action whose turn it is: they are spread evenly, the same in every run.
    pub fn action(&self, turn: usize) -> &Action {
        let total: usize = self.actions.iter().map(|action| action.weight).sum();
        // A step that shares no factor with 100 visits every place among 100 before any again.
        let mut place = turn.wrapping_mul(61) % total;
        for action in &self.actions {
            match place.checked_sub(action.weight) {
                Some(rest) => place = rest,
                None => return action,
            }
        }
        &self.actions[0]
    }
}

impl Values {
    /// The next value, in no order; `None` if all were given out.
    pub fn next(&self) -> Option<String> {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        if !self.is_endless && turn >= self.count {
            return None;
        }
        let place = order::place(self.seed, turn, self.count);
        match self.loaded.get(place) {
            Some(line) => Some(line.clone()),
            None => Some((self.from + place * self.step).to_string()),
        }
    }
}

const fn one() -> usize {
    1
}

fn get() -> String {
    "GET".to_owned()
}
