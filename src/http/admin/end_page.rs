//! The page before something that cannot be undone.

use askama::Template;

use super::frame::Frame;

/// What it does, and the button.
#[derive(Template)]
#[template(path = "admin/end.html")]
pub(super) struct EndPage {
    pub(super) frame: Frame,
    pub(super) title: &'static str,
    pub(super) words: &'static str,
    pub(super) button: &'static str,
    pub(super) action: String,
    pub(super) back: String,
    pub(super) name: String,
    pub(super) may: bool,
}
