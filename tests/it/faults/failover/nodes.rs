//! Several `doorkey serve` on one database, whose URL names several servers.

use crate::support::cluster::Cluster;
use crate::support::server::Server;

pub struct Nodes {
    running: Vec<Server>,
}

impl Nodes {
    /// A workspace, its API key, and so many nodes that know both servers.
    pub fn start(count: usize, servers: [&Cluster; 2]) -> Self {
        let [first, second] = servers.map(Cluster::address);
        let url = format!("postgres://doorkey@{first},{second}/postgres?sslmode=disable");
        let mut running = vec![Server::prepare_at(url)];
        running.extend((1..count).map(|_| running[0].beside()).collect::<Vec<_>>());
        for node in &mut running {
            node.serve_with(&[]);
        }
        Self { running }
    }

    /// One more, on another database, until it is dropped with the others. It need not be ready.
    pub fn add_on(&mut self, url: String) -> u16 {
        let mut node = self.running[0].beside_at(url);
        node.serve_unready_with(&[]);
        let port = node.port;
        self.running.push(node);
        port
    }

    pub fn key(&self) -> &str {
        &self.running[0].key
    }

    pub fn ports(&self) -> Vec<u16> {
        self.running.iter().map(|node| node.port).collect()
    }

    /// Whether each is still the process that was started.
    pub fn are_the_same(&mut self) -> bool {
        self.running.iter_mut().all(Server::runs)
    }
}
