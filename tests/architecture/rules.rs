//! What is held, over any tree of sources: each rule returns the sentences to print.

use std::collections::BTreeSet;

use proc_macro2::{Delimiter, TokenStream, TokenTree};

use super::paths::{self, Written};
use super::tree::{Sources, Target, Tree};

/// A path where it is written, and all it can mean.
pub struct Mention {
    pub from: usize,
    pub path: Written,
    pub targets: BTreeSet<Target>,
}

impl Tree {
    pub fn mentions(&self) -> Vec<Mention> {
        let mut all = Vec::new();
        for (from, module) in self.modules.iter().enumerate() {
            let own = paths::of(&module.code).into_iter();
            let shown = paths::of(&module.shown).into_iter().map(|path| Written {
                shown: true,
                ..path
            });
            all.extend(own.chain(shown).map(|path| Mention {
                from,
                targets: self.resolve(from, &path),
                path,
            }));
        }
        all
    }

    fn place(&self, mention: &Mention) -> String {
        let file = &self.modules[mention.from].file;
        format!("src/{file}:{}", mention.path.line)
    }
}

/// Each room imports only from itself and those before it.
pub fn rooms(tree: &Tree, mentions: &[Mention], order: &[&str]) -> Vec<String> {
    let place = |room: &str| order.iter().position(|known| *known == room);
    let mut wrong = Vec::new();
    for module in 0..tree.modules.len() {
        let room = tree.room(module);
        if place(room).is_none() {
            wrong.push(format!("`{room}` stands nowhere in the order of rooms"));
        }
    }
    for mention in mentions {
        let own = tree.room(mention.from);
        for target in &mention.targets {
            let to = match target {
                Target::Module(to) => *to,
                Target::Through(to) if tree.modules[*to].parent.is_some() => *to,
                _ => continue,
            };
            if place(tree.room(to)) > place(own) {
                let (at, path, to) = (tree.place(mention), mention.path.text(), tree.room(to));
                wrong.push(format!(
                    "{at}: `{path}` is of `{to}`, which stands below `{own}`"
                ));
            }
        }
    }
    wrong
}

/// A library is named only where it belongs, and is named there.
pub fn libraries(tree: &Tree, mentions: &[Mention], confined: &[(&str, &[&str])]) -> Vec<String> {
    let mut wrong = Vec::new();
    for (library, places) in confined {
        let mut named: BTreeSet<&str> = BTreeSet::new();
        let target = Target::Library((*library).to_owned());
        for mention in mentions.iter().filter(|it| it.targets.contains(&target)) {
            let file = &tree.modules[mention.from].file;
            if let Some(place) = places.iter().find(|place| file.starts_with(**place)) {
                named.insert(place);
            } else {
                let (at, path) = (tree.place(mention), mention.path.text());
                wrong.push(format!(
                    "{at}: `{path}` is of {library}, which has no place here"
                ));
            }
        }
        for place in places.iter().filter(|place| !named.contains(**place)) {
            wrong.push(format!("src/{place} may name {library} and does not"));
        }
    }
    wrong
}

/// What a library has that is used nowhere.
pub fn names(tree: &Tree, mentions: &[Mention], library: &str, names: &[&str]) -> Vec<String> {
    let target = Target::Library(library.to_owned());
    let of_library = mentions.iter().filter(|it| it.targets.contains(&target));
    let named = of_library.filter(|it| {
        let is_named = |segment: &String| names.contains(&segment.as_str());
        it.path.glob || it.path.segments.iter().any(is_named)
    });
    let sentence = |it: &Mention| {
        let (at, path) = (tree.place(it), it.path.text());
        format!("{at}: `{path}` is written nowhere")
    };
    named.map(sentence).collect()
}

/// Words that stand only where they may; a macro is written with its `!`.
pub fn words(tree: &Tree, word: &str, places: &[&str]) -> Vec<String> {
    let mut wrong = Vec::new();
    for module in &tree.modules {
        if places.iter().any(|place| module.file.starts_with(place)) {
            continue;
        }
        let mut lines = Vec::new();
        lines_with(&module.code, word, &mut lines);
        let lines = lines.iter();
        wrong.extend(lines.map(|line| format!("src/{}:{line}: {word}", module.file)));
    }
    wrong
}

