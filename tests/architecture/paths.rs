//! Every path that is written in code, wherever it stands: in a `use` with its groups, in types and
//! expressions, in attributes and their strings, in a macro's arguments and in its definition.
//!
//! All of it is looked for in tokens, since to the body of a macro there is nothing else.

use proc_macro2::{Delimiter, Group, Ident, Literal, TokenStream, TokenTree};

/// A path as it is written.
#[derive(Clone, Debug, Default)]
pub struct Written {
    pub segments: Vec<String>,
    /// The name that a `use` gives it.
    pub name: Option<String>,
    pub line: usize,
    pub glob: bool,
    /// Behind a leading `::`, so the name of a crate.
    pub absolute: bool,
    /// By a `pub use` and the like.
    pub shown: bool,
}

impl Written {
    pub fn library(name: &str) -> Self {
        Self {
            segments: vec![name.to_owned()],
            absolute: true,
            ..Self::default()
        }
    }

    pub fn text(&self) -> String {
        self.segments.join("::") + if self.glob { "::*" } else { "" }
    }
}

pub fn of(tokens: &TokenStream) -> Vec<Written> {
    let mut found = Vec::new();
    Tokens::of(tokens).scan(&mut found);
    found
}

struct Tokens {
    all: Vec<TokenTree>,
    at: usize,
    /// Between `use` or `extern crate` and the semicolon.
    importing: bool,
}

impl Tokens {
    fn of(tokens: &TokenStream) -> Self {
        Self {
            all: tokens.clone().into_iter().collect(),
            at: 0,
            importing: false,
        }
    }

    fn scan(&mut self, found: &mut Vec<Written>) {
        while let Some(token) = self.all.get(self.at).cloned() {
            match token {
                TokenTree::Ident(name) => self.ident(&name, found),
                TokenTree::Group(group) if self.importing => {
                    grouped(&Written::default(), &group, found);
                    self.at += 1;
                }
                TokenTree::Group(group) => {
                    self.group(&group, found);
                    self.at += 1;
                }
                TokenTree::Punct(mark) => {
                    self.importing &= mark.as_char() != ';';
                    self.at += 1;
                }
                TokenTree::Literal(_) => self.at += 1,
            }
        }
    }

    fn group(&self, group: &Group, found: &mut Vec<Written>) {
        let attribute = self.before(1, '#') || self.before(1, '!') && self.before(2, '#');
        let visibility = self.at > 0
            && group.delimiter() == Delimiter::Parenthesis
            && self.is_ident(self.at - 1, "pub");
        if attribute && group.delimiter() == Delimiter::Bracket {
            in_attribute(&group.stream(), found);
        } else if !visibility {
            Self::of(&group.stream()).scan(found);
        }
    }

    fn ident(&mut self, name: &Ident, found: &mut Vec<Written>) {
        let text = name.to_string();
        if text == "use" || text == "extern" && self.is_ident(self.at + 1, "crate") {
            self.importing = true;
            self.at += if text == "use" { 1 } else { 2 };
            return;
        }
        let field = self.before(1, '.') && !self.before(2, '.');
        let variable = self.before(1, '$') && text != "crate";
        let defined = self.at > 0 && self.is_ident(self.at - 1, "fn");
        if field || variable || defined || self.before(1, '\'') {
            self.at += 1;
            return;
        }
        let mut path = Written {
            line: name.span().start().line,
            absolute: self.before(1, ':') && self.before(2, ':'),
            ..Written::default()
        };
        self.path(&mut path, found);
    }

    /// Reads a path from its next name on.
    fn path(&mut self, path: &mut Written, found: &mut Vec<Written>) {
        loop {
            match self.all.get(self.at) {
                Some(TokenTree::Ident(name)) => path.segments.push(plain(name)),
                Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Brace => {
                    grouped(path, group, found);
                    self.at += 1;
                    return;
                }
                Some(TokenTree::Punct(star)) if star.as_char() == '*' => {
                    path.glob = true;
                    self.at += 1;
                    break;
                }
                _ => break,
            }
            self.at += 1;
            if !(self.after(0, ':') && self.after(1, ':')) {
                break;
            }
            self.at += 2;
        }
        self.finish(path, found);
    }

