//! A pgbouncer in front of a PostgreSQL.

use std::net::TcpStream;
use std::process::Stdio;
use std::time::Duration;

use tempfile::TempDir;

use super::cluster::{Cluster, as_postgres, give_to_postgres};
use super::ports::free_port;
use super::process::Process;
use super::wait::until;

pub struct Pooler {
    _process: Process,
    _folder: TempDir,
    port: u16,
}

impl Pooler {
    pub fn start(cluster: &Cluster, mode: &str) -> Self {
        Self::start_with(cluster, mode, 20)
    }

    /// With so many connections to the server at most.
    pub fn start_with(cluster: &Cluster, mode: &str, most: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let (port, file) = (free_port(), folder.path().join("pgbouncer.ini"));
        let text = format!(
            "[databases]\npostgres = host=127.0.0.1 port={} user=doorkey\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = any\npool_mode = {mode}\ndefault_pool_size = {most}\n",
            cluster.port
        );
        std::fs::write(&file, text).unwrap();
        give_to_postgres(folder.path());
        let mut pgbouncer = as_postgres("/usr/sbin/pgbouncer".as_ref());
        pgbouncer.arg(file).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        let pooler = Self { _process: Process(pgbouncer.spawn().unwrap()), _folder: folder, port };
        let listens = || TcpStream::connect(("127.0.0.1", port)).is_ok();
        until(Duration::from_secs(15), listens, || "pgbouncer does not listen".to_owned());
        pooler
    }

    pub fn url(&self) -> String {
        format!("postgres://doorkey@127.0.0.1:{}/postgres?sslmode=disable", self.port)
    }
}
