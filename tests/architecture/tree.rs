//! The modules of the library and of the command as a compiler finds them from `lib.rs` and
//! `main.rs`, without what is only compiled for tests; and what a path means in one of them.

use std::collections::{BTreeMap, BTreeSet};

use proc_macro2::TokenStream;
use quote::ToTokens;
use syn::{Item, ItemMod, ItemUse, Visibility};

use super::paths::{self, Written};
use super::untested::without_tests;

/// What the library is called by the command.
const LIBRARY: &str = "imgsearch";

/// The sources by their paths below `src/`.
pub type Sources = BTreeMap<String, String>;

/// The place of a module in its tree.
pub type Id = usize;

/// All modules, parents before their children.
pub struct Tree {
    pub modules: Vec<Module>,
    /// The files that are only compiled for tests.
    pub tests: BTreeSet<String>,
}

#[derive(Default)]
pub struct Module {
    pub name: String,
    pub parent: Option<Id>,
    pub file: String,
    /// Whether it stands in the file of its parent.
    pub inline: bool,
    /// What its own lines say, modules within left out.
    pub code: TokenStream,
    /// Its `pub use` lines and the like: what it shows and need not itself know.
    pub shown: TokenStream,
    children: BTreeMap<String, Id>,
    defined: BTreeSet<String>,
    /// Names that stand for paths; one may have several, each under a `cfg` of its own.
    imported: BTreeMap<String, Vec<Written>>,
    globs: Vec<Written>,
}

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Target {
    /// A module, or something that it defines.
    Module(Id),
    /// A module that shows what another defines.
    Through(Id),
    /// Another crate, or a name of the language.
    Library(String),
}

impl Tree {
    /// # Panics
    ///
    /// If a file cannot be parsed or is missing, or if one is reached neither as a module nor as a
    /// test.
    pub fn of(sources: &Sources) -> Self {
        let mut tree = Self {
            modules: Vec::new(),
            tests: BTreeSet::new(),
        };
        for (root, name) in [("lib.rs", "lib"), ("main.rs", "main")] {
            if sources.contains_key(root) {
                tree.read(sources, root, name, None);
            }
        }
        for file in sources.keys() {
            let read = tree.modules.iter().any(|module| module.file == *file);
            assert!(
                read || tree.tests.contains(file),
                "src/{file} is no module of anything"
            );
        }
        tree
    }

    fn read(&mut self, sources: &Sources, file: &str, name: &str, parent: Option<Id>) -> Id {
        let text = &sources[file];
        let parsed =
            syn::parse_file(text).unwrap_or_else(|error| panic!("src/{file} is no Rust: {error}"));
        let (parsed, tests) = without_tests(parsed);
        for test in tests {
            self.leave_out(sources, file, &test);
        }
        let module = Module {
            name: name.to_owned(),
            parent,
            file: file.to_owned(),
            ..Module::default()
        };
        self.add(sources, module, parsed.items)
    }

    /// Takes the file of a module that is a test, and those below it, for tests.
    fn leave_out(&mut self, sources: &Sources, file: &str, module: &str) {
        let own = file_of(sources, file, module);
        let below = format!(
            "{}/",
            own.trim_end_matches("/mod.rs").trim_end_matches(".rs")
        );
        let all = sources.keys().filter(|file| file.starts_with(&below));
        self.tests.extend(all.cloned());
        self.tests.insert(own);
    }

    fn add(&mut self, sources: &Sources, module: Module, items: Vec<Item>) -> Id {
        let id = self.modules.len();
        self.modules.push(module);
        for item in items {
            match item {
                Item::Mod(inner) => self.add_child(sources, id, inner),
                Item::Use(import) => self.modules[id].import(&import),
                item => self.modules[id].define(&item),
            }
        }
        id
    }

    fn add_child(&mut self, sources: &Sources, parent: Id, inner: ItemMod) {
        let name = inner.ident.to_string();
        let file = self.modules[parent].file.clone();
        let moved = inner.attrs.iter().any(|it| it.path().is_ident("path"));
        assert!(
            !moved,
            "src/{file} keeps `{name}` where nobody looks for it"
        );
        let child = if let Some((_, items)) = inner.content {
            let module = Module {
                name: name.clone(),
                parent: Some(parent),
                file,
                inline: true,
                ..Module::default()
            };
            self.add(sources, module, items)
        } else {
            let file = file_of(sources, &file, &name);
            self.read(sources, &file, &name, Some(parent))
        };
        self.modules[parent].children.insert(name, child);
    }

    /// The module and those that it lies in, from the inside out.
    pub fn around(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        std::iter::successors(Some(id), |id| self.modules[*id].parent)
    }

    /// The room that a module lies in; `lib.rs` and `main.rs` are rooms of their own.
    pub fn room(&self, id: Id) -> &str {
        let chain: Vec<Id> = self.around(id).collect();
        let room = chain.len().saturating_sub(2);
        &self.modules[chain[room]].name
    }

    fn root(&self, id: Id) -> Id {
        self.around(id).last().unwrap_or(id)
    }

    /// All that a path can mean where it stands.
    pub fn resolve(&self, from: Id, path: &Written) -> BTreeSet<Target> {
        let mut found = BTreeSet::new();
        self.follow(from, path, &mut Vec::new(), &mut found);
        found
    }

