//! What a file says. It is read as tokens, as the compiler would: comments, doc-tests and strings
//! are out of the way, and what stands in a macro's arguments is seen like everything else.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::{Delimiter, Group, LexError, TokenStream, TokenTree};

/// What the rules want to know of a file.
#[derive(Default)]
pub(super) struct Facts {
    /// Its paths, as they are written.
    pub(super) paths: Vec<WrittenPath>,
    /// Calls that may panic, and no `#[expect]` says why.
    pub(super) panics: Vec<Spot>,
    /// `async` and `await`.
    pub(super) asyncs: Vec<Spot>,
    /// Modules in other files.
    pub(super) modules: Vec<Module>,
    /// Names that `use` and `mod` give a meaning in this file, so that they are no crates.
    pub(super) names: BTreeSet<String>,
    /// What the names stand for that `use` brings into the file itself, and not into a module in it.
    pub(super) uses: BTreeMap<String, Vec<String>>,
}

/// A path of at least two segments, or what a `use` names.
pub(super) struct WrittenPath {
    pub(super) segments: Vec<String>,
    /// The inline modules around it.
    pub(super) scope: Vec<String>,
    pub(super) line: usize,
    pub(super) in_test: bool,
}

/// A word somewhere.
pub(super) struct Spot {
    pub(super) what: String,
    pub(super) line: usize,
    pub(super) in_test: bool,
}

/// `mod name;`
pub(super) struct Module {
    pub(super) name: String,
    /// From `#[path = "…"]`.
    pub(super) path: Option<String>,
    pub(super) in_test: bool,
}

/// What an `#[expect]` has to name to excuse a call that may panic.
const PANIC_LINTS: [&str; 6] = [
    "clippy :: unwrap_used",
    "clippy :: expect_used",
    "clippy :: panic",
    "clippy :: todo",
    "clippy :: unimplemented",
    "clippy :: dbg_macro",
];

/// Reads a file.
pub(super) fn read_tokens(text: &str) -> Result<Facts, LexError> {
    let mut facts = Facts::default();
    walk(&trees(text.parse()?), &Place::default(), &mut facts);
    Ok(facts)
}

/// Where the reader is.
#[derive(Clone, Default)]
struct Place {
    scope: Vec<String>,
    in_test: bool,
    excused: bool,
    path: Option<String>,
}

fn trees(stream: TokenStream) -> Vec<TokenTree> {
    stream.into_iter().collect()
}

fn walk(tokens: &[TokenTree], place: &Place, facts: &mut Facts) {
    let (mut place, mut at) = (place.clone(), 0);
    while at < tokens.len() {
        if !is(tokens, at, "#") {
            at = step(tokens, at, &place, facts);
        } else if let Some(attribute) = group(tokens, at + 1, Delimiter::Bracket) {
            // Outer attributes hold for the item behind them.
            let mut inside = place.clone();
            note(attribute, &mut inside, facts);
            let mut start = at + 2;
            while let (true, Some(next)) = (
                is(tokens, start, "#"),
                group(tokens, start + 1, Delimiter::Bracket),
            ) {
                note(next, &mut inside, facts);
                start += 2;
            }
            at = item_end(tokens, start);
            walk(&tokens[start..at], &inside, facts);
        } else if let (true, Some(attribute)) = (
            is(tokens, at + 1, "!"),
            group(tokens, at + 2, Delimiter::Bracket),
        ) {
            note(attribute, &mut place, facts);
            at += 3;
        } else {
            at += 1;
        }
    }
}

/// Takes note of an attribute, and of the paths in it.
fn note(attribute: &Group, place: &mut Place, facts: &mut Facts) {
    let tokens = trees(attribute.stream());
    let words = attribute.stream().to_string();
    let says = |word: &str| words.contains(word);
    match tokens.first().map(ToString::to_string).as_deref() {
        Some("doc") => return,
        Some("cfg") => {
            let arguments = words.split(|c: char| !c.is_alphanumeric() && c != '_');
            let is_test = arguments.clone().any(|word| word == "test");
            place.in_test |= is_test && !arguments.clone().any(|it| it == "not" || it == "any");
        }
        Some("test") => place.in_test = true,
        Some("expect") => place.excused |= says("reason") && PANIC_LINTS.iter().any(|it| says(it)),
        Some("path") => {
            let path = tokens.get(2).map(ToString::to_string);
            place.path = path.map(|path| path.trim_matches('"').to_owned());
        }
        _ => {}
    }
    walk(&tokens, place, facts);
}

/// Where the item, statement, field or arm ends that begins at `start`.
fn item_end(tokens: &[TokenTree], start: usize) -> usize {
    let (mut depth, mut commas_end_it) = (0_usize, true);
    for at in start..tokens.len() {
        match tokens[at].to_string().as_str() {
            ";" => return at + 1,
            "," if depth == 0 && commas_end_it => return at + 1,
            "where" => commas_end_it = false,
            "<" => depth += 1,
            ">" if !is(tokens, at.wrapping_sub(1), "-") && !is(tokens, at.wrapping_sub(1), "=") => {
                depth = depth.saturating_sub(1);
            }
            _ if group(tokens, at, Delimiter::Brace).is_some() => {
                let goes_on = [".", "?", ";", ",", "else"];
                if !goes_on.iter().any(|next| is(tokens, at + 1, next)) {
                    return at + 1;
                }
            }
            _ => {}
        }
    }
    tokens.len()
}