fn lines_with(tokens: &TokenStream, word: &str, lines: &mut Vec<usize>) {
    let (name, called) = word
        .strip_suffix('!')
        .map_or((word, false), |it| (it, true));
    let mut tokens = tokens.clone().into_iter().peekable();
    while let Some(token) = tokens.next() {
        match token {
            TokenTree::Group(group) => lines_with(&group.stream(), word, lines),
            TokenTree::Ident(ident) if ident == name => {
                let next = tokens.peek();
                let marked = matches!(next, Some(TokenTree::Punct(mark)) if mark.as_char() == '!');
                if marked || !called {
                    lines.push(ident.span().start().line);
                }
            }
            _ => {}
        }
    }
}

/// A function: where it stands, its name and its lines from `fn` to the closing brace.
pub struct Function {
    pub file: String,
    pub line: usize,
    pub name: String,
    pub lines: usize,
}

pub fn functions(tree: &Tree) -> Vec<Function> {
    let mut all = Vec::new();
    for module in &tree.modules {
        functions_in(&module.code, &module.file, &mut all);
    }
    all
}

fn functions_in(tokens: &TokenStream, file: &str, all: &mut Vec<Function>) {
    let tokens: Vec<TokenTree> = tokens.clone().into_iter().collect();
    for (at, token) in tokens.iter().enumerate() {
        match (token, &tokens[at + 1..]) {
            (TokenTree::Group(group), _) => functions_in(&group.stream(), file, all),
            (TokenTree::Ident(word), [TokenTree::Ident(name), rest @ ..]) if word == "fn" => {
                let line = word.span().start().line;
                all.extend(end_of_body(rest).map(|end| Function {
                    file: file.to_owned(),
                    line,
                    name: name.to_string(),
                    lines: end + 1 - line,
                }));
            }
            _ => {}
        }
    }
}

/// The line of the brace that closes a function, behind its name; one of a trait may have none.
fn end_of_body(rest: &[TokenTree]) -> Option<usize> {
    for token in rest {
        match token {
            TokenTree::Punct(mark) if mark.as_char() == ';' => return None,
            TokenTree::Group(body) if body.delimiter() == Delimiter::Brace => {
                return Some(body.span_close().end().line);
            }
            _ => {}
        }
    }
    None
}

/// No function is longer than it may be but those that are known to be, and no file.
pub fn sizes(
    tree: &Tree,
    sources: &Sources,
    function: usize,
    known: &[(&str, &str)],
    file: usize,
) -> Vec<String> {
    let all = functions(tree);
    let mut long: Vec<&Function> = all.iter().filter(|it| it.lines > function).collect();
    let mut wrong = Vec::new();
    for (file, name) in known {
        let before = long.len();
        long.retain(|it| (it.file.as_str(), it.name.as_str()) != (*file, *name));
        if long.len() == before {
            wrong.push(format!(
                "src/{file}: fn {name} is not long any more and leaves the list"
            ));
        }
    }
    for it in long {
        let (file, line, name, lines) = (&it.file, it.line, &it.name, it.lines);
        wrong.push(format!("src/{file}:{line}: fn {name} has {lines} lines"));
    }
    let lines = |text: &String| text.lines().count();
    for (path, text) in sources.iter().filter(|(_, text)| lines(text) > file) {
        wrong.push(format!("src/{path} has {} lines", lines(text)));
    }
    if !wrong.is_empty() {
        let functions = median(all.iter().map(|it| it.lines).collect());
        let files = median(sources.values().map(lines).collect());
        wrong.push(format!(
            "the median function has {functions} lines, the median file {files}"
        ));
    }
    wrong
}

fn median(mut sizes: Vec<usize>) -> usize {
    sizes.sort_unstable();
    sizes.get(sizes.len() / 2).copied().unwrap_or(0)
}

/// What the first column of a table names, below a heading of a Markdown text.
pub fn first_column(text: &str, heading: &str) -> Vec<String> {
    let below = text.split_once(heading).map_or("", |(_, below)| below);
    let section = below.split("\n## ").next().unwrap_or(below);
    let cells = section.lines().filter_map(|line| line.strip_prefix("| "));
    cells
        .filter_map(|line| line.split('|').next())
        .flat_map(|cell| cell.split('`').skip(1).step_by(2))
        .map(str::to_owned)
        .collect()
}
