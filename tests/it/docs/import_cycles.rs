//! No two files of `src/` import each other, so that each can be read and changed without the other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// They hold the table of what lies inside them, the commands and the routes, which in turn use their types.
const TABLES: &[&str] = &["cli", "http"];

/// A module by its path: `["http", "pages", "login"]` for `crate::http::pages::login`.
type Module = Vec<String>;

/// The text of each module of `src/`, without comments and tests.
struct Source {
    texts: BTreeMap<Module, String>,
    /// What a module gives out as its own: the path by which it is found, and where it stands.
    exports: BTreeMap<Module, Module>,
}

impl Source {
    /// From paths below `src/` and their texts.
    fn of(files: impl IntoIterator<Item = (String, String)>) -> Self {
        let texts = files.into_iter().filter(|(path, _)| !path.ends_with("tests.rs"));
        let texts: BTreeMap<_, _> = texts.map(|(path, text)| (module_of(&path), code_of(&text))).collect();
        let mut source = Self { texts, exports: BTreeMap::new() };
        for (module, text) in &source.texts {
            for import in imports(text).filter(|import| import.is_public) {
                for (path, name) in import.paths() {
                    let Some(target) = absolute(module, &path) else { continue };
                    source.exports.insert(joined(module, [name]), target);
                }
            }
        }
        source
    }

    /// The module in which an item stands, whoever gives it out.
    fn owner(&self, path: &[String]) -> Option<Module> {
        let mut path = path.to_vec();
        let is_export = |path: &[String]| self.exports.contains_key(path) && !self.texts.contains_key(path);
        // What is given out may come from a module that has it from another one.
        while let Some(length) = (1..=path.len()).find(|length| is_export(&path[..*length])) {
            path = joined(&self.exports[&path[..length]], path[length..].iter().cloned());
        }
        (0..=path.len())
            .rev()
            .map(|length| path[..length].to_vec())
            .find(|path| self.texts.contains_key(path))
    }

    /// Whose items a module uses. What it only declares or gives out does not count.
    fn used_by(&self, module: &Module) -> BTreeSet<Module> {
        let text = &self.texts[module];
        let mut paths = Vec::new();
        let mut names = BTreeMap::new();
        for import in imports(text) {
            for (path, name) in import.paths() {
                let Some(path) = absolute(module, &path) else { continue };
                names.insert(name, path.clone());
                if !import.is_public {
                    paths.push(path);
                }
            }
        }
        for path in expressions(text) {
            if let Some(path) = absolute(module, &path) {
                paths.push(path);
            } else if let Some(start) = names.get(&path[0]) {
                paths.push(joined(start, path[1..].iter().cloned()));
            } else if self.texts.contains_key(&joined(module, [path[0].clone()])) {
                paths.push(joined(module, path));
            }
        }
        let owners = paths.iter().filter_map(|path| self.owner(path));
        owners.filter(|owner| owner != module && !owner.is_empty()).collect()
    }

    /// Every two modules that use each other.
    fn circles(&self) -> BTreeSet<(String, String)> {
        let used: BTreeMap<_, _> = self.texts.keys().map(|module| (module, self.used_by(module))).collect();
        let pairs = used.iter().flat_map(|(one, used)| used.iter().map(move |other| (*one, other)));
        let circles = pairs.filter(|(one, other)| one < other && used[other].contains(*one));
        let circles =
            circles.filter(|(one, other)| !(other.starts_with(one) && TABLES.contains(&&*one.join("::"))));
        circles.map(|(one, other)| (one.join("::"), other.join("::"))).collect()
    }
}

/// One `use`.
struct Import<'a> {
    is_public: bool,
    tree: &'a str,
}

impl Import<'_> {
    /// Each path that it brings in, and the name it has here.
    fn paths(&self) -> Vec<(Vec<String>, String)> {
        let mut paths = Vec::new();
        branches(self.tree, &[], &mut paths);
        paths
    }
}

fn imports(text: &str) -> impl Iterator<Item = Import<'_>> {
    text.split(';').filter_map(|statement| Some(split_import(statement)?.1))
}

/// A statement that ends in an import: what stands before it, and the import.
fn split_import(statement: &str) -> Option<(&str, Import<'_>)> {
    let (before, tree) = statement.split_once("use ")?;
    let start = before.rfind(['\n', '}', '{']).map_or(0, |place| place + 1);
    let visibility = before[start..].trim();
    if matches!(visibility, "" | "pub") || visibility.starts_with("pub(") && visibility.ends_with(')') {
        return Some((&before[..start], Import { is_public: !visibility.is_empty(), tree }));
    }
    // A word that ends like this, or a sentence with it.
    let (rest, import) = split_import(tree)?;
    Some((&statement[..statement.len() - tree.len() + rest.len()], import))
}

