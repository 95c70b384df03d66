//! Apps: the seal of their rows.

use super::{Keyring, is_same, mac};
use crate::domain::oidc::app::OidcApp;

impl Keyring {
    /// An app to be kept: key and seal are set.
    pub fn seal_app(&self, app: OidcApp) -> OidcApp {
        let key = self.active();
        let app = OidcApp { key: key.id, ..app };
        OidcApp { seal: mac(&key.seal, &app.canonical()), ..app }
    }

    /// Whether an app's row is as this server wrote it.
    pub fn is_genuine_app(&self, app: &OidcApp) -> bool {
        self.find(app.key).is_ok_and(|key| is_same(&mac(&key.seal, &app.canonical()), &app.seal))
    }
}
