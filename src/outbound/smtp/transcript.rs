//! What was said to a mail server and by it, written down for whoever asks why no mail goes out.

use std::sync::{Arc, Mutex, PoisonError};

/// One step of a conversation.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Step {
    /// What it was about: `name`, `connection`, `greeting`, `EHLO`, `certificate`, …
    pub step: &'static str,
    /// What was sent, without secrets.
    pub sent: Option<String>,
    /// What came of it, or what was found out.
    pub received: String,
}

/// A transcript that is written, or not at all where nobody asked for it.
#[derive(Clone, Default)]
pub(super) struct Transcript(Option<Arc<Mutex<Vec<Step>>>>);

impl Transcript {
    /// One that is written.
    pub(super) fn written() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether anybody reads it.
    pub(super) fn is_written(&self) -> bool {
        self.0.is_some()
    }

    /// Adds a step. `received` is asked for only if somebody reads it.
    pub(super) fn note(&self, step: &'static str, sent: Option<&str>, received: impl FnOnce() -> String) {
        if let Some(steps) = &self.0 {
            let step = Step { step, sent: sent.map(str::to_owned), received: received() };
            steps.lock().unwrap_or_else(PoisonError::into_inner).push(step);
        }
    }

    /// All steps until now.
    pub(super) fn steps(&self) -> Vec<Step> {
        let steps = self.0.as_ref().map(|steps| steps.lock().unwrap_or_else(PoisonError::into_inner).clone());
        steps.unwrap_or_default()
    }
}
