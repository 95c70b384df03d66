//! What requests note of links, until it is written: in bounded memory, and nobody waits for it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use prometheus_client::metrics::counter::Counter;

use crate::domain::opening::STYLESHEET_KEPT;
use crate::domain::story::{LinkNotes, Note, NotedLink};
use crate::domain::timestamp::Timestamp;
use crate::domain::workspace::WorkspaceId;

/// Openings that wait of one link at most, of one workspace, and of all; and so many presses beside them.
const MAX_OF_LINK: usize = 20;
const MAX_OF_WORKSPACE: usize = 2_000;
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
    /// Held by who writes them.
    pub turn: tokio::sync::Mutex<()>,
}

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

    /// Notes something of a link. An opening is dropped where there is no room; presses of one link are counted together then.
    pub fn add(&self, workspace: WorkspaceId, link: NotedLink, note: Note) {
        let waiting = if matches!(note, Note::Opened(_)) { &self.openings } else { &self.presses };
        if !lock(waiting).add(workspace, link, note) {
            self.dropped.inc();
        }
    }

    /// Takes all that waits, by workspace.
    pub fn take(&self) -> Vec<(WorkspaceId, Vec<LinkNotes>)> {
        let mut taken = std::mem::take(&mut *lock(&self.presses));
        for (workspace, opened) in std::mem::take(&mut *lock(&self.openings)).workspaces {
            let links = &mut taken.workspaces.entry(workspace).or_default().links;
            for (link, notes) in opened.links {
                links.entry(link).or_default().extend(notes);
            }
        }
        let taken = taken.workspaces.into_iter();
        taken.map(|(workspace, of_it)| (workspace, of_it.links.into_iter().collect())).collect()
    }

    /// Notes once more what could not be written.
    pub fn put_back(&self, workspace: WorkspaceId, noted: Vec<LinkNotes>) {
        for (link, notes) in noted {
            for note in notes {
                self.add(workspace, link, note);
            }
        }
    }

    /// Counts refusals by the rule that nothing else is written of.
    pub fn count_refusal(&self, workspace: WorkspaceId, reason: &'static str, now: Timestamp) {
        self.count_refusals(&[((workspace, now.start_of_hour(), reason), 1)]);
    }

    /// The same for several.
    pub fn count_refusals(&self, refusals: &[((WorkspaceId, Timestamp, &'static str), i64)]) {
        let mut waiting = lock(&self.refusals);
        for (what, times) in refusals {
            *waiting.entry(*what).or_default() += times;
        }
    }

    /// Takes the refusals that wait.
    pub fn take_refusals(&self) -> Vec<((WorkspaceId, Timestamp, &'static str), i64)> {
        let mut taken: Vec<_> = std::mem::take(&mut *lock(&self.refusals)).into_iter().collect();
        taken.sort_unstable_by_key(|((workspace, hour, reason), _)| (workspace.0, *hour, *reason));
        taken
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

    /// Whether a visitor has fetched the style sheet up to a moment, so lately that it is still at hand.
    pub fn has_stylesheet(
        &self,
        workspace: WorkspaceId,
        visitor: &[u8; 16],
        (opened, until): (Timestamp, Timestamp),
    ) -> bool {
        let fetches = lock(&self.fetches);
        let at = fetches.workspaces.get(&workspace).and_then(|known| known.get(visitor));
        at.is_some_and(|at| *at >= opened.plus_seconds(-STYLESHEET_KEPT) && *at <= until)
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
        let (_, taken) = notes.take().swap_remove(0);
        let (_, of_link) = taken.into_iter().find(|(noted, _)| *noted == link(7)).unwrap();
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

        let taken = notes.take();
        let count = |workspace| {
            let of_it = taken.iter().find(|(id, _)| *id == WorkspaceId(workspace)).unwrap();
            of_it.1.iter().map(|(_, notes)| notes.len()).sum::<usize>()
        };
        assert_eq!((count(1), count(2)), (MAX_OF_WORKSPACE, 1));
        assert_eq!(notes.dropped.get(), 980 + 20);
        assert!(notes.take().is_empty());
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
        assert!(notes.has_stylesheet(WorkspaceId(99), &[1; 16], (NOW, NOW)));
        assert!(!notes.has_stylesheet(WorkspaceId(99), &[1; 16], (NOW, Timestamp::from_millis(1))));
        notes.forget_stylesheets(NOW.plus_seconds(STYLESHEET_KEPT + 60));
        assert_eq!(lock(&notes.fetches).count, 0);
    }
}
