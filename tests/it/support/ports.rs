//! Ports for servers that tests start.

use std::net::{Ipv4Addr, TcpListener};
use std::sync::Mutex;

/// A port that no other test draws while this process lives, even where a server of its own has left it for a moment: every test
/// is a process of its own, and outgoing connections use other ports.
pub fn free_port() -> u16 {
    static BLOCKS: Mutex<Vec<PortBlock>> = Mutex::new(Vec::new());
    let mut blocks = BLOCKS.lock().unwrap();
    loop {
        if let Some(port) = blocks.last_mut().and_then(PortBlock::draw) {
            return port;
        }
        blocks.push(PortBlock::claim());
    }
}

/// Ports that stand together. Who listens at the last of them may use the others.
struct PortBlock {
    first: u16,
    drawn: u16,
    _claim: TcpListener,
}

impl PortBlock {
    const PORTS: u16 = 16;
    const BLOCKS: u16 = 750;

    fn claim() -> Self {
        let own = u16::try_from(std::process::id() % u32::from(Self::BLOCKS)).unwrap();
        let mut firsts = (own..own + Self::BLOCKS).map(|block| 20_000 + block % Self::BLOCKS * Self::PORTS);
        let claimed = firsts.find_map(|first| {
            let claim = TcpListener::bind((Ipv4Addr::LOCALHOST, first + Self::PORTS - 1)).ok()?;
            Some(Self { first, drawn: 0, _claim: claim })
        });
        claimed.expect("every block of ports is taken")
    }

    fn draw(&mut self) -> Option<u16> {
        while self.drawn < Self::PORTS - 1 {
            let port = self.first + self.drawn;
            self.drawn += 1;
            if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
                return Some(port);
            }
        }
        None
    }
}
