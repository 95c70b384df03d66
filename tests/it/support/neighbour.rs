//! A workspace beside the one that a test is about, on the same server, and callers who do not wait for their answers.

use std::fs::read_to_string;
use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use reqwest::{Client, Response};
use serde_json::Value;

use super::server::{Server, regular};

/// Its host.
const HOST: &str = "elsewhere.localhost";

/// A workspace with one client, who has a link.
pub struct Neighbour {
    client: Client,
    url: String,
    port: u16,
    key: String,
    pub user: i64,
}

impl Neighbour {
    pub async fn move_in(server: &Server) -> Self {
        let url = format!("https://{HOST}:{}", server.port);
        server.run(&["workspace", "create", "Elsewhere", "--url", &url]);
        let key = server.run(&["key", "create", "--workspace", "Elsewhere", "--name", "tests", "--json"]);
        let add = ["user", "add", "--workspace", "Elsewhere", "--email", "eve@example.org"];
        let user = server.run(&[&add[..], &["--name-f", "Eve", "--name-l", "Else", "--json"]].concat());
        let [key, user] = [key, user].map(|text| serde_json::from_str::<Value>(&text).unwrap());
        let key = key["key"].as_str().unwrap().to_owned();
        let user = user["id"].as_i64().unwrap();
        let neighbour = Self { client: regular(), url: server.url(""), port: server.port, key, user };
        assert_eq!(neighbour.ask_for_link().await.status(), 200);
        neighbour
    }

    /// A call of its back office.
    pub async fn call(&self, path: &str) -> Response {
        let request = self.client.get(format!("{}{path}", self.url)).bearer_auth(&self.key);
        request.header("host", format!("{HOST}:{}", self.port)).send().await.unwrap()
    }

    pub async fn ask_for_link(&self) -> Response {
        self.call(&format!("/api/login_links/{}", self.user)).await
    }
}

/// Asks for something with the key of a server, and does not wait for the answer.
pub fn ask(server: &Server, path: &str) -> TcpStream {
    let mut stream = server.connect();
    let key = &server.key;
    let head = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {key}\r\n\r\n");
    stream.write_all(head.as_bytes()).unwrap();
    stream
}

/// Processor time that a server has used.
pub fn processor_time(server: &Server) -> Duration {
    let printed = read_to_string(format!("/proc/{}/stat", server.id())).unwrap();
    // Its name is in brackets; behind it come numbers.
    let fields: Vec<_> = printed.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks: u64 = fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap();
    Duration::from_millis(ticks * 10)
}

/// Kilobytes of a server that were resident at most.
pub fn peak_memory(server: &Server) -> usize {
    let status = read_to_string(format!("/proc/{}/status", server.id())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
