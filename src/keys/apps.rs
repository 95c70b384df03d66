//! Apps and their secrets: hashes, and the seals of their rows.

use super::{InvalidSeal, Keyring, SecretKey, is_same, mac};
use crate::domain::mac_input::MacInput;
use crate::domain::oidc::app::OidcApp;
use crate::domain::oidc::app_secret::{AppSecret, ClientSecret};

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

    /// A client secret to be kept: its hash, key and seal are set.
    pub fn seal_app_secret(&self, row: AppSecret, secret: &ClientSecret) -> AppSecret {
        let key = self.active();
        let row = AppSecret { hash: key.hash_of_client_secret(&row, secret), key: key.id, ..row };
        AppSecret { seal: mac(&key.seal, &row.canonical()), ..row }
    }

    /// A client secret with a fresh seal, once it is removed.
    ///
    /// # Errors
    /// `InvalidSeal` if the key of its seal is not in the key file.
    pub fn reseal_app_secret(&self, row: AppSecret) -> Result<AppSecret, InvalidSeal> {
        let seal = mac(&self.find(row.key)?.seal, &row.canonical());
        Ok(AppSecret { seal, ..row })
    }

    /// Whether a row is that of this secret, and as this server wrote it.
    pub fn verify_app_secret(&self, row: &AppSecret, secret: &ClientSecret) -> bool {
        self.is_genuine_app_secret(row)
            && self.find(row.key).is_ok_and(|key| is_same(&key.hash_of_client_secret(row, secret), &row.hash))
    }

    /// Whether a row of a client secret is as this server wrote it.
    pub fn is_genuine_app_secret(&self, row: &AppSecret) -> bool {
        self.find(row.key).is_ok_and(|key| is_same(&mac(&key.seal, &row.canonical()), &row.seal))
    }
}

impl SecretKey {
    fn hash_of_client_secret(&self, row: &AppSecret, secret: &ClientSecret) -> [u8; 32] {
        let message = MacInput::of("client secret").number(row.workspace.0);
        self.lookup(&message.bytes(row.client_id.as_bytes()).bytes(secret.reveal().as_bytes()))
    }
}
