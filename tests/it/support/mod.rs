//! What the tests share: clients, servers, databases and proxies, and what is asked of them.

pub mod acknowledged_ops;
pub mod app;
pub mod at_once;
pub mod browser;
pub mod cli_runner;
pub mod client_load;
pub mod cluster;
pub mod consistency;
pub mod console;
pub mod curl_client;
pub mod database;
pub mod figures;
pub mod http_client;
pub mod keepalive_proxy;
pub mod neighbour;
pub mod pooler;
pub mod process;
pub mod reverse_proxy;
pub mod row_editor;
pub mod server;
pub mod server_fixture;
pub mod strace;
pub mod third_party_site;
pub mod upstream_app;
pub mod wait;
pub mod wall_clock;
