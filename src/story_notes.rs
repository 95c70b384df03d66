//! What requests note of links, until it is written: in bounded memory, and nobody waits for it.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;
use uuid::Uuid;

use crate::domain::opening::{Opening, STYLESHEET_KEPT, STYLESHEET_WINDOW, Sign};
use crate::domain::story::{LinkNotes, Note, NotedLink};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Openings that wait of one link at most, of one workspace, and of all; and so many presses beside them.
const MAX_OF_LINK: usize = 20;
const MAX_OF_WORKSPACE: usize = 1_000;
const MAX_OF_ALL: usize = 10_000;

/// Fetches of the style sheet that are remembered of one workspace at most, and of all.
const MAX_FETCHES_OF_WORKSPACE: usize = 4_000;
const MAX_FETCHES: usize = 40_000;

/// However many there are, a workspace has room for so many of them.
const RESERVED_FETCHES: usize = 40;

/// What waits to be written, and what is remembered for some minutes.
#[derive(Debug, Default)]
pub struct StoryNotes {
    openings: Mutex<Waiting>,
    /// Presses have room of their own: no flood of openings drops one.
    presses: Mutex<Waiting>,
    fetches: Mutex<Fetches>,
    refusals: Mutex<HashMap<(WorkspaceId, Timestamp, &'static str), i64>>,
    /// Notes for which there was no room.
    dropped: Counter,
    /// What could not be written; held by who writes.
    pub unwritten: tokio::sync::Mutex<Unwritten>,
}

/// What was taken to be written. It is written as it is until that has been done: a commit of which nothing was heard may be there, and is
/// known again by the number of the batch.
#[derive(Debug, Default)]
pub struct Unwritten {
    /// Notes of links, of one workspace each.
    pub links: Vec<NotesBatch>,
    /// Refusals by the rule.
    pub refusals: Option<(Uuid, Vec<CountedRefusal>)>,
}

/// What was noted of links of a workspace, as it is written in one commit.
#[derive(Debug)]
pub struct NotesBatch {
    /// Its number.
    pub id: Uuid,
    /// Of which workspace.
    pub workspace: WorkspaceId,
    /// Of which links what.
    pub noted: Vec<LinkNotes>,
}

/// How many refusals there were in an hour, by workspace, hour and reason.
pub type CountedRefusal = ((WorkspaceId, Timestamp, &'static str), i64);

#[derive(Debug, Default)]
struct Waiting {
    count: usize,
    workspaces: HashMap<WorkspaceId, OfWorkspace>,
}

#[derive(Debug, Default)]
struct OfWorkspace {
    count: usize,
    links: HashMap<NotedLink, Vec<Note>>,
}

impl Waiting {
    /// What waits of workspaces, but of some.
    fn take(&mut self, but: &HashSet<WorkspaceId>) -> HashMap<WorkspaceId, HashMap<NotedLink, Vec<Note>>> {
        let all = std::mem::take(&mut self.workspaces).into_iter();
        let (left, taken): (Vec<_>, Vec<_>) = all.partition(|(workspace, _)| but.contains(workspace));
        self.workspaces = left.into_iter().collect();
        self.count = self.workspaces.values().map(|of_workspace| of_workspace.count).sum();
        taken.into_iter().map(|(workspace, of_workspace)| (workspace, of_workspace.links)).collect()
    }

    /// Whether one more note of a link finds room.
    fn has_room(&self, workspace: WorkspaceId, link: &NotedLink) -> bool {
        let of_workspace = self.workspaces.get(&workspace);
        let of_link = of_workspace.and_then(|of_workspace| of_workspace.links.get(link));
        self.count < MAX_OF_ALL
            && of_workspace.is_none_or(|of_workspace| of_workspace.count < MAX_OF_WORKSPACE)
            && of_link.is_none_or(|notes| notes.len() < MAX_OF_LINK)
    }

    /// Whether there was room.
    fn add(&mut self, workspace: WorkspaceId, link: NotedLink, note: Note) -> bool {
        let of_workspace = self.workspaces.entry(workspace).or_default();
        let has_room = self.count < MAX_OF_ALL && of_workspace.count < MAX_OF_WORKSPACE;
        let notes = of_workspace.links.entry(link).or_default();
        if !has_room || notes.len() >= MAX_OF_LINK {
            // The first of a kind and hour, and the last, are told.
            let are_more = notes.iter().filter(|noted| noted.is_like(&note)).count() > 1;
            let is_one_kind_more = !matches!(note, Note::Opened(_)) && notes.len() < 2 * MAX_OF_LINK;
            if !has_room || are_more || !is_one_kind_more {
                let is_merged = notes.iter_mut().rev().any(|noted| noted.merge(&note));
                if notes.is_empty() {
                    of_workspace.links.remove(&link);
                }
                return is_merged;
            }
        }
        notes.push(note);
        of_workspace.count += 1;
        self.count += 1;
        true
    }
}

#[derive(Debug, Default)]
struct Fetches {
    count: usize,
    workspaces: HashMap<WorkspaceId, HashMap<[u8; 16], Timestamp>>,
}

impl StoryNotes {
    /// Nothing is noted yet; what finds no room is counted there.
    pub fn new(dropped: Counter) -> Self {
        Self { dropped, ..Self::default() }
    }

    /// Notes that a link was opened. What is noted of that is computed if there is room for it.
    pub fn add_opening(&self, workspace: WorkspaceId, link: NotedLink, opening: impl FnOnce() -> Opening) {
        let has_room = lock(&self.openings).has_room(workspace, &link);
        if has_room {
            self.add(workspace, link, Note::Opened(opening()));
        } else {
            self.dropped.inc();
        }
    }

    /// Notes something of a link. An opening is dropped where there is no room; presses of one link are counted together then.
    pub fn add(&self, workspace: WorkspaceId, link: NotedLink, note: Note) {
        let waiting = if matches!(note, Note::Opened(_)) { &self.openings } else { &self.presses };
        if !lock(waiting).add(workspace, link, note) {
            self.dropped.inc();
        }
    }

    /// Takes what waits, but not of workspaces of which something is not written yet, in batches of so many links.
    pub fn take_into(&self, unwritten: &mut Unwritten, most: usize) {
        let late: HashSet<_> = unwritten.links.iter().map(|batch| batch.workspace).collect();
        let mut taken = lock(&self.presses).take(&late);
        let openings = lock(&self.openings).take(&late);
        for (workspace, opened) in openings {
            let links = taken.entry(workspace).or_default();
            for (link, mut notes) in opened {
                self.see_stylesheets(workspace, &mut notes);
                links.entry(link).or_default().append(&mut notes);
            }
        }
        for (workspace, links) in taken {
            // Links that were made together lie together, and are written so.
            let mut links: Vec<_> = links.into_iter().collect();
            links.sort_unstable_by_key(|(link, _)| *link);
            let mut links = links.into_iter().peekable();
            while links.peek().is_some() {
                let noted = links.by_ref().take(most).collect();
                unwritten.links.push(NotesBatch { id: Uuid::new_v4(), workspace, noted });
            }
        }
        if unwritten.refusals.is_none() {
            unwritten.refusals = self.take_refusals().map(|refusals| (Uuid::new_v4(), refusals));
        }
    }

    /// Counts refusals by the rule that nothing else is written of.
    pub fn count_refusal(&self, workspace: WorkspaceId, reason: &'static str, now: Timestamp) {
        *lock(&self.refusals).entry((workspace, now.start_of_hour(), reason)).or_default() += 1;
    }

    /// Takes the refusals that wait, if there are any.
    fn take_refusals(&self) -> Option<Vec<CountedRefusal>> {
        let mut taken: Vec<_> = std::mem::take(&mut *lock(&self.refusals)).into_iter().collect();
        taken.sort_unstable_by_key(|((workspace, hour, reason), _)| (workspace.0, *hour, *reason));
        (!taken.is_empty()).then_some(taken)
    }

    /// Remembers that a visitor has fetched the style sheet.
    pub fn note_stylesheet(&self, workspace: WorkspaceId, visitor: [u8; 16], now: Timestamp) {
        let mut fetches = lock(&self.fetches);
        let of_all = fetches.count;
        let known = fetches.workspaces.entry(workspace).or_default();
        let before = known.len();
        let is_full = |known: &HashMap<_, _>| {
            known.len() >= MAX_FETCHES_OF_WORKSPACE
                || (of_all >= MAX_FETCHES && known.len() >= RESERVED_FETCHES)
        };
        if is_full(known) {
            // Pages that were opened a minute ago are settled.
            known.retain(|_, at| now < at.plus_seconds(60));
        }
        if !is_full(known) || known.contains_key(&visitor) {
            known.insert(visitor, now);
        }
        let after = known.len();
        fetches.count = (of_all + after).saturating_sub(before);
    }

    /// Says of openings that there was no style sheet, unless it was fetched from here already: most often it is, right behind the page.
    fn see_stylesheets(&self, workspace: WorkspaceId, notes: &mut [Note]) {
        for note in notes {
            if let Note::Opened(opening) = note {
                let is_fetched = self.has_stylesheet(workspace, &opening.client, opening.at);
                opening.signs = opening.signs.with(Sign::NoStylesheet, !is_fetched);
            }
        }
    }

    /// Whether a visitor has fetched the style sheet from here for a page that was opened at a moment, or so lately that it was at hand.
    pub fn has_stylesheet(&self, workspace: WorkspaceId, visitor: &[u8; 16], opened: Timestamp) -> bool {
        let (since, until) = (opened.plus_seconds(-STYLESHEET_KEPT), opened.plus_seconds(STYLESHEET_WINDOW));
        let fetches = lock(&self.fetches);
        let at = fetches.workspaces.get(&workspace).and_then(|known| known.get(visitor));
        at.is_some_and(|at| (since..=until).contains(at))
    }

    /// Forgets fetches that are no longer at hand in any browser.
    pub fn forget_stylesheets(&self, now: Timestamp) {
        let mut fetches = lock(&self.fetches);
        for known in fetches.workspaces.values_mut() {
            known.retain(|_, at| now < at.plus_seconds(STYLESHEET_KEPT + 60));
        }
        fetches.workspaces.retain(|_, known| !known.is_empty());
        fetches.count = fetches.workspaces.values().map(HashMap::len).sum();
    }
}

fn lock<T>(shared: &Mutex<T>) -> MutexGuard<'_, T> {
    shared.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::opening::{BrowserClass, Opening, Signs};
    use crate::domain::story::PressRefusal;

    const NOW: Timestamp = Timestamp::from_millis(1_000_000);

    fn link(number: u8) -> NotedLink {
        NotedLink { hash: [number; 32], created_at: NOW }
    }

    /// What is taken, by workspace and link.
    fn taken_of(notes: &StoryNotes) -> Vec<(WorkspaceId, LinkNotes)> {
        let mut unwritten = Unwritten::default();
        notes.take_into(&mut unwritten, 100);
        let of_batch = |batch: NotesBatch| {
            assert!(batch.noted.len() <= 100);
            batch.noted.into_iter().map(move |noted| (batch.workspace, noted))
        };
        unwritten.links.into_iter().flat_map(of_batch).collect()
    }

    #[test]
    fn what_is_not_written_yet_is_taken_once_and_others_do_not_wait_for_it() {
        let notes = StoryNotes::default();
        let mut unwritten = Unwritten::default();
        notes.add(WorkspaceId(1), link(1), opened());
        notes.count_refusal(WorkspaceId(1), "staff_user", NOW);
        notes.take_into(&mut unwritten, 100);
        let first = (unwritten.links[0].id, unwritten.refusals.clone());
        for workspace in [1, 1, 2] {
            notes.add(WorkspaceId(workspace), link(2), Note::Pressed(NOW));
            notes.count_refusal(WorkspaceId(workspace), "staff_user", NOW);
        }
        notes.take_into(&mut unwritten, 100);

        assert_eq!((unwritten.links[0].id, unwritten.refusals.clone()), first);
        let of =
            |workspace| unwritten.links.iter().filter(move |batch| batch.workspace.0 == workspace).count();
        assert_eq!((of(1), of(2)), (1, 1));
        let rest = taken_of(&notes);
        assert_eq!(rest, [(WorkspaceId(1), (link(2), vec![Note::Pressed(NOW), Note::Pressed(NOW)]))]);
    }

    fn opened() -> Note {
        Note::Opened(Opening {
            at: NOW,
            network: "203.0.113.0/24".to_owned(),
            browser: BrowserClass::Chrome,
            signs: Signs::default(),
            client: [0; 16],
            was_dead: false,
        })
    }

    #[test]
    fn a_flood_of_openings_or_presses_drops_no_press() {
        let notes = StoryNotes::default();
        for number in 0..=255 {
            for _ in 0..40 {
                notes.add(WorkspaceId(1), link(number), opened());
            }
        }
        let dropped = notes.dropped.get();
        for second in 0..1_000 {
            let at = NOW.plus_seconds(second);
            notes.add(WorkspaceId(1), link(7), Note::Refused(PressRefusal::AntiForgery, at, 1));
            notes.add(WorkspaceId(1), link(7), Note::Refused(PressRefusal::RateLimited, at, 1));
            notes.add(WorkspaceId(1), link(7), Note::Pressed(at));
        }

        assert_eq!(notes.dropped.get(), dropped);
        let (_, of_link) = taken_of(&notes).into_iter().find(|(_, noted)| noted.0 == link(7)).unwrap().1;
        let times = |wanted: PressRefusal| {
            let times = of_link.iter().map(|note| match note {
                Note::Refused(refusal, _, times) if *refusal == wanted => *times,
                Note::Refused(..) | Note::Pressed(_) | Note::Opened(_) => 0,
            });
            times.sum::<i64>()
        };
        assert_eq!((times(PressRefusal::AntiForgery), times(PressRefusal::RateLimited)), (1_000, 1_000));
        let pressed = of_link.iter().filter_map(|note| match note {
            Note::Pressed(at) => Some(*at),
            Note::Refused(..) | Note::Opened(_) => None,
        });
        let pressed: Vec<_> = pressed.collect();
        assert_eq!((pressed.first(), pressed.last()), (Some(&NOW), Some(&NOW.plus_seconds(999))));
        assert!(of_link.len() <= 2 * MAX_OF_LINK, "{}", of_link.len());
    }

    #[test]
    fn one_link_and_one_workspace_have_their_share_and_no_more() {
        let notes = StoryNotes::default();
        for _ in 0..1_000 {
            notes.add(WorkspaceId(1), link(1), opened());
        }
        for number in 0..MAX_OF_WORKSPACE {
            let hash =
                std::array::from_fn(|place| if place < 2 { number.to_be_bytes()[6 + place] } else { 9 });
            notes.add(WorkspaceId(1), NotedLink { hash, created_at: NOW }, opened());
        }
        notes.add(WorkspaceId(2), link(1), opened());

        let taken = taken_of(&notes);
        let count = |workspace| {
            let of_it = taken.iter().filter(|(id, _)| *id == WorkspaceId(workspace));
            of_it.map(|(_, (_, notes))| notes.len()).sum::<usize>()
        };
        assert_eq!((count(1), count(2)), (MAX_OF_WORKSPACE, 1));
        assert_eq!(notes.dropped.get(), 980 + 20);
        assert!(taken_of(&notes).is_empty());
    }

    #[test]
    fn a_flood_of_fetches_stays_small_and_leaves_others_room() {
        let notes = StoryNotes::default();
        for workspace in 0..20 {
            for number in 0..5_000_u64 {
                let visitor =
                    std::array::from_fn(|place| if place < 8 { number.to_be_bytes()[place] } else { 0 });
                notes.note_stylesheet(WorkspaceId(workspace), visitor, NOW);
            }
        }

        let count = lock(&notes.fetches).count;
        assert!(count <= MAX_FETCHES + 20 * RESERVED_FETCHES, "{count}");
        notes.note_stylesheet(WorkspaceId(99), [1; 16], NOW);
        assert!(notes.has_stylesheet(WorkspaceId(99), &[1; 16], NOW));
        assert!(!notes.has_stylesheet(WorkspaceId(99), &[1; 16], NOW.plus_seconds(-11)));
        notes.forget_stylesheets(NOW.plus_seconds(STYLESHEET_KEPT + 60));
        assert_eq!(lock(&notes.fetches).count, 0);
    }
}