/// Reads what begins at `at`, and says where the next thing begins.
fn step(tokens: &[TokenTree], at: usize, place: &Place, facts: &mut Facts) -> usize {
    match &tokens[at] {
        TokenTree::Group(group) => {
            walk(&trees(group.stream()), place, facts);
            at + 1
        }
        TokenTree::Ident(word) => {
            let (word, line) = (word.to_string(), word.span().start().line);
            let spot = |what: &str| Spot {
                what: what.to_owned(),
                line,
                in_test: place.in_test,
            };
            match word.as_str() {
                "mod" => return module(tokens, at, place, facts),
                // Who may see it, which is no import.
                "pub" if group(tokens, at + 1, Delimiter::Parenthesis).is_some() => return at + 2,
                "use" => {
                    let mut found = Vec::new();
                    let end = use_tree(tokens, at + 1, &[], &mut found);
                    for (path, line, name) in found {
                        if place.scope.is_empty() && !place.in_test {
                            facts.uses.insert(name.clone(), path.clone());
                        }
                        if path.len() > 1 {
                            facts.names.insert(name);
                        }
                        facts.paths.push(written(path, line, place));
                    }
                    return end;
                }
                "async" | "await" => facts.asyncs.push(spot(&word)),
                _ => {}
            }
            let (path, end) = plain_path(tokens, at);
            let last = path.last().map_or("", String::as_str);
            let is_method = at > 0 && is(tokens, at - 1, ".");
            let panics = match last {
                "unwrap" | "expect" => is_method || path.len() > 1,
                "panic" | "todo" | "unimplemented" | "dbg" => is(tokens, end, "!"),
                _ => false,
            };
            if panics && !place.excused {
                facts.panics.push(spot(last));
            }
            if path.len() > 1 && !is_method {
                facts.paths.push(written(path, line, place));
            }
            end
        }
        // `<T as Trait>::name` and `::<T>` are no beginnings of paths.
        TokenTree::Punct(_) if is(tokens, at, ">") && is_separator(tokens, at + 1) => {
            let named = matches!(tokens.get(at + 3), Some(TokenTree::Ident(_)));
            if named {
                plain_path(tokens, at + 3).1
            } else {
                at + 3
            }
        }
        _ => at + 1,
    }
}

fn module(tokens: &[TokenTree], at: usize, place: &Place, facts: &mut Facts) -> usize {
    let Some(TokenTree::Ident(name)) = tokens.get(at + 1) else {
        return at + 1;
    };
    let name = name.to_string();
    facts.names.insert(name.clone());
    if let Some(inside) = group(tokens, at + 2, Delimiter::Brace) {
        let mut place = place.clone();
        place.scope.push(name);
        walk(&trees(inside.stream()), &place, facts);
    } else {
        facts.modules.push(Module {
            name,
            path: place.path.clone(),
            in_test: place.in_test,
        });
    }
    at + 3
}

/// A path with its line and the name that it gets in the file.
type Used = (Vec<String>, usize, String);

/// Reads one tree of a `use`, nested groups included; says where it ends.
fn use_tree(
    tokens: &[TokenTree],
    mut at: usize,
    before: &[String],
    found: &mut Vec<Used>,
) -> usize {
    let mut path = before.to_vec();
    let mut line = 0;
    while let Some(token) = tokens.get(at) {
        match token {
            TokenTree::Ident(word) if *word == "as" => {
                let name = tokens.get(at + 1).map(ToString::to_string);
                found.push((path, line, name.unwrap_or_default()));
                return at + 2;
            }
            TokenTree::Ident(word) => {
                line = word.span().start().line;
                // `a::{self}` names `a`; `self::a` begins with it.
                if *word != "self" || path.is_empty() {
                    path.push(word.to_string());
                }
            }
            TokenTree::Group(group) if group.delimiter() == Delimiter::Brace => {
                let inside = trees(group.stream());
                let mut next = 0;
                while next < inside.len() {
                    next = use_tree(&inside, next, &path, found) + 1;
                }
                return at + 1;
            }
            TokenTree::Punct(it) if it.as_char() == ':' => {}
            TokenTree::Punct(it) if it.as_char() == '*' => line = it.span().start().line,
            _ => break,
        }
        at += 1;
    }
    let name = path.last().cloned().unwrap_or_default();
    found.push((path, line, name));
    at
}

/// `a::b::c`, as far as it goes without arguments.
fn plain_path(tokens: &[TokenTree], mut at: usize) -> (Vec<String>, usize) {
    let mut path = Vec::new();
    while let Some(TokenTree::Ident(word)) = tokens.get(at) {
        path.push(word.to_string());
        at += 1;
        let goes_on = matches!(tokens.get(at + 2), Some(TokenTree::Ident(_)));
        if !is_separator(tokens, at) || !goes_on {
            break;
        }
        at += 2;
    }
    (path, at)
}

fn written(segments: Vec<String>, line: usize, place: &Place) -> WrittenPath {
    WrittenPath {
        segments,
        scope: place.scope.clone(),
        line,
        in_test: place.in_test,
    }
}

fn is_separator(tokens: &[TokenTree], at: usize) -> bool {
    is(tokens, at, ":") && is(tokens, at + 1, ":")
}

fn is(tokens: &[TokenTree], at: usize, text: &str) -> bool {
    match tokens.get(at) {
        Some(TokenTree::Group(_)) | None => false,
        Some(token) => token.to_string() == text,
    }
}

fn group(tokens: &[TokenTree], at: usize, delimiter: Delimiter) -> Option<&Group> {
    match tokens.get(at) {
        Some(TokenTree::Group(group)) if group.delimiter() == delimiter => Some(group),
        _ => None,
    }
}
