//! Circles between the files and folders of one folder.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::fmt;

use super::rules::Mention;
use super::tree::{Id, Target, Tree};

/// Siblings of which each needs each of the others, with one way around.
#[derive(Debug)]
pub struct Circle {
    /// The file that holds the siblings together.
    pub folder: String,
    pub siblings: Vec<String>,
    way: Vec<(String, String)>,
}

impl fmt::Display for Circle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let files: Vec<&str> = self.way.iter().map(|(file, _)| file.as_str()).collect();
        writeln!(f, "{}: {} → {}", self.folder, files.join(" → "), files[0])?;
        for (_, why) in &self.way {
            writeln!(f, "    {why}")?;
        }
        write!(f, "    all of them: {}", self.siblings.join(", "))
    }
}

/// Which sibling needs which others, each with a line that says so.
type Needs = BTreeMap<Id, BTreeMap<Id, String>>;

pub fn circles(tree: &Tree, mentions: &[Mention]) -> Vec<Circle> {
    let folders = (0..tree.modules.len()).filter(|id| {
        let module = &tree.modules[*id];
        module.parent.is_some() && !module.inline
    });
    folders
        .flat_map(|folder| circles_of(tree, folder, &needs(tree, folder, mentions)))
        .collect()
}

fn needs(tree: &Tree, folder: Id, mentions: &[Mention]) -> Needs {
    let mut needs = Needs::new();
    for mention in mentions {
        let Some(from) = sibling(tree, folder, mention.from) else {
            continue;
        };
        for target in &mention.targets {
            let (to, through) = match target {
                Target::Module(to) => (*to, false),
                Target::Through(to) => (*to, true),
                Target::Library(_) => continue,
            };
            let Some(to) = sibling(tree, folder, to).filter(|to| *to != from) else {
                continue;
            };
            // The folder's own file may show what its files have: who takes it from there needs
            // the file that has it, and showing needs nothing.
            let showing = from == folder && mention.path.shown || to == folder && through;
            if !showing {
                let (file, line) = (&tree.modules[mention.from].file, mention.path.line);
                let why = format!("src/{file}:{line} names `{}`", mention.path.text());
                needs.entry(from).or_default().entry(to).or_insert(why);
            }
        }
    }
    needs
}

/// The file or folder of `folder` that a module lies in: its own file is one of them.
fn sibling(tree: &Tree, folder: Id, module: Id) -> Option<Id> {
    let files: Vec<Id> = tree
        .around(module)
        .filter(|id| !tree.modules[*id].inline)
        .collect();
    let at = files.iter().position(|file| *file == folder)?;
    Some(files[at.saturating_sub(1)])
}

fn circles_of(tree: &Tree, folder: Id, needs: &Needs) -> Vec<Circle> {
    let reached: BTreeMap<Id, BTreeSet<Id>> =
        needs.keys().map(|id| (*id, reached(needs, *id))).collect();
    let mut seen = BTreeSet::new();
    let mut circles = Vec::new();
    for (id, all) in &reached {
        if !all.contains(id) || seen.contains(id) {
            continue;
        }
        let together = |other: &&Id| reached.get(other).is_some_and(|back| back.contains(id));
        let members: Vec<Id> = all.iter().filter(together).copied().collect();
        seen.extend(members.iter().copied());
        let file = |id: &Id| tree.modules[*id].file.clone();
        let shortest = members
            .iter()
            .filter_map(|id| way_back(needs, *id))
            .min_by_key(Vec::len);
        let way = shortest.unwrap_or_default();
        circles.push(Circle {
            folder: file(&folder),
            siblings: members.iter().map(file).collect(),
            way: way.into_iter().map(|(id, why)| (file(&id), why)).collect(),
        });
    }
    circles
}

fn reached(needs: &Needs, start: Id) -> BTreeSet<Id> {
    let mut reached = BTreeSet::new();
    let mut open = vec![start];
    while let Some(id) = open.pop() {
        let next = needs.get(&id).into_iter().flat_map(BTreeMap::keys);
        open.extend(next.filter(|next| reached.insert(**next)));
    }
    reached
}

/// The shortest way from a sibling around to itself: each step with the line that makes it.
fn way_back(needs: &Needs, start: Id) -> Option<Vec<(Id, String)>> {
    let mut open = VecDeque::from([(start, Vec::new())]);
    let mut seen = BTreeSet::new();
    while let Some((id, way)) = open.pop_front() {
        for (next, why) in needs.get(&id).into_iter().flatten() {
            let mut way: Vec<(Id, String)> = way.clone();
            way.push((id, why.clone()));
            if *next == start {
                return Some(way);
            }
            if seen.insert(*next) {
                open.push_back((*next, way));
            }
        }
    }
    None
}
