//! The admin pages over the real router: who is let in, and the forms that a page has.

use doorkey::domain::admin::{AdminGrant, AdminName, AdminReach, AdminRole};
use doorkey::domain::audit::AuditContext;
use doorkey::domain::origin::Origin;
use doorkey::domain::workspace::WorkspaceId;
use doorkey::flow::admin;
use doorkey::http;
use doorkey::http::AdminSettings;

use super::app::{Browser, TestApp, TestRequest, TestResponse};

/// Where the pages are.
pub const HOST: &str = "127.0.0.1:8081";

/// The header by which a proxy names an admin.
pub const HEADER: &str = "x-forwarded-user";

pub fn admin_settings(url: &str) -> AdminSettings {
    AdminSettings {
        url: Origin::parse(url).unwrap(),
        proxy_header: Some(HEADER.parse().unwrap()),
        trusted_proxies: vec!["10.0.0.0/8".parse().unwrap()],
    }
}

/// The admin listener of an installation: what is sent to it is answered by the admin pages.
pub fn admin_pages(test: &TestApp) -> TestApp {
    admin_pages_at(test, &format!("http://{HOST}"))
}

/// The same, found at another URL.
pub fn admin_pages_at(test: &TestApp, url: &str) -> TestApp {
    TestApp {
        app: test.app.clone(),
        acme: test.acme.clone(),
        key: test.key.clone(),
        router: http::admin_router(test.app.clone(), admin_settings(url)),
        database: test.database.clone(),
        folder: test.folder.clone(),
    }
}

pub fn grant(name: &str, role: AdminRole, workspaces: &[WorkspaceId]) -> AdminGrant {
    AdminGrant { name: AdminName::parse(name).unwrap(), role, reach: AdminReach::of(workspaces.to_vec()) }
}

/// The path of a fresh link for ten minutes.
pub async fn link(test: &TestApp, grant: AdminGrant) -> String {
    let act = AuditContext::at_command_line();
    let (_, token) = admin::make_link(&test.app, &act, grant, 600).await.unwrap();
    format!("/sign-in?token={}", token.reveal())
}

pub async fn allow(test: &TestApp, grant: AdminGrant) {
    admin::allow(&test.app, &AuditContext::at_command_line(), grant).await.unwrap();
}

/// A browser that has no cookie yet.
pub fn arrives(pages: &TestApp) -> Browser<'_> {
    let mut browser = pages.browser();
    HOST.clone_into(&mut browser.host);
    browser
}

/// A browser in which somebody of this role is signed in.
pub async fn signed_in(pages: &TestApp, grant: AdminGrant) -> Browser<'_> {
    let mut browser = arrives(pages);
    let page = browser.get(&link(pages, grant).await).await;
    assert_eq!(page.status, 200, "{}", page.body);
    let response = browser.send(press(&page)).await;
    assert_eq!((response.status.as_u16(), response.header("location")), (303, "/"), "{}", response.body);
    browser
}

/// A form of a page: where it goes, and its fields as they are filled.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Form {
    pub action: String,
    pub fields: Vec<(String, String)>,
}

impl Form {
    /// The same with a field filled otherwise.
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    pub fn without(mut self, name: &str) -> Self {
        self.fields.retain(|(known, _)| known != name);
        self
    }

    /// What a browser sends.
    pub fn sent(&self) -> TestRequest {
        let fields: Vec<_> =
            self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        TestRequest::of("POST", &self.action).form(&fields).header("sec-fetch-site", "same-origin")
    }
}

/// The forms of a page that do something: those that only look have their fields in the address.
pub fn forms(page: &TestResponse) -> Vec<Form> {
    let forms = page.body.split("<form").skip(1).map(|rest| rest.split("</form>").next().unwrap());
    let form = |text: &str| {
        let inputs = text.split("<input").skip(1).map(|rest| rest.split('>').next().unwrap());
        let filled = inputs.filter(|input| !input.contains("checkbox") || input.contains(" checked"));
        let fields = filled.filter_map(|input| {
            let value = attribute(input, "value").unwrap_or_default();
            Some((attribute(input, "name")?, value))
        });
        let fields = fields.chain(selects(text)).chain(areas(text));
        Form { action: attribute(text, "action").unwrap(), fields: fields.collect() }
    };
    forms.filter(|text| attribute(text, "method").as_deref() == Some("post")).map(form).collect()
}

/// What is chosen in a form.
fn selects(form: &str) -> impl Iterator<Item = (String, String)> {
    let selects = form.split("<select").skip(1).map(|rest| rest.split("</select>").next().unwrap());
    selects.filter_map(|select| {
        let chosen = select.split("<option").skip(1).find(|option| option.contains(" selected"));
        Some((attribute(select, "name")?, attribute(chosen.or(select.split("<option").nth(1))?, "value")?))
    })
}

/// What stands in the larger fields of a form. Their first line break is none.
fn areas(form: &str) -> impl Iterator<Item = (String, String)> {
    let areas = form.split("<textarea").skip(1).map(|rest| rest.split("</textarea>").next().unwrap());
    areas.filter_map(|area| {
        let text = area.split_once('>')?.1;
        Some((attribute(area, "name")?, text.strip_prefix('\n').unwrap_or(text).to_owned()))
    })
}

/// Where the links of a page lead on this host.
pub fn links(page: &TestResponse) -> Vec<String> {
    let links = page.body.split("<a ").skip(1).filter_map(|rest| attribute(rest, "href"));
    links.filter(|address| address.starts_with('/')).collect()
}

fn attribute(text: &str, name: &str) -> Option<String> {
    let (_, rest) = text.split_once(&format!("{name}=\""))?;
    let value = rest.split('"').next()?;
    Some(value.replace("&#38;", "&").replace("&#39;", "'").replace("&#34;", "\""))
}

/// What a browser sends when the button of a page with one form is pressed.
pub fn press(page: &TestResponse) -> TestRequest {
    form_to(page, "").sent()
}

/// The form of a page that goes to an address with this end.
pub fn form_to(page: &TestResponse, end: &str) -> Form {
    let found = forms(page).into_iter().find(|form| form.action.ends_with(end));
    found.unwrap_or_else(|| panic!("no form goes to {end}: {}", page.body))
}
