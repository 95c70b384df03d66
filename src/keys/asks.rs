//! What is derived for an ask: its code, its cookie, its seal; and what addresses and networks are counted by.

use super::{InvalidSeal, Keyring, SecretKey, is_same, mac};
use crate::domain::ask::{Ask, AskCookie, LoginCode};
use crate::domain::client_network::ClientNetwork;
use crate::domain::mac_input::MacInput;
use crate::domain::workspace::WorkspaceId;

impl Keyring {
    /// A new ask, its key and seal set, and the cookie of the browser that asks.
    pub fn begin_ask(&self, ask: Ask) -> (Ask, AskCookie) {
        let key = self.active();
        let ask = Ask { key: key.id, ..ask };
        let cookie = key.ask_cookie(&ask);
        (Ask { seal: mac(&key.seal, &ask.canonical()), ..ask }, cookie)
    }

    /// An ask with a fresh seal, by its own key.
    ///
    /// # Errors
    /// `InvalidSeal` if that key is not in the key file.
    pub fn seal_ask(&self, ask: Ask) -> Result<Ask, InvalidSeal> {
        let seal = mac(&self.find(ask.key)?.seal, &ask.canonical());
        Ok(Ask { seal, ..ask })
    }

    /// Whether an ask's row is as this server wrote it.
    pub fn is_genuine_ask(&self, ask: &Ask) -> bool {
        self.find(ask.key).is_ok_and(|key| is_same(&mac(&key.seal, &ask.canonical()), &ask.seal))
    }

    /// Whether a cookie is that of an ask, and the ask's row is as this server wrote it.
    pub fn verify_ask(&self, ask: &Ask, cookie: &AskCookie) -> bool {
        self.is_genuine_ask(ask) && self.find(ask.key).is_ok_and(|key| key.ask_cookie(ask).is_same_as(cookie))
    }

    /// The code of an ask, which is right only in the browser that asked.
    ///
    /// # Errors
    /// `InvalidSeal` if the row was edited by someone without the key.
    pub fn ask_code(&self, ask: &Ask) -> Result<LoginCode, InvalidSeal> {
        if !self.is_genuine_ask(ask) {
            return Err(InvalidSeal);
        }
        let message =
            MacInput::of("ask code").number(ask.workspace.0).bytes(ask.id.as_bytes()).bytes(&ask.seed);
        Ok(LoginCode::from_mac(&mac(&self.find(ask.key)?.session, &message)))
    }

    /// What asks for an address are counted by, whatever its case.
    pub fn address_hash(&self, workspace: WorkspaceId, typed: &str) -> [u8; 32] {
        let message = MacInput::of("asked address").number(workspace.0);
        self.active().lookup(&message.bytes(typed.to_lowercase().as_bytes()))
    }

    /// What a browser at an address is known by for some seconds, so that what it fetches belongs together.
    pub fn visitor_hash(
        &self,
        workspace: WorkspaceId,
        network: &ClientNetwork,
        user_agent: &[u8],
    ) -> [u8; 16] {
        let message = MacInput::of("visitor").number(workspace.0).bytes(&network.bytes());
        let hash = self.active().lookup(&message.bytes(user_agent));
        std::array::from_fn(|place| hash[place])
    }

    /// What asks from a network are counted by.
    pub fn network_hash(&self, workspace: WorkspaceId, network: &ClientNetwork) -> [u8; 32] {
        let message = MacInput::of("asking network").number(workspace.0);
        self.active().lookup(&message.bytes(&network.bytes()))
    }
}

impl SecretKey {
    fn ask_cookie(&self, ask: &Ask) -> AskCookie {
        let message =
            MacInput::of("ask cookie").number(ask.workspace.0).bytes(ask.id.as_bytes()).bytes(&ask.seed);
        AskCookie::from_mac(ask.id, &mac(&self.session, &message))
    }
}
