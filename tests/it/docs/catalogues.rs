//! The catalogues of sentences: each language has the same ones, with the same variables, and each is used.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use doorkey::domain::language::Language;
use fluent_syntax::ast::{Entry, Expression, InlineExpression, Pattern, PatternElement};

/// The variables of each sentence.
type Sentences = BTreeMap<String, BTreeSet<String>>;

/// Sentences that the handlers of pages to come will use; whoever uses one takes it out of here.
const TO_COME: [&str; 0] = [];

#[test]
fn every_language_has_every_sentence_with_the_same_variables() {
    let english = read(Language::English);
    assert!(english.len() > 80, "{}", english.len());
    for language in Language::ALL {
        let other = read(language);
        let names = |sentences: &Sentences| sentences.keys().cloned().collect::<BTreeSet<_>>();
        let missing: Vec<_> = names(&english).difference(&names(&other)).cloned().collect();
        let unknown: Vec<_> = names(&other).difference(&names(&english)).cloned().collect();
        assert_eq!((missing, unknown), (vec![], vec![]), "{}", language.tag());
        for (id, variables) in &english {
            assert_eq!(&other[id], variables, "{id} in {}", language.tag());
        }
    }
}

#[test]
fn a_sentence_that_lacks_a_variable_is_noticed() {
    let sentences = parse("a = { $b } { $c ->\n [one] { $d }\n *[other] e\n }\n", "a test");
    assert_eq!(sentences["a"], ["b", "c", "d"].map(str::to_owned).into());
}

#[test]
fn every_sentence_is_used_and_every_used_one_is_there() {
    let house = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut files = Vec::new();
    for folder in ["templates", "src/http/pages", "src/flow", "src/i18n"] {
        gather(&house.join(folder), &mut files);
    }
    let text: String = files.iter().map(|file| fs::read_to_string(file).unwrap()).collect();
    let english = read(Language::English);

    let unused: Vec<_> = english.keys().filter(|id| !text.contains(&format!("\"{id}\""))).collect();
    assert_eq!(unused, TO_COME);

    let asked = [
        "frame.say(",
        "frame.html(",
        "frame.plain(",
        "frame.text(",
        "words.say(",
        "words.say_with(",
        "words.say_html(",
    ];
    let mut found = 0;
    for call in asked {
        for rest in text.split(call).skip(1) {
            let Some(id) = rest.trim_start().strip_prefix('"').and_then(|rest| rest.split('"').next()) else {
                continue;
            };
            assert!(english.contains_key(id), "{call}{id}");
            found += 1;
        }
    }
    assert!(found > 40, "{found}");
}

#[test]
fn no_sentence_has_what_html_reads_in_another_way() {
    for language in Language::ALL {
        for (number, line) in source(language).lines().enumerate().filter(|(_, line)| !line.starts_with('#'))
        {
            let line = line.replace("->", "");
            let odd = line.find(['<', '>', '&', '"', '\'']);
            assert_eq!(odd, None, "locales/{}.ftl:{}: {line}", language.tag(), number + 1);
        }
    }
}

/// Who copies a catalogue to begin with has not translated it yet.
#[test]
fn a_catalogue_is_in_its_own_language() {
    let english: BTreeSet<_> = source(Language::English).lines().map(str::to_owned).collect();
    for language in Language::ALL.into_iter().filter(|language| *language != Language::English) {
        let text = source(language);
        let same = text.lines().filter(|line| line.contains(" = ") && english.contains(*line)).count();
        assert!(same <= 6, "{same} sentences of {} are English", language.tag());
    }
}

fn source(language: Language) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("locales/{}.ftl", language.tag()));
    fs::read_to_string(path).unwrap()
}

fn read(language: Language) -> Sentences {
    parse(&source(language), language.tag())
}

fn parse(text: &str, name: &str) -> Sentences {
    let resource = fluent_syntax::parser::parse(text).map_err(|(_, errors)| errors);
    let mut sentences = Sentences::new();
    for entry in resource.unwrap_or_else(|errors| panic!("{name}: {errors:?}")).body {
        let Entry::Message(message) = entry else { continue };
        let mut variables = BTreeSet::new();
        gather_variables(&message.value.unwrap(), &mut variables);
        assert!(
            sentences.insert(message.id.name.to_owned(), variables).is_none(),
            "{name}: {}",
            message.id.name
        );
    }
    sentences
}

fn gather_variables(pattern: &Pattern<&str>, variables: &mut BTreeSet<String>) {
    for element in &pattern.elements {
        let PatternElement::Placeable { expression } = element else { continue };
        let (Expression::Inline(inline) | Expression::Select { selector: inline, .. }) = expression;
        let InlineExpression::VariableReference { id } = inline else { panic!("{inline:?}") };
        variables.insert(id.name.to_owned());
        if let Expression::Select { variants, .. } = expression {
            for variant in variants {
                gather_variables(&variant.value, variables);
            }
        }
    }
}

fn gather(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { gather(&path, files) } else { files.push(path) }
    }
}