/// Splits `a::{b, c::{d, e as f}}` into its paths.
fn branches(tree: &str, above: &[String], paths: &mut Vec<(Vec<String>, String)>) {
    let tree = tree.trim();
    if let Some((stem, inner)) = tree.split_once('{') {
        let above = joined(above, stem.split("::").map(str::trim).filter(|part| !part.is_empty()));
        let inner = inner.trim_end().strip_suffix('}').expect("a brace is closed");
        let mut depth = 0;
        let parts = inner.split(|character| {
            depth += i32::from(character == '{') - i32::from(character == '}');
            character == ',' && depth == 0
        });
        parts.filter(|part| !part.trim().is_empty()).for_each(|part| branches(part, &above, paths));
    } else {
        let (path, name) = tree.split_once(" as ").unwrap_or((tree, tree));
        let mut path = joined(above, path.split("::").map(str::trim));
        if path.len() > 1 && path.last().is_some_and(|last| last == "self") {
            path.pop();
        }
        let name = name.rsplit("::").next().unwrap_or_default().trim();
        let name = if name == "self" { path[path.len() - 1].clone() } else { name.to_owned() };
        paths.push((path, name));
    }
}

/// Every `a::b::c` that stands outside of a `use`.
fn expressions(text: &str) -> Vec<Vec<String>> {
    let is_part = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let code =
        text.split(';').map(|statement| split_import(statement).map_or(statement, |(before, _)| before));
    let words = code.flat_map(|code| code.split(move |character| !is_part(character)));
    let paths = words.filter(|word| word.contains("::") && !word.starts_with(':'));
    paths.map(|word| word.split("::").filter(|part| !part.is_empty()).map(str::to_owned).collect()).collect()
}

/// A path seen from the root, if it begins with a word that says where.
fn absolute(module: &[String], path: &[String]) -> Option<Module> {
    match path[0].as_str() {
        "crate" => Some(path[1..].to_vec()),
        "self" => Some(joined(module, path[1..].iter().cloned())),
        "super" => {
            let ups = path.iter().take_while(|part| *part == "super").count();
            Some(joined(&module[..module.len() - ups], path[ups..].iter().cloned()))
        }
        _ => None,
    }
}

fn joined(start: &[String], rest: impl IntoIterator<Item = impl Into<String>>) -> Module {
    start.iter().cloned().chain(rest.into_iter().map(Into::into)).collect()
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    if path == "lib" { Vec::new() } else { path.split('/').map(str::to_owned).collect() }
}

fn code_of(text: &str) -> String {
    let code = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let lines = code.lines().map(|line| line.split("//").next().unwrap_or_default());
    lines.map(without_visibility).collect::<Vec<_>>().join("\n")
}

/// Who may see an item says nothing of what it uses.
fn without_visibility(line: &str) -> String {
    let Some((before, rest)) = line.split_once("pub(in ") else { return line.to_owned() };
    let (_, after) = rest.split_once(')').expect("a parenthesis is closed");
    format!("{before}pub(crate){}", without_visibility(after))
}

#[test]
fn no_two_files_import_each_other() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    super::source_rules::gather(&root, &mut files);
    let named = |file: &PathBuf| file.strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
    let texts = files.iter().map(|file| (named(file), fs::read_to_string(file).unwrap()));

    let circles = Source::of(texts).circles();

    assert_eq!(circles, BTreeSet::new());
}

/// The circles of a source that is made of these files.
fn circles_of(files: &[(&str, &str)]) -> Vec<String> {
    let files = files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned()));
    Source::of(files).circles().into_iter().map(|(one, other)| format!("{one} {other}")).collect()
}

#[test]
fn a_circle_is_found_however_the_import_is_written() {
    for mention in [
        "use crate::b::B;",
        "use super::b::B;",
        "use crate::{b::{self, B as C}, c};",
        "pub fn because (x: crate::b::B) {}",
        "use crate::c::B;",
        "use crate::c;\nfn f() -> c::B {}",
        "fn f() { fail(\"no use for it\", super::b::B) }",
    ] {
        let b = ("b.rs", "use crate::a::A;\npub struct B;");
        let c = ("c.rs", "pub use crate::b::B;");
        assert_eq!(circles_of(&[("a.rs", mention), b, c]), ["a b"], "{mention}");
    }
}

#[test]
fn what_is_no_circle_is_not_taken_for_one() {
    let b = ("b/mod.rs", "//! For `crate::b`.\nmod inner;\npub use self::inner::Inner;\npub struct B;");
    let inner = ("b/inner.rs", "use super::B;\nuse crate::c::C;\npub struct Inner;");
    let c = ("c.rs", "#[cfg(test)]\nmod tests {\n    use crate::b::Inner;\n}\n");

    assert_eq!(circles_of(&[b, inner, c]), [""; 0]);

    let d = ("d/mod.rs", "use self::inner::Inner;");
    let inner =
        ("d/inner.rs", "pub(in crate::d) struct Inner(pub(in crate::d) i64);\npub(in crate::d) fn f() {}");

    assert_eq!(circles_of(&[d, inner]), [""; 0]);
}
