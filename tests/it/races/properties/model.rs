//! What must come of each step, written down from what the product promises and from none of its source.

/// How long a link lives, in seconds.
pub const LINK_LIFETIME: i64 = 7_200;

/// How long a session lives, in seconds, used or not.
pub const SESSION_LIFETIME: i64 = 28_800;

/// How long a repeated confirm gives the same session, in seconds.
const REPEAT: i64 = 120;

/// How far clocks may lie apart, in seconds: what was made further ahead is not trusted.
const SKEW: i64 = 60;

/// Everybody and everything of one run, by number.
pub struct Model {
    pub now: i64,
    pub is_single_use: bool,
    pub people: Vec<Person>,
    pub links: Vec<Link>,
    pub sessions: Vec<Session>,
    /// The session that each browser has the cookie of, live or not.
    pub cookies: Vec<Option<usize>>,
}

#[derive(Clone, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a claim of its own, as in the promises")]
pub struct Person {
    pub is_staff: bool,
    pub has_two_factor: bool,
    pub is_disabled: bool,
    pub is_deleted: bool,
    newest: Option<usize>,
}

#[expect(clippy::struct_excessive_bools, reason = "each is a claim of its own, as in the promises")]
pub struct Link {
    pub person: usize,
    pub born: i64,
    pub is_single_use: bool,
    is_used: bool,
    is_killed: bool,
    /// Refused as expired once, and so for ever.
    is_buried: bool,
}

pub struct Session {
    person: usize,
    link: usize,
    browser: usize,
    born: i64,
    is_ended: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Asked {
    Refused(u16, &'static str),
    Same(usize),
    New(usize),
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Opened {
    Page,
    UsedHere,
    Dead,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Pressed {
    Same(usize),
    New(usize),
    Dead,
}

impl Model {
    pub fn ask(&mut self, person: usize, min_ttl: i64) -> Asked {
        if let Some((status, code)) = self.refusal(person) {
            return Asked::Refused(status, code);
        }
        if let Some(newest) = self.people[person].newest {
            if self.is_live(newest) && self.links[newest].born + LINK_LIFETIME - self.now >= min_ttl {
                return Asked::Same(newest);
            }
            self.bury_if_over(newest);
        }
        let link = Link {
            person,
            born: self.now,
            is_single_use: self.is_single_use,
            is_used: false,
            is_killed: false,
            is_buried: false,
        };
        self.links.push(link);
        let made = self.links.len() - 1;
        self.people[person].newest = Some(made);
        Asked::New(made)
    }

    pub fn open(&mut self, browser: usize, link: usize) -> Opened {
        let signed_in = self.look(browser);
        if self.is_live(link) {
            return Opened::Page;
        }
        self.bury_if_over(link);
        let person = self.links[link].person;
        if signed_in.is_some_and(|session| self.sessions[session].person == person) {
            return Opened::UsedHere;
        }
        Opened::Dead
    }

    pub fn press(&mut self, browser: usize, link: usize) -> Pressed {
        let is_repeat = |session: &Session| session.link == link && session.browser == browser;
        let before = self.sessions.iter().rposition(|session| is_repeat(session) && !session.is_ended);
        if let Some(before) = before.filter(|before| self.now < self.sessions[*before].born + REPEAT) {
            if self.holds(before) {
                self.cookies[browser] = Some(before);
                return Pressed::Same(before);
            }
            self.sessions[before].is_ended = true;
        }
        if !self.is_live(link) {
            self.bury_if_over(link);
            return Pressed::Dead;
        }
        self.sign_out(browser);
        self.links[link].is_used = true;
        let person = self.links[link].person;
        self.sessions.push(Session { person, link, browser, born: self.now, is_ended: false });
        let made = self.sessions.len() - 1;
        self.cookies[browser] = Some(made);
        Pressed::New(made)
    }

    /// The session that a browser is signed in by; one that is over ends when it is looked at.
    pub fn look(&mut self, browser: usize) -> Option<usize> {
        let session = self.cookies[browser]?;
        if !self.holds(session) {
            self.sessions[session].is_ended = true;
            return None;
        }
        Some(session)
    }

    pub fn sign_out(&mut self, browser: usize) {
        if let Some(session) = self.cookies[browser].take() {
            self.sessions[session].is_ended = true;
        }
    }

    pub fn kill_links(&mut self, person: usize) {
        for link in self.links.iter_mut().filter(|link| link.person == person) {
            link.is_killed = true;
        }
    }

    pub fn end_sessions(&mut self, person: usize) {
        for session in self.sessions.iter_mut().filter(|session| session.person == person) {
            session.is_ended = true;
        }
    }

    fn refusal(&self, person: usize) -> Option<(u16, &'static str)> {
        let person = &self.people[person];
        let cases = [
            (person.is_deleted, 404, "user_not_found"),
            (person.is_staff, 403, "staff_user"),
            (person.has_two_factor, 403, "two_factor_enabled"),
            (person.is_disabled, 403, "user_disabled"),
        ];
        cases.into_iter().find(|case| case.0).map(|(_, status, code)| (status, code))
    }

    fn is_live(&self, link: usize) -> bool {
        let Link { person, is_single_use, is_used, is_killed, is_buried, .. } = self.links[link];
        let is_over = is_buried || self.is_over(link) || is_killed || (is_single_use && is_used);
        !is_over && self.refusal(person).is_none()
    }

    fn is_over(&self, link: usize) -> bool {
        let born = self.links[link].born;
        self.now >= born + LINK_LIFETIME || born > self.now + SKEW
    }

    fn bury_if_over(&mut self, link: usize) {
        self.links[link].is_buried |= self.is_over(link);
    }

    fn holds(&self, session: usize) -> bool {
        let Session { born, is_ended, .. } = self.sessions[session];
        !is_ended && self.now < born + SESSION_LIFETIME && born <= self.now + SKEW
    }
}