    fn follow(
        &self,
        from: Id,
        path: &Written,
        under_way: &mut Vec<(Id, String)>,
        found: &mut BTreeSet<Target>,
    ) {
        let [first, rest @ ..] = path.segments.as_slice() else {
            return;
        };
        let start = match first.as_str() {
            "crate" => self.root(from),
            "self" => from,
            "super" => self.modules[from].parent.unwrap_or(from),
            LIBRARY if self.modules[0].name == "lib" => 0,
            name => {
                if path.absolute || !self.walk(from, &path.segments, under_way, found) {
                    found.insert(Target::Library(name.to_owned()));
                }
                return;
            }
        };
        self.enter(start, rest, under_way, found);
    }

    /// What the names mean inside a module that is sure to be meant.
    fn enter(
        &self,
        at: Id,
        names: &[String],
        under_way: &mut Vec<(Id, String)>,
        found: &mut BTreeSet<Target>,
    ) {
        match names {
            [name, rest @ ..] if name == "self" => self.enter(at, rest, under_way, found),
            [name, rest @ ..] if name == "super" => {
                let parent = self.modules[at].parent.unwrap_or(at);
                self.enter(parent, rest, under_way, found);
            }
            [_, ..] if self.walk(at, names, under_way, found) => {}
            // The module itself, or what a macro defined, which stands in no list.
            _ => {
                found.insert(Target::Module(at));
            }
        }
    }

    /// What the names mean if the first is one of a module's; false if it is not.
    fn walk(
        &self,
        at: Id,
        names: &[String],
        under_way: &mut Vec<(Id, String)>,
        found: &mut BTreeSet<Target>,
    ) -> bool {
        let module = &self.modules[at];
        let [name, rest @ ..] = names else {
            return false;
        };
        let mut known = module.defined.contains(name);
        if known {
            found.insert(Target::Module(at));
        }
        if let Some(child) = module.children.get(name) {
            self.enter(*child, rest, under_way, found);
            known = true;
        }
        let here = (at, name.clone());
        if under_way.contains(&here) {
            return known;
        }
        under_way.push(here);
        for import in module.imported.get(name).into_iter().flatten() {
            let mut whole = import.clone();
            whole.segments.extend_from_slice(rest);
            self.follow(at, &whole, under_way, found);
            found.insert(Target::Through(at));
            known = true;
        }
        if !known {
            known = self.through_globs(at, names, under_way, found);
        }
        under_way.pop();
        known
    }

    fn through_globs(
        &self,
        at: Id,
        names: &[String],
        under_way: &mut Vec<(Id, String)>,
        found: &mut BTreeSet<Target>,
    ) -> bool {
        let mut known = false;
        for glob in &self.modules[at].globs {
            let mut wholes = BTreeSet::new();
            self.follow(at, glob, under_way, &mut wholes);
            for whole in wholes {
                match whole {
                    Target::Module(id) if self.walk(id, names, under_way, found) => {
                        found.insert(Target::Through(at));
                        known = true;
                    }
                    // Whether it has the name cannot be seen from here: it is taken to have it.
                    Target::Library(_) if glob.shown => {
                        found.insert(whole);
                        known = true;
                    }
                    _ => {}
                }
            }
        }
        known
    }
}

impl Module {
    fn import(&mut self, import: &ItemUse) {
        let shown = !matches!(import.vis, Visibility::Inherited);
        let tokens = import.to_token_stream();
        for mut path in paths::of(&tokens) {
            path.shown = shown;
            match (&path.name, path.glob) {
                (_, true) => self.globs.push(path),
                (Some(name), _) => self.imported.entry(name.clone()).or_default().push(path),
                (None, _) => {}
            }
        }
        if shown {
            self.shown.extend(tokens);
        } else {
            self.code.extend(tokens);
        }
    }

    fn define(&mut self, item: &Item) {
        let name = match item {
            Item::Const(item) => Some(&item.ident),
            Item::Enum(item) => Some(&item.ident),
            Item::Fn(item) => Some(&item.sig.ident),
            Item::Macro(item) => item.ident.as_ref(),
            Item::Static(item) => Some(&item.ident),
            Item::Struct(item) => Some(&item.ident),
            Item::Trait(item) => Some(&item.ident),
            Item::TraitAlias(item) => Some(&item.ident),
            Item::Type(item) => Some(&item.ident),
            Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        self.defined.extend(name.map(ToString::to_string));
        if let Item::ExternCrate(item) = item {
            let name = item.rename.as_ref().map_or(&item.ident, |(_, name)| name);
            let path = Written::library(&item.ident.to_string());
            self.imported
                .entry(name.to_string())
                .or_default()
                .push(path);
        }
        self.code.extend(item.to_token_stream());
    }
}

/// Where `mod name;` in a file leads.
fn file_of(sources: &Sources, file: &str, name: &str) -> String {
    let folder = match file {
        "lib.rs" | "main.rs" => "",
        _ => file
            .strip_suffix("mod.rs")
            .unwrap_or(file.trim_end_matches(".rs")),
    };
    let folder = folder.trim_end_matches('/');
    let slash = if folder.is_empty() { "" } else { "/" };
    [".rs", "/mod.rs"]
        .map(|end| format!("{folder}{slash}{name}{end}"))
        .into_iter()
        .find(|path| sources.contains_key(path))
        .unwrap_or_else(|| panic!("src/{file} has a module `{name}` that has no file"))
}
