//! nginx and Caddy in front of doorkey and an application, set up by the recipes of `docs/proxies`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use super::curl_client::CurlClient;
use super::ports::free_port;
use super::process::{Process, succeeds};
use super::server::Server;
use super::upstream_app::UpstreamApp;
use super::wait::until;

/// How long a proxy may take to start.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Where the proxies write what they have to say.
const LOGS: [&str; 7] = [
    "nginx-access.log",
    "nginx-error.log",
    "nginx-start.log",
    "recipe-access.log",
    "recipe-error.log",
    "caddy-portal.log",
    "caddy-sibling.log",
];

/// How many connections nginx may have, those to doorkey included.
pub const CONNECTIONS: usize = 64;

/// What nginx stands in. It is set to pass underscores, to keep whatever it may and to write down what it refuses, so that a
/// recipe that relies on the defaults is found out.
const NGINX: &str =
    "daemon off; master_process off; pid FOLDER/nginx.pid; error_log FOLDER/nginx-error.log info;
events { worker_connections CONNECTIONS; }
http {
    access_log FOLDER/nginx-access.log;
    client_body_temp_path FOLDER/body; proxy_temp_path FOLDER/proxy; fastcgi_temp_path FOLDER/fastcgi;
    uwsgi_temp_path FOLDER/uwsgi; scgi_temp_path FOLDER/scgi;
    underscores_in_headers on;
    proxy_cache_path FOLDER/kept keys_zone=kept:1m;
    proxy_cache kept;
    proxy_cache_valid any 10m;
    proxy_ignore_headers Cache-Control Set-Cookie;
    include FOLDER/nginx-portal.conf;
    include FOLDER/nginx-sibling.conf;
    include FOLDER/nginx-tls.conf;
    include FOLDER/nginx-nodes.conf;
}
";

/// What Caddy is told beside its recipe: certificates of its own authority instead of a public one.
const CADDY: &str = "
\tadmin off
\tlocal_certs
\tskip_install_trust
\thttp_port HTTP
\thttps_port HTTPS
\tstorage file_system FOLDER
\tdefault_bind 127.0.0.1
";

/// doorkey with two workspaces, an application, and two proxies before them.
pub struct ReverseProxies {
    pub server: Server,
    pub application: UpstreamApp,
    proxies: Vec<Process>,
    nginx_port: u16,
    nginx_tls_port: u16,
    caddy_ports: [u16; 2],
    folder: TempDir,
}

/// One of the ways in: a proxy, and where the application lives.
#[derive(Clone, Debug)]
pub struct Way {
    /// `nginx, sibling host`
    pub name: String,
    pub workspace: &'static str,
    pub portal: &'static str,
    pub application: &'static str,
    port: u16,
    authority: PathBuf,
}

impl ReverseProxies {
    pub fn start() -> Self {
        let server = Server::prepare("Beside");
        let mut front = Self {
            server,
            application: UpstreamApp::start(),
            proxies: Vec::new(),
            nginx_port: free_port(),
            nginx_tls_port: free_port(),
            caddy_ports: [free_port(), free_port()],
            folder: tempfile::tempdir().unwrap(),
        };
        front.set_up_workspaces();
        front.server.serve_with(&[("DOORKEY_TRUSTED_PROXY", "127.0.0.1")]);
        front.write_recipes();
        front.start_nginx();
        front.start_caddy("portal", front.caddy_ports[0]);
        front.start_caddy("sibling", front.caddy_ports[1]);
        for way in front.all_ways() {
            front.wait_for(&way);
        }
        front
    }

    /// The four with an application.
    pub fn ways(&self) -> Vec<Way> {
        let of_nginx = self.path("certificate.pem");
        let of_caddy = |place| self.path(&format!("caddy-{place}/pki/authorities/local/root.crt"));
        let [beside, sibling] = self.caddy_ports;
        vec![
            Way::beside("nginx", self.nginx_port, of_nginx.clone()),
            Way::sibling("nginx", self.nginx_port, of_nginx),
            Way::beside("Caddy", beside, of_caddy("portal")),
            Way::sibling("Caddy", sibling, of_caddy("sibling")),
        ]
    }