    fn finish(&mut self, path: &mut Written, found: &mut Vec<Written>) {
        if self.importing {
            if path.segments.len() > 1 && path.segments.last().is_some_and(|last| last == "self") {
                path.segments.pop();
            }
            path.name = path.segments.last().cloned();
            if self.is_ident(self.at, "as") {
                path.name = self.all.get(self.at + 1).map(ToString::to_string);
                self.at += 2;
            }
        }
        let [only] = path.segments.as_slice() else {
            found.push(path.clone());
            return;
        };
        // A name by itself: a keyword or a variable as often as something of a module.
        let keyword = matches!(only.as_str(), "self" | "Self" | "super" | "crate");
        let typed = self.after(0, ':');
        let called = self.after(0, '!')
            || matches!(self.all.get(self.at), Some(TokenTree::Group(group))
                if group.delimiter() == Delimiter::Parenthesis);
        let constant = only.starts_with(char::is_uppercase);
        if self.importing || path.glob || !keyword && !typed && (called || constant) {
            found.push(path.clone());
        }
    }

    fn is_ident(&self, at: usize, text: &str) -> bool {
        matches!(self.all.get(at), Some(TokenTree::Ident(name)) if name == text)
    }

    fn is_punct(&self, at: usize, mark: char) -> bool {
        matches!(self.all.get(at), Some(TokenTree::Punct(punct)) if punct.as_char() == mark)
    }

    fn before(&self, by: usize, mark: char) -> bool {
        self.at >= by && self.is_punct(self.at - by, mark)
    }

    fn after(&self, by: usize, mark: char) -> bool {
        self.is_punct(self.at + by, mark)
    }
}

fn plain(name: &Ident) -> String {
    let text = name.to_string();
    text.strip_prefix("r#").unwrap_or(&text).to_owned()
}

/// `prefix::{a, b::{self, c as d}, *}`, taken apart.
fn grouped(prefix: &Written, group: &Group, found: &mut Vec<Written>) {
    let tokens: Vec<TokenTree> = group.stream().into_iter().collect();
    let comma = |token: &TokenTree| matches!(token, TokenTree::Punct(p) if p.as_char() == ',');
    for part in tokens.split(comma).filter(|part| !part.is_empty()) {
        let mut path = Written {
            line: part[0].span().start().line,
            ..prefix.clone()
        };
        let mut part = Tokens {
            all: part.to_vec(),
            at: 0,
            importing: true,
        };
        part.path(&mut path, found);
    }
}

/// Paths of an attribute, in its strings too; what a comment says is not code.
fn in_attribute(tokens: &TokenStream, found: &mut Vec<Written>) {
    let first = tokens.clone().into_iter().next();
    if first.is_some_and(|first| first.to_string() == "doc") {
        return;
    }
    Tokens::of(tokens).scan(found);
    in_strings(tokens, found);
}

fn in_strings(tokens: &TokenStream, found: &mut Vec<Written>) {
    for token in tokens.clone() {
        match token {
            TokenTree::Group(group) => in_strings(&group.stream(), found),
            TokenTree::Literal(literal) => found.extend(in_string(&literal)),
            _ => {}
        }
    }
}

fn in_string(literal: &Literal) -> Option<Written> {
    let text = literal.to_string();
    let text = text.strip_prefix('"')?.strip_suffix('"')?;
    let path = text
        .contains("::")
        .then(|| syn::parse_str::<syn::Path>(text))?;
    Some(Written {
        segments: path
            .ok()?
            .segments
            .iter()
            .map(|it| plain(&it.ident))
            .collect(),
        line: literal.span().start().line,
        ..Written::default()
    })
}
