//! What a trial found.

use serde_json::Value;

/// One step of a trial.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TrialStep {
    /// What it is called.
    pub name: &'static str,
    /// What came of it, as a sentence; no secret is in it.
    pub outcome: Result<String, String>,
}

/// What a trial found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct TrialReport {
    /// The steps up to the first that failed.
    pub steps: Vec<TrialStep>,
    /// What the app learns of the person, as far as it came.
    pub claims: Option<Value>,
}

impl TrialReport {
    /// Whether every step went well.
    pub fn is_ok(&self) -> bool {
        self.steps.iter().all(|step| step.outcome.is_ok())
    }
}
