//! An nginx that keeps its connections to doorkey, as `docs/scale-out.md` has it.

use std::fs;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpStream};
use std::time::Duration;

use tempfile::TempDir;

use super::ports::free_port;
use super::process::Process;
use super::reverse_proxy::nginx;
use super::server::Server;
use super::wait::until;

const NGINX: &str = "daemon off; master_process off; pid FOLDER/nginx.pid; error_log FOLDER/nginx-error.log;
events {}
http {
    access_log off;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
    upstream doorkey { server 127.0.0.1:DOORKEY; keepalive 200; }
    server {
        listen 127.0.0.1:PORT;
        location / {
            proxy_pass http://doorkey;
            proxy_http_version 1.1;
            proxy_set_header Connection \"\";
            proxy_set_header Host localhost;
        }
    }
}
";

pub struct KeepaliveProxy {
    port: u16,
    _process: Process,
    folder: TempDir,
}

impl KeepaliveProxy {
    pub fn before(server: &Server) -> Self {
        let (folder, port) = (tempfile::tempdir().unwrap(), free_port());
        let text = NGINX.replace("FOLDER", folder.path().to_str().unwrap());
        let text = text.replace("DOORKEY", &server.port.to_string()).replace("PORT", &port.to_string());
        let process = Process(nginx(folder.path(), &text).spawn().unwrap());
        let kept = Self { port, _process: process, folder };
        let listens = || TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_ok();
        until(Duration::from_secs(15), listens, || format!("nginx does not start:\n{}", kept.log()));
        kept
    }

    /// A call of the API without a key, over a connection of its own to the proxy. Gives the status.
    pub fn posts(&self) -> u16 {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).unwrap();
        let ask = "POST /api/clients HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}";
        stream.write_all(ask.as_bytes()).unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        response[9..12].parse().unwrap()
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("nginx-error.log")).unwrap_or_default()
    }
}