    /// nginx with TLS and nothing else, before doorkey alone.
    pub fn tls_alone(&self) -> Way {
        Way::beside("nginx, TLS alone", self.nginx_tls_port, self.path("certificate.pem"))
    }

    /// nginx before many nodes, as `docs/scale-out.md` shows it; all of them are this one doorkey. It has the port of
    /// [`Self::tls_alone`], and another host.
    pub fn many_nodes(&self) -> Way {
        let way = Way::sibling("nginx, many nodes", self.nginx_tls_port, self.path("certificate.pem"));
        Way { application: way.portal, ..way }
    }

    /// Those without an application too.
    pub fn all_ways(&self) -> Vec<Way> {
        [self.ways(), vec![self.tls_alone(), self.many_nodes()]].concat()
    }

    /// Everything that the proxies wrote down.
    pub fn proxy_logs(&self) -> String {
        LOGS.map(|log| fs::read_to_string(self.path(log)).unwrap_or_default()).concat()
    }

    fn set_up_workspaces(&self) {
        self.server.workspace_set("url=https://portal.example.com");
        self.server.run(&["workspace", "create", "Sibling", "--url", "https://login.example.com"]);
        let shared = ["cookie_domain=example.com", "allowed_redirect_origins=https://app.example.com"];
        self.server.run(&[&["workspace", "set", "Sibling"][..], &shared].concat());
        self.server.run(&["workspace", "create", "Stranger", "--url", "https://stranger.example.net"]);
    }

    /// The recipes as they are documented, with this test's ports and certificate in place of the examples.
    fn write_recipes(&self) {
        let (doorkey, application) = (self.server.port, self.application.port);
        let fill_in = |name: &str, text: String, values: &[(&str, &str)]| {
            let text = values.iter().fold(text, |text, (example, ours)| {
                assert!(text.contains(example), "{name} names no {example}");
                text.replace(example, ours)
            });
            fs::write(self.path(name), text).unwrap();
        };
        let (doorkey, application) = (format!("127.0.0.1:{doorkey}"), format!("127.0.0.1:{application}"));
        let upstreams = [("127.0.0.1:8080", &*doorkey), ("127.0.0.1:3000", &*application)];
        let path = |name| self.path(name).to_str().unwrap().to_owned();
        let (certificate, key) = (path("certificate.pem"), path("certificate.key"));
        let (access, error) = (path("recipe-access.log"), path("recipe-error.log"));
        let of_server = |listen| {
            [
                ("listen 443 ssl", listen),
                ("/etc/ssl/example.com.pem", &*certificate),
                ("/etc/ssl/example.com.key", &*key),
                ("/var/log/nginx/error.log", &*error),
            ]
        };
        let [shared, alone] =
            [self.nginx_port, self.nginx_tls_port].map(|port| format!("listen 127.0.0.1:{port} ssl"));
        let of_application = [("/var/log/nginx/access.log", &*access)];
        for (name, values) in [
            ("nginx-portal.conf", [&upstreams[..], &of_server(&shared), &of_application].concat()),
            ("nginx-sibling.conf", [&upstreams[..], &of_server(&shared)].concat()),
            ("nginx-tls.conf", [&upstreams[..1], &of_server(&alone)].concat()),
        ] {
            fill_in(name, recipe(name), &values);
        }
        let each = ["10.0.0.11:8080", "10.0.0.12:8080", "10.0.0.13:8080"].map(|node| (node, &*doorkey));
        let host = [("server_name example.com", "server_name login.example.com")];
        let values = [&each[..], &of_server(&alone), &host].concat();
        fill_in("nginx-nodes.conf", recipe_for_many_nodes(), &values);
        for name in ["portal.Caddyfile", "sibling.Caddyfile"] {
            fill_in(name, recipe(name), &upstreams);
        }
    }

    fn start_nginx(&mut self) {
        let names = "subjectAltName=DNS:portal.example.com,DNS:login.example.com,DNS:app.example.com";
        let mut openssl = Command::new("openssl");
        openssl.args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]);
        openssl.args(["-days", "2", "-subj", "/CN=doorkey tests", "-addext", names]);
        openssl.arg("-out").arg(self.path("certificate.pem"));
        openssl.arg("-keyout").arg(self.path("certificate.key"));
        succeeds(&mut openssl);

        let frame = NGINX.replace("FOLDER", self.folder.path().to_str().unwrap());
        let frame = frame.replace("CONNECTIONS", &CONNECTIONS.to_string());
        let nginx = nginx(self.folder.path(), &frame);
        self.run(nginx, "nginx-start.log");
    }

    fn start_caddy(&mut self, place: &str, port: u16) {
        let storage = self.path(&format!("caddy-{place}"));
        // It tidies up while it starts, and takes an empty folder away that a certificate is about to be written to.
        for host in ["portal.example.com", "login.example.com", "app.example.com"] {
            let certificates = storage.join("certificates/local").join(host);
            fs::create_dir_all(&certificates).unwrap();
            fs::write(certificates.join("placeholder"), "").unwrap();
        }
        let options = CADDY.replace("FOLDER", storage.to_str().unwrap());
        let options = options.replace("HTTPS", &port.to_string()).replace("HTTP", &free_port().to_string());
        let file = self.path(&format!("{place}.Caddyfile"));
        let recipe = fs::read_to_string(&file).unwrap();
        fs::write(&file, recipe.replacen("\n{\n", &format!("\n{{{options}"), 1)).unwrap();
        let mut caddy = Command::new("caddy");
        caddy.args(["run", "--adapter", "caddyfile", "--config"]).arg(file);
        caddy.env("XDG_CONFIG_HOME", &storage).env("XDG_DATA_HOME", &storage);
        self.run(caddy, &format!("caddy-{place}.log"));
    }

    fn run(&mut self, mut command: Command, log: &str) {
        let log = fs::File::create(self.path(log)).unwrap();
        command.stdin(Stdio::null()).stdout(log.try_clone().unwrap()).stderr(log);
        self.proxies.push(Process(command.spawn().unwrap()));
    }

    fn wait_for(&self, way: &Way) {
        // Caddy makes a certificate for each host, one after the other.
        let responses = |host: &str| CurlClient::sets_out(way).gets_an_answer(host);
        let both = || responses(&format!("{}/login/style.css", way.portal)) && responses(way.application);
        until(TIMEOUT, both, || format!("{} does not answer:\n{}", way.name, self.proxy_logs()));
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Way {
    fn beside(proxy: &str, port: u16, authority: PathBuf) -> Self {
        let (name, portal) = (format!("{proxy}, portal's host"), "https://portal.example.com");
        Self { name, workspace: "Beside", portal, application: portal, port, authority }
    }

    fn sibling(proxy: &str, port: u16, authority: PathBuf) -> Self {
        let (name, portal) = (format!("{proxy}, sibling host"), "https://login.example.com");
        Self { name, workspace: "Sibling", portal, application: "https://app.example.com", port, authority }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whose certificates to believe.
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// A client of this workspace: its number.
    pub fn add_client(&self, server: &Server, email: &str, name_f: &str, name_l: &str) -> String {
        let names = ["--name-f", name_f, "--name-l", name_l, "--json"];
        let made = server
            .run(&[&["user", "add", "--workspace", self.workspace, "--email", email], &names[..]].concat());
        serde_json::from_str::<serde_json::Value>(&made).unwrap()["id"].to_string()
    }

    /// A login link, as the back office would send it.
    pub fn ask_for_link(&self, server: &Server, user: &str) -> String {
        server.run(&["link", user, "--workspace", self.workspace]).trim().to_owned()
    }
}

/// An nginx that is set up by this text, in this folder, where it writes `nginx-error.log`.
pub fn nginx(folder: &Path, text: &str) -> Command {
    fs::write(folder.join("nginx.conf"), text).unwrap();
    let mut nginx = Command::new("/usr/sbin/nginx");
    nginx.arg("-p").arg(folder).arg("-c").arg(folder.join("nginx.conf"));
    nginx.arg("-e").arg(folder.join("nginx-error.log")).stdin(Stdio::null()).stderr(Stdio::null());
    nginx
}

/// A recipe as it stands in the documents.
pub fn recipe(name: &str) -> String {
    fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/proxies").join(name)).unwrap()
}

/// The one recipe for nginx on the page about many nodes.
fn recipe_for_many_nodes() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/scale-out.md");
    let page = fs::read_to_string(page).unwrap();
    page.split_once("```nginx\n").unwrap().1.split_once("```").unwrap().0.to_owned()
}
